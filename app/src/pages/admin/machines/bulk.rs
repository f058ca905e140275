//! One action with many machines: first what would become of each, then the doing. What is refused stays on the page with
//! its reason.

use std::collections::HashMap;

use contract::machines::{MachineAction, MachineBulk, MachineView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::allocations::ToCome;

use super::bulk_maintenance;
use super::list::read_query;
use super::server_fns::ActOnMachines;
use crate::door::{Refused, afterword_is_ours, door, look, to_api_error};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::date_time;
use crate::words::Words;

/// The bulk that is no action of a single machine's: it needs a window.
pub(super) const MAINTENANCE: &str = "maintenance";

/// What became of those before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before {
    pub done: u32,
    /// Refused, and not in the address for want of room.
    pub left: u64,
}

impl Before {
    /// From the address, where it is one that we sent the browser to.
    pub(crate) fn here() -> Self {
        if !afterword_is_ours() {
            return Self::default();
        }
        let map = use_query_map().get_untracked();
        let number = |name: &str| map.get(name).and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
        Self { done: number("done"), left: number("more").into() }
    }
}

/// A machine with why it is refused, if it is.
pub(super) type Row = (MachineView, Option<String>);

/// `/admin/machines/bulk?action=drain&ids=host-001&ids=host-002`, or `…&all=1&q=rack-7`.
#[component]
pub fn BulkPage() -> impl IntoView {
    let map = use_query_map().get_untracked();
    let ids = paths::unpacked(&map.get_all("ids").unwrap_or_default());
    let matching = map.get("all").is_some_and(|all| all == "1").then(|| read_query().1);
    let ids = if matching.is_some() { Vec::new() } else { ids };
    let before = Before::here();
    if map.get("action").is_some_and(|word| word == MAINTENANCE) {
        return bulk_maintenance::maintenance_page(ids, matching, before).into_any();
    }
    let action = map.get("action").and_then(|word| MachineAction::parse(&word));
    let (platform, ctx) = door();
    page(
        async move {
            let action = action.ok_or_else(platform::Error::not_found)?;
            let bulk = MachineBulk { ids, matching, action, note: None };
            let preview = platform::machines::preview_many(&platform, &ctx, &bulk).await?;
            let rows = in_words(&platform, &ctx, preview.rows).await;
            let to_come = leases_to_come(&platform, &ctx, action, &rows).await?;
            Ok((action, rows, to_come, preview.more))
        },
        move |(action, rows, to_come, more)| bulk_view(action, (rows, &to_come), more, before),
    )
    .into_any()
}

/// Leases that are to begin, by the machine's code.
pub(super) type ToComeOf = HashMap<String, ToCome>;

/// Which leases would wait for it: those of machines that take nobody new afterwards.
async fn leases_to_come(
    platform: &platform::Platform,
    ctx: &platform::OpContext,
    action: MachineAction,
    rows: &[Row],
) -> platform::Result<ToComeOf> {
    if !action.keeps_out() {
        return Ok(ToComeOf::new());
    }
    let codes: Vec<_> = rows.iter().map(|(machine, _)| machine.id.clone()).collect();
    platform::machines::leases_to_come(platform, ctx, &codes).await
}

/// What becomes of a lease that is to begin on a machine that takes nobody new.
pub(super) fn will_wait(words: Words, lease: &ToCome) -> String {
    let from = date_time(lease.starts_at, look().zone);
    words.with("service-lease-waits", &[("customer", lease.customer.clone()), ("from", from)])
}

/// Refusals in the reader's words.
pub(super) async fn in_words(
    platform: &platform::Platform,
    ctx: &platform::OpContext,
    rows: Vec<(MachineView, platform::Result<()>)>,
) -> Vec<Row> {
    let mut said = Vec::with_capacity(rows.len());
    for (machine, possible) in rows {
        let refusal = match possible {
            Ok(()) => None,
            Err(error) => {
                let error = to_api_error(platform, ctx, error).await;
                let fields: Vec<_> = error.fields.into_values().collect();
                Some(if fields.is_empty() { error.message } else { fields.join(" ") })
            }
        };
        said.push((machine, refusal));
    }
    said
}

/// Nothing was chosen.
pub(super) fn nothing_chosen(words: Words, head: PageFrame) -> AnyView {
    frame(
        head,
        view! {
            <section class="card empty">
                <p>{words.t("bulk-nothing")}</p>
                <a class="btn" href=paths::MACHINES>{words.t("nav-machines")}</a>
            </section>
        },
    )
}

/// What was done before, and what does not fit here.
pub(crate) fn counts(words: Words, before: Before, more: u64, done_key: &str) -> impl IntoView + use<> {
    let line = |tone: Tone, key: &str, n: u64| {
        let text = words.with(key, &[("n", n.to_string())]);
        (n > 0).then(|| view! { <p class="note-line" role="status">{state(tone, text)}</p> })
    };
    (
        line(Tone::Ok, done_key, before.done.into()),
        line(Tone::Warn, "bulk-left", before.left),
        line(Tone::Warn, "bulk-more", more),
    )
}

/// Why nothing of it was done, where the whole of it was refused.
pub(crate) fn refusal(words: Words) -> impl IntoView + use<> {
    form_fault(Refused::from_query().map(|refused| {
        let faults: Vec<_> = refused.fields.keys().filter_map(|path| refused.fault(words.0, path)).collect();
        if faults.is_empty() { refused.message(words.0) } else { faults.join(" ") }
    }))
}

/// The list that one came from, as a field of the form that does it.
pub(super) fn back_field() -> impl IntoView {
    view! { <input r#type="hidden" name="back" value=read_query().0.with(&[("page", "")]) /> }
}

/// The machines that can be done, as fields of the form that does it.
pub(super) fn possible_ids(rows: &[Row]) -> impl IntoView + use<> {
    rows.iter()
        .filter(|(_, refusal)| refusal.is_none())
        .map(|(machine, _)| view! { <input r#type="hidden" name="ids[]" value=machine.id.clone() /> })
        .collect_view()
}

fn bulk_view(action: MachineAction, (rows, to_come): (Vec<Row>, &ToComeOf), more: u64, before: Before) -> AnyView {
    let words = Words::now();
    let head = PageFrame::new(words.t(&format!("action-{}", action.code())), Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES);
    if rows.is_empty() {
        return nothing_chosen(words, head);
    }
    let possible = rows.iter().filter(|(_, refusal)| refusal.is_none()).count();
    let ids = possible_ids(&rows);
    let count = words.with("bulk-possible", &[("n", possible.to_string())]);
    let class = if action == MachineAction::Delete { "btn danger" } else { "btn primary" };
    let note = matches!(action, MachineAction::Cordon | MachineAction::Drain | MachineAction::Retire).then(|| {
        text_field(TextField {
            label: words.t("service-note"),
            name: "note".to_owned(),
            max_length: Some(1000),
            ..TextField::default()
        })
    });
    frame(
        head,
        view! {
            {refusal(words)}
            {counts(words, before, more, "bulk-done")}
            <section class="card">
                <p class="note-line">{words.t(&format!("action-{}-hint", action.code()))}</p>
                {table(words, rows, to_come)}
                <form class="form" method="post" action=ActOnMachines::url()>
                    <input r#type="hidden" name="action" value=action.code() />
                    {back_field()}
                    {ids}
                    {note}
                    <p class="actions">
                        <button class=class disabled={possible == 0}>{count}</button>
                        <a class="btn" href=paths::MACHINES>{words.t("form-cancel")}</a>
                    </p>
                </form>
            </section>
        },
    )
}

/// Each machine with what would become of it.
pub(super) fn table(words: Words, rows: Vec<Row>, to_come: &ToComeOf) -> impl IntoView + use<> {
    let lines = rows.into_iter().map(|(machine, refusal)| {
        let waits = to_come.get(&machine.id).map(|lease| will_wait(words, lease));
        line(words, machine, refusal, waits)
    });
    let lines = lines.collect_view();
    view! {
        {list_table(words.t("machines-title"), view! {
            <th scope="col">{words.t("machine-name")}</th>
            <th scope="col">{words.t("machine-code")}</th>
            <th scope="col">{words.t("machines-service")}</th>
            <th scope="col">{words.t("bulk-outcome")}</th>
        }, lines)}
    }
}

fn line(words: Words, machine: MachineView, refusal: Option<String>, waits: Option<String>) -> impl IntoView {
    let outcome = match refusal {
        None => {
            let waits = waits.map(|waits| view! { <span class="sub">{waits}</span> });
            (state(Tone::Ok, words.t("bulk-will")), " ", waits).into_any()
        }
        Some(why) => (state(Tone::Bad, words.t("bulk-refused")), " ", why).into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a href=paths::machine(&machine.id)>{machine.name.clone()}</a></th>
            <td class="mono" data-label=words.t("machine-code")>{machine.id.clone()}</td>
            <td data-label=words.t("machines-service")>{words.t(&format!("service-{}", machine.service_state.code()))}</td>
            <td data-label=words.t("bulk-outcome")>{outcome}</td>
        </tr>
    }
}
