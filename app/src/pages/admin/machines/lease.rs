//! Who has a machine, and what is done about it: on the machine's own page, and in a row of the list.

use contract::allocations::{AllocationQuery, AllocationState, AllocationView, LeaseToCome, MachineHolder};
use contract::machines::{MachineView, Pool};
use contract::{May, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::{OpContext, Platform};

use crate::door::{door, look};
use crate::pages::admin::allocations::list::{allocation_state, lease_state, standing_word};
use crate::pages::admin::allocations::server_fns::EndAllocation;
use crate::paths;
use crate::ui::ask::{Ask, may_open};
use crate::ui::format::NOT_MEASURED;
use crate::ui::state::{Tone, state};
use crate::ui::time::{end_time, time};
use crate::ways;
use crate::words::Words;

/// Allocations that have the machine, or will: whoever has it now first.
pub(crate) struct Leases {
    pub now: Option<AllocationView>,
    pub later: Vec<AllocationView>,
}

impl Leases {
    /// Of this machine; nothing for who does not see allocations.
    pub(crate) async fn load(platform: &Platform, ctx: &OpContext, code: &str) -> platform::Result<Option<Self>> {
        if !ctx.holds(Permission::AllocationsManage) {
            return Ok(None);
        }
        // Those that are over come last.
        let query =
            AllocationQuery { machine: Some(code.to_owned()), page_size: Some(20), ..AllocationQuery::default() };
        Ok(Some(Self::of(platform::allocations::list(platform, ctx, &query).await?.list)))
    }

    /// Whoever has it now, where the caller may move the end of that, or take the machine back.
    pub(crate) fn movable(&self, ctx: &OpContext) -> Option<&AllocationView> {
        self.now.as_ref().filter(|lease| ctx.holds(Permission::AllocationsUpdate) && lease.state.can_be_moved())
    }

    /// Of a machine's allocations, in any order.
    fn of(list: Vec<AllocationView>) -> Self {
        let held = list.into_iter().filter(|row| row.state.holds());
        let (mut later, mut now): (Vec<_>, Vec<_>) = held.partition(|row| row.state == AllocationState::Scheduled);
        later.sort_by_key(|row| row.starts_at);
        Self { now: now.pop(), later }
    }
}

/// The buttons of the page's head: to lend a free machine, to renew or take back one that is lent.
pub(super) fn actions(words: Words, code: &str, leases: Option<&Leases>, may_lend: &May) -> AnyView {
    let Some((leases, lease)) = leases.and_then(|leases| Some((leases, leases.now.as_ref()?))) else {
        return may_open(may_lend, "allocate", words.t("machine-allocate"), paths::machine_allocate(code), "btn")
            .into_any();
    };
    let here = paths::allocation(lease.id);
    if leases.movable(&door().1).is_none() {
        return view! { <a class="btn" href=here>{words.t("lease-open")}</a> }.into_any();
    }
    let question = words.t("allocation-reclaim-hint");
    let reclaim = Ask::new("reclaim", words.t("allocation-reclaim"), question, EndAllocation::url())
        .yes(words.t("allocation-reclaim-confirm"))
        .field("id", lease.id);
    view! {
        <a class="btn" href=format!("{here}#renew")>{words.t("lease-renew")}</a>
        {reclaim.view(words)}
    }
    .into_any()
}

/// Who has it until when, and who comes next.
pub(super) fn card(words: Words, machine: &MachineView, leases: &Leases, may_lend: &May) -> impl IntoView + use<> {
    let zone = look().zone;
    let body = match (&leases.now, machine.pool) {
        (Some(lease), _) => facts(words, lease).into_any(),
        (None, Pool::Shared) => view! { <p class="note-line">{words.t("lease-shared")}</p> }.into_any(),
        (None, Pool::Whole) => view! { <p class="note-line">{words.t("lease-free")}</p> }.into_any(),
    };
    let later = leases.later.iter().map(|lease| {
        view! {
            <dt>{words.t("lease-next")}</dt>
            <dd>
                {ways::link(paths::allocation(lease.id), lease.customer_name.clone())}
                " " {time(lease.starts_at, zone)} " "
                {lease.waits_for.map(|_| allocation_state(words, lease))}
            </dd>
        }
    });
    let later = (!leases.later.is_empty()).then(|| view! { <dl class="facts">{later.collect_view()}</dl> });
    let lend = (leases.now.is_some() && may_lend.allowed).then(|| {
        view! {
            <p class="note-line">
                <a class="link" href=paths::machine_allocate(&machine.id)>{words.t("lease-later")}</a>
            </p>
        }
    });
    let state = leases.now.as_ref().map(|lease| view! { <span class="end">{allocation_state(words, lease)}</span> });
    view! {
        <section class="card" id="lease">
            <header><h2>{words.t("lease-title")}</h2>{state}</header>
            {body}
            {later}
            {lend}
        </section>
    }
}

fn facts(words: Words, lease: &AllocationView) -> impl IntoView + use<> {
    let zone = look().zone;
    let asked = lease.open_request.map(|_| {
        view! {
            <dt>{words.t("allocation-asked")}</dt>
            <dd><a class="link" href=format!("{}#request", paths::allocation(lease.id))>{words.t("renewal-state-open")}</a></dd>
        }
    });
    view! {
        <dl class="facts">
            <dt>{words.t("lease-holder")}</dt>
            <dd>{ways::link(paths::customer(lease.customer_id), lease.customer_name.clone())}</dd>
            <dt>{words.t("lease-period")}</dt>
            <dd>
                <a class="link" href=paths::allocation(lease.id)>
                    {time(lease.starts_at, zone)} " – " {end_time(lease.ends_at, zone)}
                </a>
            </dd>
            {asked}
            <dt>{words.t("customer-remark")}</dt>
            <dd>{lease.remark.clone().unwrap_or_else(|| NOT_MEASURED.to_owned())}</dd>
        </dl>
    }
}

/// The cell of a list: the customer, and how long still. Who is to have it next, where nobody has it, or where that waits.
pub(super) fn holder(words: Words, holder: Option<&MachineHolder>, next: Option<&LeaseToCome>) -> AnyView {
    let next = next.filter(|lease| holder.is_none() || lease.waits_for.is_some()).map(|lease| {
        let tone = if lease.waits_for.is_some() { Tone::Warn } else { Tone::Info };
        view! {
            {ways::name(paths::allocation(lease.allocation_id), lease.customer_name.clone())}
            " "
            {state(tone, standing_word(words, AllocationState::Scheduled, lease.waits_for))}
            " "
            <span class="sub">{time(lease.starts_at, look().zone)}</span>
        }
        .into_any()
    });
    let Some(holder) = holder else { return next.unwrap_or_else(|| NOT_MEASURED.into_any()) };
    view! {
        {ways::name(paths::allocation(holder.allocation_id), holder.customer_name.clone())}
        " "
        {lease_state(words, holder.state, holder.ends_at)}
        " "
        {next}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(id: i64, state: AllocationState, starts: i64) -> AllocationView {
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
        AllocationView {
            id: contract::AllocationId(id),
            machine: "h1".to_owned(),
            machine_name: "h1".to_owned(),
            region: None,
            gpu_model: None,
            gpu_count: None,
            presence: Some(contract::machines::Presence::NeverSeen),
            monitored: true,
            load: None,
            ssh: None,
            customer_id: contract::CustomerId(1),
            customer_name: "Acme".to_owned(),
            starts_at: at(starts),
            ends_at: at(starts + 1),
            grace_days: 3,
            state,
            days_left: 1,
            remark: None,
            ended_at: None,
            waits_since: None,
            began_at: None,
            waits_for: None,
            open_request: None,
            reminded_days: None,
            maintenance: None,
            revision: 1,
        }
    }

    #[test]
    fn who_has_it_is_told_from_who_comes_next() {
        let leases = Leases::of(vec![
            lease(1, AllocationState::Ended, 0),
            lease(2, AllocationState::Scheduled, 90),
            lease(3, AllocationState::Reclaiming, 10),
            lease(4, AllocationState::Scheduled, 50),
            lease(5, AllocationState::Cancelled, 20),
        ]);
        assert_eq!(leases.now.map(|row| row.id.0), Some(3));
        assert_eq!(leases.later.iter().map(|row| row.id.0).collect::<Vec<_>>(), [4, 2]);
        assert!(Leases::of(Vec::new()).now.is_none());
    }
}
