//! `/instances/access` and `/admin/instances/access`: who is, or was, in instances, and on whole machines; and how to come into an
//! instance by SSH.

use chrono::{DateTime, Utc};
use contract::access::{AccessKind, AccessQuery, AccessSession, MachineAccess, MachineAccessQuery, SshCommand};
use contract::{Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::{OpContext, Platform, allocations, instances};

use super::recordings::told as recording_told;
use super::server_fns::{EndOwnAccess, EndOwnMachineAccess};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::audit::filters::days;
use crate::pages::admin::audit::list::at_midnight;
use crate::pages::admin::audit::unread::unread;
use crate::pages::admin::instances::server_fns::{EndAccess, EndMachineAccess};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::cells::text_cell;
use crate::ui::copy::copy_button;
use crate::ui::forms::{form_fault, options_view};
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

const NAMES: [&str; 8] = ["q", "kind", "open", "recorded", "from", "until", "pageSize", "page"];
/// What narrows the list.
const FILTERS: [&str; 6] = ["q", "kind", "open", "recorded", "from", "until"];

/// What the address of a list asks for.
fn query_of(list: &ListQuery) -> AccessQuery {
    AccessQuery {
        page: list.page(),
        page_size: list.page_size(),
        kind: AccessKind::parse(list.get("kind")),
        open: yes_or_no(list.get("open")),
        recorded: yes_or_no(list.get("recorded")),
        from: at_midnight(list.get("from"), 0),
        until: at_midnight(list.get("until"), 1),
        instance: None,
        user: None,
        q: list.some("q"),
    }
}

fn yes_or_no(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// So many of those on whole machines are shown; programs page through the rest.
const ON_MACHINES: u32 = 50;

/// The same of whole machines; nothing where it would find none: they are come to by SSH alone, and nothing there is recorded.
fn machines_query(query: &AccessQuery) -> Option<MachineAccessQuery> {
    let fits = query.kind.is_none_or(|kind| kind == AccessKind::Ssh) && query.recorded != Some(true);
    fits.then(|| MachineAccessQuery {
        page_size: Some(ON_MACHINES),
        open: query.open,
        from: query.from,
        until: query.until,
        q: query.q.clone(),
        ..MachineAccessQuery::default()
    })
}

/// Those that the reader may see; staff who may see instances see machines' only where they see who has them.
async fn on_machines(
    platform: &Platform,
    ctx: &OpContext,
    query: Option<MachineAccessQuery>,
    staff: bool,
) -> platform::Result<Page<MachineAccess>> {
    match query {
        Some(query) if !staff => allocations::list_visits(platform, ctx, &query).await,
        Some(query) if ctx.holds_everywhere(Permission::AllocationsManage) => {
            allocations::list_all_visits(platform, ctx, &query).await
        }
        _ => Ok(Page { list: Vec::new(), total: 0, page: 1, page_size: ON_MACHINES }),
    }
}

/// The export takes instants where the page takes days.
fn export_address(query: &AccessQuery, staff: bool) -> String {
    let at = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string()).unwrap_or_default();
    let pairs = [
        ("kind", query.kind.map(|kind| kind.code().to_owned()).unwrap_or_default()),
        ("open", flag(query.open)),
        ("recorded", flag(query.recorded)),
        ("from", at(query.from)),
        ("until", at(query.until)),
        ("q", query.q.clone().unwrap_or_default()),
    ];
    let side = if staff { "admin" } else { "customer" };
    let path = format!("/api/{side}/access/sessions/export");
    paths::with_query(&path, pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

/// `/instances/access`.
#[component]
pub fn OwnAccessPage() -> impl IntoView {
    let list = ListQuery::here(paths::OWN_ACCESS, NAMES);
    let query = query_of(&list);
    let export = export_address(&query, false);
    let (platform, ctx) = door();
    let load = async move {
        let machines = on_machines(&platform, &ctx, machines_query(&query), false).await?;
        Ok((instances::list_access(&platform, &ctx, &query).await?, machines))
    };
    page(load, move |(page, machines)| list_view(list, export, (page, machines), false))
}

/// `/admin/instances/access`.
#[component]
pub fn AccessPage() -> impl IntoView {
    let list = ListQuery::here(paths::ACCESS, NAMES);
    let query = query_of(&list);
    let export = export_address(&query, true);
    let (platform, ctx) = door();
    let load = async move {
        let machines = on_machines(&platform, &ctx, machines_query(&query), true).await?;
        Ok((instances::list_all_access(&platform, &ctx, &query).await?, machines))
    };
    page(load, move |(page, machines)| list_view(list, export, (page, machines), true))
}

/// Those in instances, and those on whole machines.
type Found = (Page<AccessSession>, Page<MachineAccess>);

fn list_view(query: ListQuery, export: String, (page, machines): Found, staff: bool) -> AnyView {
    let words = Words::now();
    let (area, crumb, back, recordings) = match staff {
        true => (Area::Instances, "nav-instances", paths::INSTANCES, paths::RECORDINGS),
        false => (Area::OwnInstances, "nav-own-instances", paths::OWN_INSTANCES, paths::OWN_RECORDINGS),
    };
    let actions = view! {
        <a class="btn" href=recordings>{words.t("recordings-title")}</a>
        <a class="btn" href=export download="">{words.t("list-export")}</a>
    };
    let head = PageFrame::new(words.t("access-title"), area).crumb(words.t(crumb), back).actions(actions);
    let every = |value: &'static str, key: &str| (value.to_owned(), words.t(key));
    let kinds = [
        every("", "access-kind-every"),
        every("ssh", "access-kind-ssh"),
        every("terminal", "access-kind-terminal"),
        every("app", "access-kind-app"),
        every("watch", "access-kind-watch"),
    ];
    let states = [every("", "access-state-every"), every("yes", "access-open"), every("no", "access-over")];
    let recorded =
        [every("", "access-recorded-every"), every("yes", "access-recorded-yes"), every("no", "access-recorded-no")];
    let past = past_the_end(words, &query, page.page, page.page_size, page.total);
    let body = match page.list.is_empty() {
        true if past.is_some() => past.into_any(),
        true => {
            let filtered = FILTERS.iter().any(|name| !query.get(name).is_empty());
            let nothing = words.t(if filtered { "list-none-match" } else { "access-empty" });
            view! { <div class="empty"><p>{nothing}</p></div> }.into_any()
        }
        false => table(words, &query, page, staff),
    };
    frame(
        head,
        view! {
            {refusal(words)}
            <section class="card">
                <form class="filters" method="get" action=query.path.clone()>
                    <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                        placeholder=words.t("access-filter") aria-label=words.t("access-filter") />
                    <select name="kind" aria-label=words.t("access-kind")>
                        {options_view(kinds.to_vec(), query.get("kind"))}
                    </select>
                    <select name="open" aria-label=words.t("access-state")>
                        {options_view(states.to_vec(), query.get("open"))}
                    </select>
                    <select name="recorded" aria-label=words.t("access-recorded")>
                        {options_view(recorded.to_vec(), query.get("recorded"))}
                    </select>
                    {days(words, &query)}
                    <button class="btn">{words.t("filter-apply")}</button>
                    <a class="btn ghost" href=query.path.clone()>{words.t("filter-reset")}</a>
                </form>
                {unread(words, &query)}
                {body}
            </section>
            {machines_card(words, machines, staff)}
        },
    )
}

/// Why one was not ended: what is wrong with the reason stands in a question that is closed again.
fn refusal(words: Words) -> impl IntoView + use<> {
    let refused = Refused::from_query();
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let no_reason = refused.and_then(|refused| refused.fault(words.0, "reason"));
    view! {
        {form_fault(message)}
        {no_reason.map(|fault| view! { <p class="fault">{fault}</p> })}
    }
}

/// Who is, or was, on whole machines; nothing where nobody was.
fn machines_card(words: Words, page: Page<MachineAccess>, staff: bool) -> Option<AnyView> {
    if page.list.is_empty() {
        return None;
    }
    let customer = staff.then_some("access-customer");
    let columns = ["access-person", "access-machine"].into_iter().chain(customer);
    let columns = columns.chain(["access-from", "access-since", "access-end"]);
    let head = columns.map(|key| view! { <th scope="col">{words.t(key)}</th> }).collect_view();
    let actions = view! { <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th> };
    let shown = page.list.len();
    let more = (page.total > shown as u64).then(|| {
        let numbers = [("n", shown.to_string()), ("total", page.total.to_string())];
        view! { <p class="note-line">{words.with("access-machines-more", &numbers)}</p> }
    });
    let rows = page.list.into_iter().map(|visit| machine_row(words, visit, staff)).collect_view();
    let card = view! {
        <section class="card" id="machines">
            <header><h2>{words.t("access-machines")}</h2></header>
            <p class="note-line">{words.t("access-machines-hint")}</p>
            {list_table(words.t("access-machines"), view! { {head} {actions} }, rows)}
            {more}
        </section>
    };
    Some(card.into_any())
}

fn machine_row(words: Words, visit: MachineAccess, staff: bool) -> impl IntoView {
    let zone = look().zone;
    let href = if staff { paths::machine(&visit.machine) } else { paths::my_machine(&visit.machine) };
    let url = if staff { EndMachineAccess::url() } else { EndOwnMachineAccess::url() };
    let end = match (visit.ended_at, visit.reason.as_deref()) {
        (Some(at), reason) => {
            let why = reason.map(|reason| match reason {
                "stopped" => words.t("access-machines-over"),
                other => words.t(&format!("access-reason-{other}")),
            });
            view! { {time(at, zone)} " " <span class="remark">{why}</span> }.into_any()
        }
        (None, _) => state(Tone::Ok, words.t("access-open")).into_any(),
    };
    let action = visit.may_end.then(|| {
        let named = [("person", visit.user_name.clone()), ("instance", visit.machine.clone())];
        end_ask(words, visit.id.clone(), &named, (url, staff))
    });
    let from = [visit.address, visit.client].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let customer = staff.then(|| {
        view! { <td data-label=words.t("access-customer")>{visit.customer_name}</td> }
    });
    view! {
        <tr>
            <th scope="row">{visit.user_name}</th>
            <td data-label=words.t("access-machine")>{ways::name(href, visit.machine)}</td>
            {customer}
            {text_cell(words.t("access-from"), Some(from).filter(|from| !from.is_empty()), &words.t("sessions-unknown"))}
            <td data-label=words.t("access-since")>{time(visit.opened_at, zone)}</td>
            <td data-label=words.t("access-end")>{end}</td>
            <td class="row-actions">{action}</td>
        </tr>
    }
}

/// The button that ends one; staff say why.
fn end_ask(words: Words, id: String, named: &[(&str, String)], (url, staff): (&'static str, bool)) -> AnyView {
    let hint = words.t(if staff { "access-end-hint-staff" } else { "access-end-hint" });
    let ask = Ask::new(id.clone(), words.t("access-end-now"), hint, url)
        .row(words.with("access-end-of", named))
        .field("id", id);
    let ask = if staff { ask.reason(words) } else { ask };
    ask.view(words)
}

fn table(words: Words, query: &ListQuery, page: Page<AccessSession>, staff: bool) -> AnyView {
    let customer = staff.then_some("access-customer");
    let columns = ["access-person", "access-instance"].into_iter().chain(customer);
    let columns = columns.chain(["access-kind", "access-from", "access-since", "access-end"]);
    let head = columns.map(|key| view! { <th scope="col">{words.t(key)}</th> }).collect_view();
    let rows = page.list.into_iter().map(|session| row(words, session, staff)).collect_view();
    let actions = view! { <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th> };
    view! {
        {list_table(words.t("access-title"), view! { {head} {actions} }, rows)}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}

fn row(words: Words, session: AccessSession, staff: bool) -> impl IntoView {
    let zone = look().zone;
    let instance = match staff {
        true => paths::instance(session.instance),
        false => paths::own_instance(session.instance),
    };
    let end = match (session.ended_at, &session.reason) {
        (Some(at), reason) => {
            let why = reason.as_deref().map(|reason| words.t(&format!("access-reason-{reason}")));
            view! { {time(at, zone)} " " <span class="remark">{why}</span> }.into_any()
        }
        (None, _) => state(Tone::Ok, words.t("access-open")).into_any(),
    };
    let url = if staff { EndAccess::url() } else { EndOwnAccess::url() };
    let action = session.may_end.then(|| {
        let named = [("person", session.user_name.clone()), ("instance", session.instance_name.clone())];
        end_ask(words, session.id.clone(), &named, (url, staff))
    });
    let from = [session.address.clone(), session.client.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let customer = staff.then(|| {
        view! { <td data-label=words.t("access-customer")>{session.customer_name.clone()}</td> }
    });
    view! {
        <tr>
            <th scope="row">{session.user_name.clone()}</th>
            <td data-label=words.t("access-instance")><a href=instance>{session.instance_name.clone()}</a></td>
            {customer}
            <td data-label=words.t("access-kind")>
                {words.t(&format!("access-kind-{}", session.kind.code()))} " " {recorded(words, &session, staff)}
            </td>
            {text_cell(words.t("access-from"), Some(from).filter(|from| !from.is_empty()), &words.t("sessions-unknown"))}
            <td data-label=words.t("access-since")>{time(session.opened_at, zone)}</td>
            <td data-label=words.t("access-end")>{end}</td>
            <td class="row-actions">{action}</td>
        </tr>
    }
}

/// That it is recorded, and the way to that.
fn recorded(words: Words, session: &AccessSession, staff: bool) -> Option<AnyView> {
    let text = words.with("access-recordings", &[("n", session.recordings.to_string())]);
    let href = paths::recordings_of(&session.id, staff);
    match (session.recordings, session.may_see_recordings) {
        (0, _) => None,
        (_, true) => Some(view! { <a class="btn small" href=href>{text}</a> }.into_any()),
        (_, false) => Some(view! { <span class="sub">{text}</span> }.into_any()),
    }
}

/// The line that leads in by SSH, by what the door is known, and how to get a key.
pub fn connect_card(words: Words, told: SshCommand) -> impl IntoView {
    let copy = |text: &str| copy_button(text.to_owned(), words.t("copy"), words.t("copied"));
    let key = match told.has_key {
        true => words.t("ssh-card-has-key"),
        false => words.t("ssh-card-no-key"),
    };
    view! {
        <section class="card" id="ssh">
            <header><h2>{words.t("ssh-card-title")}</h2></header>
            <dl class="facts start">
                <dt>{words.t("ssh-card-line")}</dt>
                <dd><code>{told.command.clone()}</code> " " {copy(&told.command)}</dd>
                <dt>{words.t("ssh-card-fingerprint")}</dt>
                <dd><code>{told.fingerprint.clone()}</code> " " {copy(&told.fingerprint)}</dd>
            </dl>
            <p class="note-line">{key} " " <a class="link" href=paths::ACCOUNT_SSH_KEYS>{words.t("ssh-card-keys")}</a></p>
            <p class="note-line">{words.t("ssh-card-more")}</p>
            {told.recorded.then(|| view! { <p class="note-line">{recording_told(words, told.recorded_with_input)}</p> })}
        </section>
    }
}
