//! An allocation: its period, what can be done with it, its check-list and its history.

use contract::allocations::{
    AllocationDetail, AllocationEventView, AllocationState, AllocationView, ReclaimStepView, RenewalRequestView,
    StepState, WaitReason,
};
use contract::machines::{MachineAction, gpus_in_words};
use contract::{AllocationId, May, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::allocations::can_be_skipped;

use super::form::LeaseForm;
use super::list::{allocation_state, decision_form};
use super::server_fns::{EndAllocation, RenewAllocation, SkipReclaimStep};
use crate::door::{Refused, door, id_of_path, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::machines::server_fns::ActOnMachine;
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::format;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::{end_time, time};
use crate::ways;
use crate::words::Words;

/// `/admin/allocations/{id}`.
#[component]
pub fn AllocationPage() -> impl IntoView {
    let id: AllocationId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let detail = platform::allocations::get(&platform, &ctx, id).await?;
            Ok((detail, platform::allocations::may_extend(&platform, &ctx, id).await?))
        },
        |(detail, may_extend)| allocation_view(detail, &may_extend),
    )
}

fn allocation_view(detail: AllocationDetail, may_extend: &May) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let AllocationDetail { allocation, events, requests, steps } = detail;
    let refused = Refused::from_query();
    let title = words.with(
        "allocation-title",
        &[("machine", allocation.machine_name.clone()), ("customer", allocation.customer_name.clone())],
    );
    // What has not begun was not handed over.
    let handed_over = !matches!(allocation.state, AllocationState::Scheduled | AllocationState::Cancelled);
    let paper = handed_over
        .then(|| view! { <a class="btn" href=paths::handover(allocation.id)>{words.t("handover-page")}</a> });
    let head = PageFrame::new(title, Area::Allocations)
        .crumb(words.t("nav-allocations"), paths::ALLOCATIONS)
        .beside(view! { <span data-part="state">{allocation_state(words, &allocation)}</span> })
        .actions(paper);
    let may_change = ctx.holds(Permission::AllocationsUpdate);
    let general = refused.as_ref().map(|r| r.message(words.0));
    let follow = allocation.state.holds().then(|| follow(words, &allocation, &steps));
    let waits = allocation.waits_since.map(|_| {
        let is_occupied = allocation.waits_for == Some(WaitReason::Occupied);
        let text = if is_occupied { "allocation-waits-occupied" } else { "allocation-waits" };
        view! { <div class="card notice" role="note"><p>{words.t(text)}</p></div> }
    });
    frame(
        head,
        view! {
            {follow}
            {form_fault(general)}
            {waits}
            <div class="split">
                <div class="main-column" data-part="main">
                    {may_change.then(|| open_request(words, &allocation, requests, refused.as_ref()))}
                    {(!steps.is_empty()).then(|| steps_card(words, &allocation, steps, may_change))}
                    {may_change.then(|| forms(words, &allocation, may_extend, refused.as_ref()))}
                    {history_card(words, events)}
                </div>
                <aside class="side-column" aria-label=words.t("customer-facts")>{facts(words, &allocation)}</aside>
            </div>
        },
    )
}

/// Brings the page up to date when the allocation or a step stands otherwise than it shows: what waits is tried every few
/// seconds.
fn follow(words: Words, allocation: &AllocationView, steps: &[ReclaimStepView]) -> impl IntoView + use<> {
    view! {
        <rg-follow
            data-href=format!("/api/admin/allocations/{}", allocation.id)
            data-seen=standing(allocation.state, steps)
            data-changed=words.t("my-machine-changed")
        >
            <span role="status" class="unseen-text"></span>
        </rg-follow>
    }
}

/// How the allocation and its steps stand, as `rg-follow` puts it together: a waiting step has another time at nearly every
/// try, so of those only why it waits counts, or the figures as they are shown.
fn standing(state: AllocationState, steps: &[ReclaimStepView]) -> String {
    let steps = steps.iter().map(|step| match step.state {
        StepState::Waiting => format!(" waiting{}", waits_for(step)),
        over => format!(" {}{}", over.code(), step.at.format("%FT%T")),
    });
    format!("{}{}", state.code(), steps.collect::<String>())
}

/// Bytes change all the time: tenths of a GiB are what is read.
fn waits_for(step: &ReclaimStepView) -> String {
    if let Some(reason) = step.result.get("reason") {
        return reason.clone();
    }
    let figures = ["processes", "missing", "ecc", "xid"].into_iter().filter_map(|name| step.result.get(name).cloned());
    let used = step.result.get("usedBytes").and_then(|used| used.parse::<f64>().ok());
    let used = used.map(|used| format!("{:.0}", (used / f64::from(1 << 30) * 10.0).floor()));
    figures.chain(used).collect::<Vec<_>>().join(",")
}

/// When it began, where that was not as agreed.
pub(super) fn began(words: Words, allocation: &AllocationView) -> Option<impl IntoView + use<>> {
    let zone = look().zone;
    allocation.began_at.map(|at| view! { <dt>{words.t("allocation-began")}</dt> <dd>{time(at, zone)}</dd> })
}

fn facts(words: Words, allocation: &AllocationView) -> impl IntoView + use<> {
    let zone = look().zone;
    let gpus = allocation.gpu_model.as_ref().map(|model| gpus_in_words(allocation.gpu_count.unwrap_or(0), model));
    view! {
        <section class="card">
            <header><h2>{words.t("customer-facts")}</h2></header>
            <dl class="facts">
                <dt>{words.t("allocation-machine")}</dt>
                <dd>{ways::link(paths::machine(&allocation.machine), allocation.machine_name.clone())}</dd>
                <dt>{words.t("machines-gpu")}</dt>
                <dd>{gpus.unwrap_or_else(|| format::NOT_MEASURED.to_owned())}</dd>
                <dt>{words.t("allocation-customer")}</dt>
                <dd>{ways::link(paths::customer(allocation.customer_id), allocation.customer_name.clone())}</dd>
                <dt>{words.t("allocation-starts")}</dt>
                <dd>{time(allocation.starts_at, zone)}</dd>
                {began(words, allocation)}
                <dt>{words.t("allocation-ends")}</dt>
                <dd>{end_time(allocation.ends_at, zone)}</dd>
                <dt>{words.t("allocate-grace")}</dt>
                <dd>{allocation.grace_days}</dd>
                <dt>{words.t("customer-remark")}</dt>
                <dd>{allocation.remark.clone().unwrap_or_else(|| format::NOT_MEASURED.to_owned())}</dd>
            </dl>
        </section>
    }
}

/// The customer's wish for more time that waits for an answer.
fn open_request(
    words: Words,
    allocation: &AllocationView,
    requests: Vec<RenewalRequestView>,
    refused: Option<&Refused>,
) -> Option<impl IntoView + use<>> {
    let open = requests.into_iter().find(|request| Some(request.id) == allocation.open_request)?;
    let form = decision_form(words, open, refused, Some(paths::allocation(allocation.id)));
    Some(view! {
        <section class="card" id="request">
            <header><h2>{words.t("renewals-open")}</h2></header>
            {form}
        </section>
    })
}

fn forms(words: Words, allocation: &AllocationView, may_extend: &May, refused: Option<&Refused>) -> Option<AnyView> {
    if !allocation.state.can_be_moved() {
        return None;
    }
    // A refused answer to a request is shown where it was given.
    let refused = refused.filter(|refused| !refused.typed.contains_key("request"));
    let answers =
        allocation.open_request.map(|_| view! { <p class="note-line">{words.t("allocation-move-answers")}</p> });
    // Said before it is tried; an earlier end is always possible.
    let no_longer = may_extend.why_not.clone().map(|why| {
        view! { <p class="note-line">{words.with("allocation-no-longer", &[("why", why)])}</p> }
    });
    let form = refused.map(LeaseForm::from_typed).unwrap_or_default();
    let field = |key: &str, name: &str, path: &str, value: &str, kind: &'static str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: refused.and_then(|r| r.fault(words.0, path)),
        kind,
        max_length: (kind == "text").then_some(1000),
        ..TextField::default()
    };
    let end_key =
        if allocation.state == AllocationState::Scheduled { "allocation-cancel" } else { "allocation-reclaim" };
    let end_hint = words.t(&format!("{end_key}-hint"));
    let end = Ask::new("end", words.t(end_key), end_hint.clone(), EndAllocation::url())
        .yes(words.t(&format!("{end_key}-confirm")))
        .field("id", allocation.id)
        .inside(text_field(TextField { form: "end", ..field("allocation-note", "word", "note", "", "text") }));
    let id = allocation.id.to_string();
    let zone = platform::settings::usual_time_zone(&door().0).name().to_owned();
    Some(
        view! {
            <section class="card" id="renew">
                <header>
                    <h2>{words.t("allocation-move-end")}</h2>
                    <span class="end">{words.with("allocation-move-hint", &[("zone", zone)])}</span>
                </header>
                {no_longer}
                {answers}
                <form class="form inline" method="post" action=RenewAllocation::url()>
                    <input r#type="hidden" name="id" value=id />
                    <input r#type="hidden" name="form[revision]" value=allocation.revision.to_string() />
                    {text_field(field("allocation-note", "word", "note", &form.word, "text"))}
                    {text_field(field("allocation-more-months", "months", "months", &form.months, "number"))}
                    {text_field(field("allocate-until", "ends", "endsAt", &form.ends, "date"))}
                    <p class="actions"><button class="btn primary">{words.t("allocation-move-end")}</button></p>
                </form>
            </section>
            <section class="card">
                <header>
                    <h2>{words.t(end_key)}</h2>
                </header>
                <p class="note-line">{end_hint}</p>
                <div class="actions">{end.view(words)}</div>
            </section>
        }
        .into_any(),
    )
}

/// The check-list of taking the machine back.
fn steps_card(
    words: Words,
    allocation: &AllocationView,
    steps: Vec<ReclaimStepView>,
    may_change: bool,
) -> impl IntoView + use<> {
    let zone = look().zone;
    let (id, code) = (allocation.id.to_string(), allocation.machine.clone());
    let back = paths::allocation(allocation.id);
    let going_on = allocation.state == AllocationState::Reclaiming;
    let may_listen = going_on && door().1.holds(MachineAction::MonitoringOn.permission());
    let rows = steps.into_iter().map(move |step| {
        // What waits only for this is told how to go on.
        let unheard = step.result.get("reason").is_some_and(|reason| reason == "not_monitored");
        let listen = (may_listen && unheard).then(|| {
            view! {
                <form method="post" action=ActOnMachine::url()>
                    <input r#type="hidden" name="code" value=code.clone() />
                    <input r#type="hidden" name="back" value=back.clone() />
                    <button class="btn small" name="action" value=MachineAction::MonitoringOn.code()>
                        {words.t("action-monitoring-on")}
                    </button>
                </form>
            }
        });
        let skip =
            (may_change && going_on && step.state == StepState::Waiting && can_be_skipped(&step.step)).then(|| {
                let name = words.t(&format!("step-{}", step.step));
                let question = words.t("step-skip-hint");
                Ask::new(format!("step-{}", step.step), words.t("step-skip"), question, SkipReclaimStep::url())
                    .row(words.with("step-skip-of", &[("name", name)]))
                    .yes(words.t("step-skip-confirm"))
                    .field("id", &id)
                    .field("step", &step.step)
                    .view(words)
            });
        view! {
            <tr>
                <th scope="row">{words.t(&format!("step-{}", step.step))}</th>
                <td data-label=words.t("allocation-state")>{step_state(words, &step)}</td>
                <td data-label=words.t("step-seen")>{seen(words, &step)}</td>
                <td data-label=words.t("step-at")>{time(step.at, zone)}</td>
                <td class="row-actions">{listen}{skip}</td>
            </tr>
        }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("reclaim-title")}</h2></header>
            {list_table(words.t("reclaim-title"), view! {
                <th scope="col">{words.t("step-what")}</th>
                <th scope="col">{words.t("allocation-state")}</th>
                <th scope="col">{words.t("step-seen")}</th>
                <th scope="col">{words.t("step-at")}</th>
                <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
            }, rows.collect_view())}
        </section>
    }
}

/// Where a step stands.
pub(super) fn step_state(words: Words, step: &ReclaimStepView) -> impl IntoView + use<> {
    let tone = match step.state {
        StepState::Done => Tone::Ok,
        StepState::Waiting => Tone::Warn,
        StepState::Skipped => Tone::Off,
    };
    let by = step.result.get("by").filter(|by| step.state == StepState::Skipped && !by.is_empty());
    let by = by.map(|by| view! { <span class="sub">{words.with("step-skipped-by", &[("name", by.clone())])}</span> });
    (state(tone, words.t(&format!("step-state-{}", step.state.code()))), " ", by)
}

/// What a step saw, in words.
pub(super) fn seen(words: Words, step: &ReclaimStepView) -> String {
    let get = |name: &str| step.result.get(name).cloned().unwrap_or_default();
    if let Some(reason) = step.result.get("reason") {
        return words.t(&format!("step-reason-{reason}"));
    }
    match step.step.as_str() {
        "processes" if step.result.contains_key("processes") => {
            let names = get("names");
            let count = words.with("step-processes-seen", &[("n", get("processes"))]);
            if names.is_empty() { count } else { words.labelled(count, names) }
        }
        "keys" if step.result.contains_key("before") => words.with("step-keys-compared", &[("others", get("others"))]),
        "keys" if step.result.contains_key("others") => words.with("step-keys-seen", &[("others", get("others"))]),
        "health" if step.result.contains_key("baseline") => words.t("step-health-no-baseline"),
        "health" if step.result.contains_key("missing") => {
            let values = [("missing", get("missing")), ("ecc", get("ecc")), ("xid", get("xid"))];
            words.with("step-health-seen", &values)
        }
        "gpu_memory" if step.result.contains_key("usedBytes") => {
            let used = get("usedBytes").parse::<f64>().ok().map(format::bytes);
            format::text(used)
        }
        "access" => words.t("step-access-seen"),
        _ => format::NOT_MEASURED.to_owned(),
    }
}

/// What happened, newest first.
pub(crate) fn history_card(words: Words, events: Vec<AllocationEventView>) -> impl IntoView {
    let zone = look().zone;
    let rows = events.into_iter().rev().map(|event| {
        let who = if event.actor_name.is_empty() { words.t("allocation-by-itself") } else { event.actor_name };
        // A reminder's note is its number of days, a left out step's its name.
        let what = match (event.kind.as_str(), &event.note) {
            ("step_skipped", Some(step)) => {
                let name = words.t(&format!("step-{step}"));
                words.with("allocation-event-step_skipped", &[("name", name)])
            }
            ("reminded", Some(days)) => words.with("allocation-event-reminded", &[("days", days.clone())]),
            (kind, _) => words.t(&format!("allocation-event-{kind}")),
        };
        let note = event.note.filter(|_| !matches!(event.kind.as_str(), "reminded" | "step_skipped"));
        view! {
            <tr>
                <th scope="row">{what}</th>
                <td data-label=words.t("step-at")>{time(event.at, zone)}</td>
                <td data-label=words.t("allocation-by")>{who}</td>
                <td data-label=words.t("allocation-ends")>{event.ends_after.map(|at| end_time(at, zone))}</td>
                <td class="says" data-label=words.t("allocation-note")>{note}</td>
            </tr>
        }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("allocation-history")}</h2></header>
            {list_table(words.t("allocation-history"), view! {
                <th scope="col">{words.t("step-what")}</th>
                <th scope="col">{words.t("step-at")}</th>
                <th scope="col">{words.t("allocation-by")}</th>
                <th scope="col">{words.t("allocation-ends")}</th>
                <th scope="col">{words.t("allocation-note")}</th>
            }, rows.collect_view())}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn step(name: &str, state: StepState, at: &str, result: &[(&str, &str)]) -> ReclaimStepView {
        let result = result.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let at = at.parse().expect("a time");
        ReclaimStepView { step: name.to_owned(), state, result: result.collect::<BTreeMap<_, _>>(), at }
    }

    /// The same values as in `rg-follow.test.js`.
    #[test]
    fn a_waiting_step_stands_as_before_while_it_reads_as_before() {
        let at = |used: &str, at: &str| {
            let steps = [
                step("access", StepState::Done, "2026-11-27T14:00:00.123456Z", &[]),
                step("processes", StepState::Waiting, at, &[("reason", "offline")]),
                step("gpu_memory", StepState::Waiting, at, &[("usedBytes", used)]),
            ];
            standing(AllocationState::Reclaiming, &steps)
        };
        let first = at("7000000000", "2026-11-27T14:00:01Z");
        assert_eq!(first, "reclaiming done2026-11-27T14:00:00 waitingoffline waiting65");
        assert_eq!(at("7000000001", "2026-11-27T14:00:09Z"), first);
        assert_ne!(at("8000000000", "2026-11-27T14:00:09Z"), first, "what is shown would be another figure");
        assert_eq!(standing(AllocationState::Active, &[]), "active");
    }
}
