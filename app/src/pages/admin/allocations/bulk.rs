//! Renewing or reclaiming many allocations: first what would become of each, then the doing.

use chrono::{DateTime, Utc};
use contract::AllocationId;
use contract::allocations::{AllocationAction, AllocationBulk, AllocationState, AllocationView, MAX_MONTHS};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::list::{FILTERS, allocation_state, read_query};
use super::server_fns::ActOnAllocations;
use crate::door::{afterword_is_ours, door, look, to_api_error};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::machines::bulk::{Before, counts, refusal};
use crate::paths;
use crate::ui::forms::{TextField, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::end_time;
use crate::words::Words;

struct Choice {
    bulk: AllocationBulk,
    /// Each with the end it would have, or why it is refused.
    rows: Vec<(AllocationView, Result<DateTime<Utc>, String>)>,
    /// How many more match.
    more: u64,
    before: Before,
    /// Somebody else moved the end of one of those that are left.
    changed: bool,
}

/// `/admin/allocations/bulk?action=renew&months=3&ids=4&ids=7`, or `…&all=1&q=acme`.
#[component]
pub fn AllocationBulkPage() -> impl IntoView {
    let map = use_query_map().get_untracked();
    let matching = map.get("all").is_some_and(|all| all == "1").then(|| read_query().1);
    let ids = if matching.is_some() { Vec::new() } else { map.get_all("ids").unwrap_or_default() };
    let ids: Vec<AllocationId> = paths::unpacked(&ids).iter().filter_map(|id| id.parse().ok()).collect();
    let action = map.get("action").and_then(|word| AllocationAction::parse(&word));
    let before = Before::here();
    let changed = map.get("changed").is_some() && afterword_is_ours();
    // One month until somebody says otherwise: a preview needs some number, and one that can be.
    let months = map.get("months").and_then(|n| n.parse().ok()).filter(|n| (1..=MAX_MONTHS).contains(n)).unwrap_or(1);
    let (platform, ctx) = door();
    page(
        async move {
            let action = action.ok_or_else(platform::Error::not_found)?;
            let months = (action == AllocationAction::Renew).then_some(months);
            let bulk = AllocationBulk { ids, matching, action, revisions: Vec::new(), months, note: None };
            let mut rows = Vec::new();
            let preview = platform::allocations::preview_many(&platform, &ctx, &bulk).await?;
            for (view, outcome) in preview.rows {
                let outcome = match outcome {
                    Ok(end) => Ok(end),
                    Err(error) => {
                        let error = to_api_error(&platform, &ctx, error).await;
                        let fields: Vec<_> = error.fields.into_values().collect();
                        Err(format!("{} {}", error.message, fields.join(" ")).trim().to_owned())
                    }
                };
                rows.push((view, outcome));
            }
            Ok(Choice { bulk, rows, more: preview.more, before, changed })
        },
        bulk_view,
    )
}

fn bulk_view(choice: Choice) -> AnyView {
    let (words, zone) = (Words::now(), look().zone);
    let Choice { bulk, rows, more, before, changed } = choice;
    let code = bulk.action.code();
    let head = PageFrame::new(words.t(&format!("allocations-bulk-{code}")), Area::Allocations)
        .crumb(words.t("nav-allocations"), paths::ALLOCATIONS);
    if rows.is_empty() {
        return frame(
            head,
            view! {
                <section class="card empty">
                    <p>{words.t("allocations-bulk-nothing")}</p>
                    <a class="btn" href=paths::ALLOCATIONS>{words.t("nav-allocations")}</a>
                </section>
            },
        );
    }
    let possible = rows.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let all: Vec<_> = rows.iter().map(|(row, _)| row.id.to_string()).collect();
    // What is renewed is what is shown here.
    let renews = bulk.action == AllocationAction::Renew;
    let revisions = renews.then(|| {
        let field = |(row, _): &(AllocationView, _)| {
            view! { <input r#type="hidden" name="revisions[]" value=row.revision.to_string() /> }
        };
        rows.iter().map(field).collect_view()
    });
    let able: Vec<_> = rows.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(row, _)| row.id.to_string()).collect();
    let hints = hints(words, bulk.action, &rows);
    let action = bulk.action;
    let lines = rows.into_iter().map(|(row, outcome)| {
        let outcome = match outcome {
            Ok(end) => becomes(words, action, &row, end),
            Err(why) => (state(Tone::Bad, words.t("bulk-refused")), " ", why).into_any(),
        };
        view! {
            <tr>
                <th scope="row"><a href=paths::allocation(row.id)>{row.machine_name.clone()}</a></th>
                <td data-label=words.t("allocation-customer")>{row.customer_name.clone()}</td>
                <td data-label=words.t("allocation-state")>{allocation_state(words, &row)}</td>
                <td data-label=words.t("allocation-ends")>{end_time(row.ends_at, zone)}</td>
                <td data-label=words.t("bulk-outcome")>{outcome}</td>
            </tr>
        }
    });
    // The months stand in the form that renews, so that what is typed counts, looked at before or not; with other months
    // another one may be refused, so all go along, and those that are refused come back with why.
    let ids = if renews { &all } else { &able };
    let ids = ids.iter().map(|id| view! { <input r#type="hidden" name="ids[]" value=id.clone() /> }).collect_view();
    let months = bulk.months.map(|months| months_field(words, &bulk, months, &all));
    let class = if bulk.action == AllocationAction::Reclaim { "btn danger" } else { "btn primary" };
    let (go, held_back) = doing(words, bulk.action, possible);
    frame(
        head,
        view! {
            {refusal(words)}
            {counts(words, before, more, "allocations-bulk-done")}
            {changed.then(|| view! {
                <p class="note-line" role="status">{state(Tone::Warn, words.t("allocations-bulk-changed"))}</p>
            })}
            <section class="card">
                {hints}
                {list_table(words.t("allocations-title"), view! {
                    <th scope="col">{words.t("allocation-machine")}</th>
                    <th scope="col">{words.t("allocation-customer")}</th>
                    <th scope="col">{words.t("allocation-state")}</th>
                    <th scope="col">{words.t("allocation-ends")}</th>
                    <th scope="col">{words.t("bulk-outcome")}</th>
                }, lines.collect_view())}
                <form class="form" method="post" action=ActOnAllocations::url()>
                    <input r#type="hidden" name="action" value=code />
                    <input r#type="hidden" name="back" value=read_query().0.with(&[("page", "")]) />
                    {ids}
                    {revisions}
                    {months}
                    {text_field(TextField {
                        label: words.t("allocation-note"),
                        name: "note".to_owned(),
                        max_length: Some(1000),
                        ..TextField::default()
                    })}
                    <p class="actions">
                        <button class=class disabled=held_back>{go}</button>
                        <a class="btn" href=paths::ALLOCATIONS>{words.t("form-cancel")}</a>
                    </p>
                </form>
            </section>
        },
    )
}

/// What reclaiming means, for those that somebody has and for those that have not begun.
fn hints<T>(words: Words, action: AllocationAction, rows: &[(AllocationView, T)]) -> impl IntoView + use<T> {
    let reclaims = action == AllocationAction::Reclaim;
    let some = |scheduled: bool| rows.iter().any(|(row, _)| (row.state == AllocationState::Scheduled) == scheduled);
    let hint = |key: &str| view! { <p class="note-line">{words.t(key)}</p> };
    (
        (reclaims && some(false)).then(|| hint("allocation-reclaim-hint")),
        (reclaims && some(true)).then(|| hint("allocation-cancel-hint")),
    )
}

/// What becomes of one that can be done.
fn becomes(words: Words, action: AllocationAction, row: &AllocationView, end: DateTime<Utc>) -> AnyView {
    match action {
        AllocationAction::Renew => {
            (state(Tone::Ok, words.t("allocations-bulk-until")), " ", end_time(end, look().zone)).into_any()
        }
        AllocationAction::Reclaim if row.state == AllocationState::Scheduled => {
            state(Tone::Ok, words.t("allocations-bulk-cancels")).into_any()
        }
        AllocationAction::Reclaim => state(Tone::Ok, words.t("allocations-bulk-reclaims")).into_any(),
    }
}

/// What the button says that does it, and whether it stands back. Renewing names no number and never stands back: with other
/// months than those looked at, others can be renewed.
fn doing(words: Words, action: AllocationAction, possible: usize) -> (String, bool) {
    match action {
        AllocationAction::Renew => (words.t("allocations-bulk-renew-go"), false),
        AllocationAction::Reclaim => {
            (words.with("allocations-bulk-reclaim-go", &[("n", possible.to_string())]), possible == 0)
        }
    }
}

/// For how many months, with the button that shows what these would do to each.
fn months_field(words: Words, bulk: &AllocationBulk, months: u32, all: &[String]) -> impl IntoView + use<> {
    let code = bulk.action.code();
    let here = if bulk.matching.is_some() {
        let list = read_query().0;
        let filters = FILTERS.iter().map(|name| (*name, list.get(name)));
        paths::with_query(paths::ALLOCATIONS_BULK, [("action", code), ("all", "1")].into_iter().chain(filters))
    } else {
        paths::allocations_bulk(code, None, all, 0)
    };
    view! {
        <div class="form-row">
            <label r#for="f-months">{words.t("allocation-more-months")}</label>
            <input id="f-months" r#type="number" name="months" min="1" max=MAX_MONTHS.to_string()
                required=true value=months.to_string() />
        </div>
        <p class="actions">
            <button class="btn" name="preview" value=here>{words.t("allocations-bulk-preview")}</button>
        </p>
    }
}

#[cfg(test)]
mod tests {
    use contract::accounts::Language;

    use super::*;

    #[test]
    fn renewing_promises_no_number_and_is_not_held_back_by_a_preview() {
        for language in Language::ALL {
            let said = |action, possible| doing(Words(language), action, possible);
            let renew = said(AllocationAction::Renew, 0);
            assert_eq!(renew, said(AllocationAction::Renew, 3));
            assert!(!renew.1 && !renew.0.chars().any(|c| c.is_ascii_digit()), "{renew:?}");
            let reclaim = said(AllocationAction::Reclaim, 3);
            assert!(!reclaim.1 && reclaim.0.contains('3'), "{reclaim:?}");
            assert!(said(AllocationAction::Reclaim, 0).1);
        }
    }
}
