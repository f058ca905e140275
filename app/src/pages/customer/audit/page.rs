//! `/audit`: who did what to the customer's things; its own people by name, staff as staff.

use contract::Page;
use contract::audit::{DOORS, OwnAuditQuery, OwnAuditView, is_network};
use leptos::prelude::*;

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::audit::filters::{choice, days, doors, field, heading, more, said};
use crate::pages::admin::audit::list::{agent_facts, at_midnight, day_of, outcome_state};
use crate::pages::admin::audit::unread::unread;
use crate::paths;
use crate::ui::format::{NOT_MEASURED, whole};
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::time::time;
use crate::words::Words;

/// Filters, as they stand in the address.
const FILTERS: [&str; 7] = ["actor", "action", "targetKind", "from", "until", "via", "address"];
/// Those behind the fold.
const FOLDED: [&str; 2] = ["via", "address"];

/// `/audit`.
#[component]
pub fn OwnAuditPage() -> impl IntoView {
    let names = FILTERS.into_iter().chain(["pageSize", "page"]);
    let list = ListQuery::here(paths::OWN_AUDIT, names);
    let query = query_of(&list);
    let (platform, ctx) = door();
    page(
        async move {
            let found = platform::audit::list_own(&platform, &ctx, &query).await?;
            let facets = platform::audit::own_facets(&platform, &ctx).await?;
            Ok((query, found, facets))
        },
        move |(query, found, facets)| list_view(list, &query, found, facets),
    )
}

fn query_of(list: &ListQuery) -> OwnAuditQuery {
    OwnAuditQuery {
        page: list.page(),
        page_size: list.page_size(),
        action: list.some("action"),
        target_kind: list.some("targetKind"),
        actor: list.some("actor"),
        from: at_midnight(list.get("from"), 0),
        until: at_midnight(list.get("until"), 1),
        via: list.some("via").filter(|via| DOORS.contains(&via.as_str())),
        address: list.some("address").filter(|address| is_network(address)),
    }
}

fn list_view(
    list: ListQuery,
    query: &OwnAuditQuery,
    page: Page<OwnAuditView>,
    (actions, kinds): (Vec<String>, Vec<String>),
) -> AnyView {
    let words = Words::now();
    let filtered = FILTERS.iter().any(|name| !list.get(name).is_empty());
    let (number, size, total) = (page.page, page.page_size, page.total);
    let body = if let Some(past) = past_the_end(words, &list, number, size, total) {
        past
    } else if page.list.is_empty() {
        let key = if filtered { "audit-none" } else { "own-audit-empty" };
        view! { <div class="empty"><p role="status">{words.t(key)}</p></div> }.into_any()
    } else {
        let events = page.list.into_iter().map(|event| event_view(words, event)).collect_view();
        view! {
            {heading(words)}
            <ol class="log" aria-label=words.t("own-audit-title")>{events}</ol>
            {pager(words, &list, number, size, total)}
        }
        .into_any()
    };
    let head = PageFrame::new(words.t("own-audit-title"), Area::OwnAudit)
        .actions(view! { <a class="btn" href=export_address(query) download="">{words.t("list-export")}</a> });
    frame(
        head,
        view! {
            <section class="card">
                <p class="note-line">{words.t("own-audit-explained")}</p>
                {filters(words, &list, &actions, &kinds)}
                {unread(words, &list)}
                {said(words, in_force(words, query))}
                {body}
            </section>
        },
    )
}

/// The export takes instants where the page takes days.
fn export_address(query: &OwnAuditQuery) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let at = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let pairs = [
        ("actor", text(&query.actor)),
        ("action", text(&query.action)),
        ("targetKind", text(&query.target_kind)),
        ("from", at(query.from)),
        ("until", at(query.until)),
        ("via", text(&query.via)),
        ("address", text(&query.address)),
    ];
    paths::with_query("/api/customer/audits/export", pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

fn filters(words: Words, list: &ListQuery, actions: &[String], kinds: &[String]) -> impl IntoView + use<> {
    let any = |key: &str| vec![(String::new(), words.labelled(words.t(key), words.t("filter-all")))];
    let mut action = any("audit-action");
    action.extend(actions.iter().map(|code| (code.clone(), texts::audit_action(words.0, code))));
    let mut kind = any("audit-target");
    kind.extend(kinds.iter().map(|code| (code.clone(), texts::audit_kind(words.0, code))));
    let folded = view! {
        {choice(words, list, "via", "audit-via", doors(words))}
        {field(words, list, "address", "audit-filter-address")}
    };
    view! {
        <form class="filters" method="get" action=paths::OWN_AUDIT>
            <input class="filter-q" r#type="search" name="actor" value=list.get("actor").to_owned()
                placeholder=words.t("own-audit-filter-actor") aria-label=words.t("own-audit-filter-actor") />
            <select name="action" aria-label=words.t("audit-action")>{options_view(action, list.get("action"))}</select>
            <select name="targetKind" aria-label=words.t("audit-target")>{options_view(kind, list.get("targetKind"))}</select>
            {days(words, list)}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::OWN_AUDIT>{words.t("filter-reset")}</a>
            {more(words, list, &FOLDED, folded)}
        </form>
    }
}

/// The filters in force, by label and by what their values are called.
fn in_force(words: Words, query: &OwnAuditQuery) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("audit-actor", query.actor.clone()),
        ("audit-action", query.action.as_ref().map(|code| texts::audit_action(words.0, code))),
        ("audit-target", query.target_kind.as_ref().map(|code| texts::audit_kind(words.0, code))),
        ("audit-from", query.from.map(|at| day_of(at, 0))),
        ("audit-until", query.until.map(|at| day_of(at, 1))),
        ("audit-via", query.via.as_ref().map(|code| words.t(&format!("audit-via-{code}")))),
        ("audit-filter-address", query.address.clone()),
    ]
}

fn event_view(words: Words, event: OwnAuditView) -> impl IntoView {
    let kind = texts::audit_kind(words.0, &event.target_kind);
    let target = event.target_name.as_ref().or(event.target_id.as_ref());
    let target = target.map_or(kind.clone(), |what| format!("{kind} {what}"));
    let actor = event.actor_name.unwrap_or_else(|| words.t(&format!("own-audit-actor-{}", event.actor_kind)));
    let via = words.t(&format!("audit-via-{}", event.via));
    let address = event.address.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let request = Some(event.request_id).filter(|id| !id.is_empty()).unwrap_or_else(|| NOT_MEASURED.to_owned());
    // One row for many: it says so without being opened.
    let times = event.repeats.map(|times| view! { " × " {whole(times)} });
    let repeats = event.repeats.map(|times| {
        let at = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| time(at, look().zone));
        view! {
            <dt>{words.t("audit-repeats")}</dt><dd>{whole(times)}</dd>
            <dt>{words.t("audit-repeats-from")}</dt><dd>{at(event.from)}</dd>
            <dt>{words.t("audit-repeats-until")}</dt><dd>{at(event.until)}</dd>
        }
    });
    let reason = event.reason.map(|reason| view! { <dt>{words.t("audit-reason")}</dt><dd>{reason}</dd> });
    view! {
        <li>
            <details>
                <summary>
                    <span class="when">{time(event.at, look().zone)}</span>
                    <b class="who">{actor}</b>
                    <span class="what">{texts::audit_action(words.0, &event.action)}</span>
                    <span class="target">{target}</span>
                    <span class="outcome">{outcome_state(words, &event.outcome)} {times}</span>
                </summary>
                <div class="more">
                    <dl class="facts start">
                        <dt>{words.t("audit-action")}</dt>
                        <dd><code>{event.action.clone()}</code></dd>
                        <dt>{words.t("audit-via")}</dt>
                        <dd>{via} " · " {address}</dd>
                        {agent_facts(words, event.user_agent)}
                        {reason}
                        {repeats}
                        <dt>{words.t("audit-request")}</dt>
                        <dd><code>{request}</code></dd>
                    </dl>
                </div>
            </details>
        </li>
    }
}
