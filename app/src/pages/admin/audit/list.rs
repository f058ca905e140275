//! `/admin/audit`: who did what to what; every row opens to what was before and after.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeZone as _, Utc};
use contract::audit::{ACTORS, AT_COMMAND_LINE, AuditQuery, AuditView, DOORS, is_network};
use contract::imports::ImportSubject;
use contract::settings::setting;
use contract::times::is_writable;
use contract::{CustomerId, Page};
use leptos::prelude::*;
use serde_json::Value;

use super::filters::{Choices, choice, days, doors, field, heading, more, said};
use super::unread::unread;
use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::table_of;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// Filters, as they stand in the address.
const FILTERS: [&str; 12] = [
    "actor",
    "actorKind",
    "action",
    "targetKind",
    "targetId",
    "outcome",
    "from",
    "until",
    "customerId",
    "requestId",
    "via",
    "address",
];
/// Those behind the fold.
const FOLDED: [&str; 6] = ["actorKind", "customerId", "via", "address", "targetId", "requestId"];
/// Most settings that a line names.
const MOST_SETTINGS: usize = 3;
const OUTCOMES: [&str; 3] = ["done", "denied", "failed"];

/// `/admin/audit`.
#[component]
pub fn AuditPage() -> impl IntoView {
    let names = FILTERS.into_iter().chain(["pageSize", "page"]);
    let list = ListQuery::here(paths::AUDIT, names);
    let query = query_of(&list);
    let (platform, ctx) = door();
    page(
        async move {
            let found = platform::audit::list(&platform, &ctx, &query).await?;
            let (actions, kinds) = platform::audit::facets(&platform, &ctx).await?;
            let customers = platform::audit::customers(&platform, &ctx, query.customer_id).await?;
            Ok((query, found, Facets { actions, kinds, customers }))
        },
        move |(query, found, facets)| list_view(list, &query, found, facets),
    )
}

/// What is worth filtering by.
struct Facets {
    actions: Vec<String>,
    kinds: Vec<String>,
    customers: Vec<(CustomerId, String)>,
}

fn query_of(list: &ListQuery) -> AuditQuery {
    AuditQuery {
        page: list.page(),
        page_size: list.page_size(),
        action: list.some("action"),
        target_kind: list.some("targetKind"),
        target_id: list.some("targetId"),
        outcome: list.some("outcome").filter(|outcome| OUTCOMES.contains(&outcome.as_str())),
        actor: list.some("actor"),
        actor_kind: list.some("actorKind").filter(|kind| ACTORS.contains(&kind.as_str())),
        customer_id: list.get("customerId").parse::<i64>().ok().map(CustomerId),
        from: at_midnight(list.get("from"), 0),
        until: at_midnight(list.get("until"), 1),
        request_id: list.some("requestId"),
        via: list.some("via").filter(|via| DOORS.contains(&via.as_str())),
        address: list.some("address").filter(|address| is_network(address)),
    }
}

/// The beginning of a day in the reader's time zone, or of the day after; nothing for what is no day.
pub(crate) fn at_midnight(day: &str, after: u64) -> Option<DateTime<Utc>> {
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().filter(|day| is_writable(*day))?;
    let day = day.checked_add_days(Days::new(after))?;
    let at = look().zone.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).earliest()?;
    Some(at.with_timezone(&Utc))
}

fn list_view(list: ListQuery, query: &AuditQuery, page: Page<AuditView>, facets: Facets) -> AnyView {
    let words = Words::now();
    let filtered = FILTERS.iter().any(|name| !list.get(name).is_empty());
    let (number, size, total) = (page.page, page.page_size, page.total);
    let body = if let Some(past) = past_the_end(words, &list, number, size, total) {
        past
    } else if page.list.is_empty() {
        let key = if filtered { "audit-none" } else { "audit-empty" };
        view! { <div class="empty"><p role="status">{words.t(key)}</p></div> }.into_any()
    } else {
        let events = page.list.into_iter().map(|event| event_view(words, event)).collect_view();
        view! {
            {heading(words)}
            <ol class="log" aria-label=words.t("audit-title")>{events}</ol>
            {pager(words, &list, number, size, total)}
        }
        .into_any()
    };
    let head = PageFrame::new(words.t("audit-title"), Area::Audit)
        .actions(view! { <a class="btn" href=export_address(query) download="">{words.t("list-export")}</a> });
    frame(
        head,
        view! {
            <section class="card">
                {filters(words, &list, &facets)}
                {unread(words, &list)}
                {said(words, in_force(words, query, &facets))}
                {body}
            </section>
        },
    )
}

/// The export takes instants where the page takes days.
fn export_address(query: &AuditQuery) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let at = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let pairs = [
        ("actor", text(&query.actor)),
        ("actorKind", text(&query.actor_kind)),
        ("action", text(&query.action)),
        ("targetKind", text(&query.target_kind)),
        ("targetId", text(&query.target_id)),
        ("outcome", text(&query.outcome)),
        ("from", at(query.from)),
        ("until", at(query.until)),
        ("customerId", query.customer_id.map(|id| id.to_string()).unwrap_or_default()),
        ("requestId", text(&query.request_id)),
        ("via", text(&query.via)),
        ("address", text(&query.address)),
    ];
    paths::with_query("/api/admin/audits/export", pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

fn filters(words: Words, list: &ListQuery, facets: &Facets) -> impl IntoView + use<> {
    let all = |label: String| vec![(String::new(), label)];
    let any = |key: &str| words.labelled(words.t(key), words.t("filter-all"));
    let mut action = all(any("audit-action"));
    action.extend(facets.actions.iter().map(|code| (code.clone(), texts::audit_action(words.0, code))));
    let mut kind = all(any("audit-target"));
    kind.extend(facets.kinds.iter().map(|code| (code.clone(), texts::audit_kind(words.0, code))));
    let mut outcome = all(any("audit-outcome"));
    outcome.extend(OUTCOMES.map(|code| (code.to_owned(), words.t(&format!("audit-outcome-{code}")))));
    let customers = facets.customers.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
    let folded = view! {
        {choice(words, list, "actorKind", "audit-actor-kind", actor_kinds(words))}
        {choice(words, list, "customerId", "audit-customer", customers)}
        {choice(words, list, "via", "audit-via", doors(words))}
        {field(words, list, "address", "audit-filter-address")}
        {field(words, list, "targetId", "audit-filter-target")}
        {field(words, list, "requestId", "audit-filter-request")}
    };
    view! {
        <form class="filters" method="get" action=paths::AUDIT>
            <input class="filter-q" r#type="search" name="actor" value=list.get("actor").to_owned()
                placeholder=words.t("audit-filter-actor") aria-label=words.t("audit-filter-actor") />
            <select name="action" aria-label=words.t("audit-action")>{options_view(action, list.get("action"))}</select>
            <select name="targetKind" aria-label=words.t("audit-target")>{options_view(kind, list.get("targetKind"))}</select>
            <select name="outcome" aria-label=words.t("audit-outcome")>{options_view(outcome, list.get("outcome"))}</select>
            {days(words, list)}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::AUDIT>{words.t("filter-reset")}</a>
            {more(words, list, &FOLDED, folded)}
        </form>
    }
}

/// The filters in force, by label and by what their values are called.
fn in_force(words: Words, query: &AuditQuery, facets: &Facets) -> Vec<(&'static str, Option<String>)> {
    let customer = query.customer_id.map(|id| {
        let name = facets.customers.iter().find(|(one, _)| *one == id).map(|(_, name)| name.clone());
        name.unwrap_or_else(|| id.to_string())
    });
    let word = |code: &Option<String>, prefix: &str| code.as_ref().map(|code| words.t(&format!("{prefix}-{code}")));
    vec![
        ("audit-actor", query.actor.clone()),
        ("audit-actor-kind", word(&query.actor_kind, "audit-actor")),
        ("audit-action", query.action.as_ref().map(|code| texts::audit_action(words.0, code))),
        ("audit-target", query.target_kind.as_ref().map(|code| texts::audit_kind(words.0, code))),
        ("audit-filter-target", query.target_id.clone()),
        ("audit-outcome", word(&query.outcome, "audit-outcome")),
        ("audit-from", query.from.map(|at| day_of(at, 0))),
        ("audit-until", query.until.map(|at| day_of(at, 1))),
        ("audit-customer", customer),
        ("audit-via", word(&query.via, "audit-via")),
        ("audit-filter-address", query.address.clone()),
        ("audit-filter-request", query.request_id.clone()),
    ]
}

/// The day that [`at_midnight`] made this of.
pub(crate) fn day_of(at: DateTime<Utc>, after: u64) -> String {
    let day = at.with_timezone(&look().zone).date_naive();
    day.checked_sub_days(Days::new(after)).unwrap_or(day).to_string()
}

/// Who it was, in words: a person or a node by name; the platform itself, who is not signed in, and who acts at the command
/// line by what they are, because people may be called the same as a part of the platform.
pub fn actor_text(words: Words, event: &AuditView) -> String {
    match event.actor_kind.as_str() {
        "user" | "node" if !event.actor_name.is_empty() => event.actor_name.clone(),
        "system" if event.actor_name == AT_COMMAND_LINE => words.t("audit-actor-operator"),
        kind => words.t(&format!("audit-actor-{kind}")),
    }
}

/// Kinds of actors, for a filter.
fn actor_kinds(words: Words) -> Choices {
    ACTORS.map(|code| (code.to_owned(), words.t(&format!("audit-actor-{code}")))).to_vec()
}

/// What it was done to: kind, and its name or else its id; of settings, which.
fn target_text(words: Words, event: &AuditView) -> String {
    let kind = texts::audit_kind(words.0, &event.target_kind);
    let what = event.target_name.clone().or_else(|| event.target_id.clone()).or_else(|| settings_text(words, event));
    what.map_or(kind.clone(), |what| format!("{kind} {what}"))
}

/// The settings an event is about, by what they are called where they are changed; the first of many.
fn settings_text(words: Words, event: &AuditView) -> Option<String> {
    let fields = Some(event).filter(|event| event.target_kind == "settings")?.after.as_ref()?.as_object()?;
    let keys: Vec<&str> = match fields.get("settings").and_then(Value::as_array) {
        // What was tried says their names alone.
        Some(tried) => tried.iter().filter_map(Value::as_str).collect(),
        None => fields.keys().map(String::as_str).collect(),
    };
    let label = |key: &&str| texts::known_message(words.0, &setting(key)?.text_key(), &[]);
    let called: Vec<String> = keys.iter().filter_map(label).collect();
    let more = if called.len() > MOST_SETTINGS { " …" } else { "" };
    let named = called.iter().take(MOST_SETTINGS).cloned().collect::<Vec<_>>().join(&words.t("list-separator"));
    (!named.is_empty()).then(|| format!("{named}{more}"))
}

/// How it ended.
pub(crate) fn outcome_state(words: Words, outcome: &str) -> impl IntoView + use<> {
    let tone = match outcome {
        "done" => Tone::Ok,
        "denied" => Tone::Warn,
        _ => Tone::Bad,
    };
    state(tone, words.t(&format!("audit-outcome-{outcome}")))
}

/// The page of what it was done to, where there is one.
fn target_page(event: &AuditView) -> Option<String> {
    let id = event.target_id.as_deref()?;
    match event.target_kind.as_str() {
        "machine" => Some(paths::machine(id)),
        "customer" => id.parse().ok().map(|id| paths::customer(CustomerId(id))),
        "allocation" => id.parse().ok().map(|id| paths::allocation(contract::AllocationId(id))),
        "user" => id.parse().ok().map(|id| paths::user(contract::UserId(id))),
        "role" => id.parse().ok().map(|id| paths::role(contract::RoleId(id))),
        "spec" => id.parse().ok().map(|id| paths::spec(contract::SpecId(id))),
        "image" => id.parse().ok().map(|id| paths::image(contract::ImageId(id))),
        "announcement" => id.parse().ok().map(|id| paths::announcement_edit(contract::AnnouncementId(id))),
        "identity-provider" => id.parse().ok().map(|id| paths::identity_provider(contract::IdentityProviderId(id))),
        "machine_import" => import_page(ImportSubject::Machines, id),
        "user_import" => import_page(ImportSubject::Users, id),
        _ => None,
    }
}

fn import_page(subject: ImportSubject, id: &str) -> Option<String> {
    id.parse().ok().map(|id| paths::import(subject, contract::ImportId(id)))
}

/// What happened last to a person or a customer, and the way (`all`) to the rest of it.
pub(crate) fn history_card(words: Words, all: String, history: Vec<AuditView>) -> impl IntoView {
    let body = if history.is_empty() {
        view! { <div class="empty"><p>{words.t("dashboard-activities-none")}</p></div> }.into_any()
    } else {
        view! { <ol class="log">{history.into_iter().map(|event| event_line(words, event)).collect_view()}</ol> }
            .into_any()
    };
    view! {
        <section class="card">
            <header>
                <h2>{words.t("customer-history")}</h2>
                {all_link(words, all, "customer-history")}
            </header>
            {body}
        </section>
    }
}

/// An event in one line, for short lists on other pages.
pub(crate) fn event_line(words: Words, event: AuditView) -> impl IntoView {
    view! { <li>{columns(words, &event)} {suspicion(words, &event)}</li> }
}

/// That somebody wrote into the log by hand, or with a wrong clock.
fn suspicion(words: Words, event: &AuditView) -> Option<impl IntoView + use<>> {
    event.is_suspect().then(|| view! { <span class="outside">{state(Tone::Bad, words.t(event.seal()))}</span> })
}

/// Leads from a short list to the whole one.
pub(crate) fn all_link(words: Words, href: String, of: &str) -> impl IntoView + use<> {
    let label = format!("{} – {}", words.t("dashboard-all"), words.t(of));
    ways::open_here(&href)
        .then(|| view! { <a class="end link" href=href aria-label=label>{words.t("dashboard-all")}</a> })
}

fn columns(words: Words, event: &AuditView) -> impl IntoView + use<> {
    view! {
        <span class="when">{time(event.at, look().zone)}</span>
        <b class="who">{actor_text(words, event)}</b>
        <span class="what">{texts::audit_action(words.0, &event.action)}</span>
        <span class="target">{target_text(words, event)}</span>
        <span class="outcome">{outcome_state(words, &event.outcome)}</span>
    }
}

fn event_view(words: Words, event: AuditView) -> impl IntoView {
    let via = words.t(&format!("audit-via-{}", event.via));
    let address = event.address.clone().unwrap_or_else(|| NOT_MEASURED.to_owned());
    // A row that stands for many has none.
    let request = if event.request_id.is_empty() { NOT_MEASURED.to_owned() } else { event.request_id.clone() };
    let sealed = words.t(event.seal());
    let suspicion = suspicion(words, &event);
    // Two things may be called the same, and the filter takes the number.
    let number = event.target_name.as_ref().and(event.target_id.clone()).map(|id| {
        view! { " " <code class="sub">{id}</code> }
    });
    let target = match target_page(&event) {
        Some(href) => ways::link(href, target_text(words, &event)),
        None => target_text(words, &event).into_any(),
    };
    let customer = event.customer_id.filter(|_| event.target_kind != "customer").map(|id| {
        let name = event.customer_name.clone().unwrap_or_else(|| id.to_string());
        view! { <dt>{words.t("audit-customer")}</dt><dd>{ways::link(paths::customer(id), name)}</dd> }
    });
    view! {
        <li>
            <details>
                <summary>{columns(words, &event)} {suspicion}</summary>
                <div class="more">
                    <dl class="facts start">
                        <dt>{words.t("audit-target")}</dt>
                        <dd>{target} {number}</dd>
                        <dt>{words.t("audit-action")}</dt>
                        <dd><code>{event.action.clone()}</code></dd>
                        {customer}
                        <dt>{words.t("audit-via")}</dt>
                        <dd>{via} " · " {address}</dd>
                        {agent_facts(words, event.user_agent.clone())}
                        <dt>{words.t("audit-request")}</dt>
                        <dd><code>{request}</code> " · " {sealed}</dd>
                    </dl>
                    {changes_view(words, &event)}
                </div>
            </details>
        </li>
    }
}

/// What the client called itself, where that is known.
pub(crate) fn agent_facts(words: Words, agent: Option<String>) -> impl IntoView + use<> {
    agent.map(|agent| view! { <dt>{words.t("audit-agent")}</dt><dd><code>{agent}</code></dd> })
}

fn changes_view(words: Words, event: &AuditView) -> AnyView {
    let changes = changes(event.before.as_ref(), event.after.as_ref());
    let key = if event.withheld { "audit-withheld" } else { "audit-no-change" };
    if changes.is_empty() {
        return view! { <p class="sub">{words.t(key)}</p> }.into_any();
    }
    let withheld = event.withheld.then(|| view! { <p class="sub">{words.t("audit-withheld")}</p> });
    let side = |value: Option<String>| match value {
        Some(value) => value.into_any(),
        None => view! { <span class="none">{words.t("audit-nothing")}</span> }.into_any(),
    };
    let rows = changes
        .into_iter()
        .map(|(field, before, after)| {
            view! {
                <tr>
                    <th scope="row"><code>{field}</code></th>
                    <td class="before">{side(before)}</td>
                    <td class="after">{side(after)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        {withheld}
        {table_of("diff", words.t("audit-details"), view! {
            <th scope="col">{words.t("audit-field")}</th>
            <th scope="col">{words.t("audit-before")}</th>
            <th scope="col">{words.t("audit-after")}</th>
        }, rows)}
    }
    .into_any()
}

type Change = (String, Option<String>, Option<String>);

/// Fields that differ, by name; a field of a field is named `outer.inner`.
fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let flat = |value: Option<&Value>| {
        let mut fields = BTreeMap::new();
        if let Some(value) = value {
            flatten("", value, &mut fields);
        }
        fields
    };
    let (mut before, mut after) = (flat(before), flat(after));
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let pairs = names.into_iter().map(|name| {
        let (before, after) = (before.remove(&name), after.remove(&name));
        (name, before, after)
    });
    pairs.filter(|(_, before, after)| before != after).collect()
}

fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let text = match value {
        Value::Null => return,
        Value::Object(fields) => {
            if let Some(text) = named(value) {
                into.insert(name.to_owned(), text);
                return;
            }
            for (key, value) in fields {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, value, into);
            }
            return;
        }
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Array(values) if values.iter().all(|value| named(value).is_some()) => {
            values.iter().filter_map(named).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    into.insert(if name.is_empty() { "·".to_owned() } else { name.to_owned() }, text);
}

/// Somebody or something with its id, in one piece.
fn named(value: &Value) -> Option<String> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let (name, id) = (fields.get("name")?.as_str()?, fields.get("id")?.as_i64()?);
    Some(format!("{name} ({id})"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let before =
            json!({"name": "a", "region": null, "declared": {"gpuCount": 8, "model": "H100"}, "tags": ["x", "y"]});
        let after =
            json!({"name": "b", "region": "east", "declared": {"gpuCount": 8, "model": "H200"}, "tags": ["x", "y"]});
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            changes(Some(&before), Some(&after)),
            [
                ("declared.model".to_owned(), some("H100"), some("H200")),
                ("name".to_owned(), some("a"), some("b")),
                ("region".to_owned(), None, some("east")),
            ]
        );
        assert_eq!(changes(None, Some(&json!({"machines": 3}))), [("machines".to_owned(), None, some("3"))]);
        assert_eq!(changes(Some(&json!("text")), None), [("·".to_owned(), some("text"), None)]);
        assert!(changes(None, None).is_empty());
        let (before, after) =
            (json!({"owners": [{"id": 7, "name": "zoe"}, {"id": 9, "name": "ann"}]}), json!({"owners": []}));
        assert_eq!(changes(Some(&before), Some(&after)), [("owners".to_owned(), some("zoe (7), ann (9)"), some(""))]);
        let (before, after) = (json!({"customer": null}), json!({"customer": {"id": 7, "name": "Acme"}}));
        assert_eq!(changes(Some(&before), Some(&after)), [("customer".to_owned(), None, some("Acme (7)"))]);
    }
}
