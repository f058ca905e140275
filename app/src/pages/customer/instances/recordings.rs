//! `/instances/access/recordings`, `/admin/instances/access/recordings` and their pages: what was recorded in instances, and
//! a screen that is played again (`frontend/js/src/rg-player.js`). Without JavaScript there is the file.

use contract::Page;
use contract::access::{AccessKind, RecordingEnding, RecordingKind, RecordingQuery, RecordingView};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::audit::filters::days;
use crate::pages::admin::audit::list::at_midnight;
use crate::pages::admin::audit::unread::unread;
use crate::paths;
use crate::ui::format::bytes;
use crate::ui::forms::{TextField, options_view, text_field};
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

const NAMES: [&str; 8] = ["q", "kind", "door", "from", "until", "session", "pageSize", "page"];
/// Filters; by a session one comes from its list.
const FILTERS: [&str; 6] = ["q", "kind", "door", "from", "until", "session"];
/// Letters of a command in a list.
const SHORT: usize = 30;

fn query_of(list: &ListQuery) -> RecordingQuery {
    RecordingQuery {
        page: list.page(),
        page_size: list.page_size(),
        session: list.some("session").filter(|session| session.len() == 36),
        door: AccessKind::parse(list.get("door")),
        kind: RecordingKind::parse(list.get("kind")),
        instance: None,
        user: None,
        from: at_midnight(list.get("from"), 0),
        until: at_midnight(list.get("until"), 1),
        q: list.some("q"),
    }
}

/// `/instances/access/recordings`.
#[component]
pub fn OwnRecordingsPage() -> impl IntoView {
    let list = ListQuery::here(paths::OWN_RECORDINGS, NAMES);
    let query = query_of(&list);
    let (platform, ctx) = door();
    page(async move { platform::instances::list_recordings(&platform, &ctx, &query).await }, move |page| {
        list_view(list, page, false)
    })
}

/// `/admin/instances/access/recordings`.
#[component]
pub fn RecordingsPage() -> impl IntoView {
    let list = ListQuery::here(paths::RECORDINGS, NAMES);
    let query = query_of(&list);
    let (platform, ctx) = door();
    page(async move { platform::instances::list_all_recordings(&platform, &ctx, &query).await }, move |page| {
        list_view(list, page, true)
    })
}

fn head_of(words: Words, title: String, staff: bool) -> PageFrame {
    let (area, crumb, back, sessions) = match staff {
        true => (Area::Instances, "nav-instances", paths::INSTANCES, paths::ACCESS),
        false => (Area::OwnInstances, "nav-own-instances", paths::OWN_INSTANCES, paths::OWN_ACCESS),
    };
    PageFrame::new(title, area).crumb(words.t(crumb), back).crumb(words.t("access-title"), sessions)
}

fn list_view(query: ListQuery, page: Page<RecordingView>, staff: bool) -> AnyView {
    let words = Words::now();
    let filtered = FILTERS.iter().any(|name| !query.get(name).is_empty());
    let past = past_the_end(words, &query, page.page, page.page_size, page.total);
    let body = match (page.list.is_empty(), filtered) {
        (true, _) if past.is_some() => past.into_any(),
        (true, true) => view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any(),
        (true, false) => view! { <div class="empty"><p>{words.t("recordings-empty")}</p></div> }.into_any(),
        (false, _) => table(words, &query, page, staff),
    };
    frame(
        head_of(words, words.t("recordings-title"), staff),
        view! { <section class="card">{filters(words, &query)} {unread(words, &query)} {body}</section> },
    )
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let every = |value: &'static str, key: &str| (value.to_owned(), words.t(key));
    let kinds = [("", "recording-kind-every"), ("screen", "recording-kind-screen")].into_iter();
    let kinds = kinds.chain([("command", "recording-kind-command"), ("files", "recording-kind-files")]);
    let doors = [("", "access-kind-every"), ("ssh", "access-kind-ssh"), ("terminal", "access-kind-terminal")];
    let session = query.some("session").map(|session| {
        view! { <input r#type="hidden" name="session" value=session /> }
    });
    view! {
        <form class="filters" method="get" action=query.path.clone()>
            {session}
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("access-filter") aria-label=words.t("access-filter") />
            <select name="kind" aria-label=words.t("recording-kind")>
                {options_view(kinds.map(|(value, key)| every(value, key)).collect(), query.get("kind"))}
            </select>
            <select name="door" aria-label=words.t("access-kind")>
                {options_view(doors.map(|(value, key)| every(value, key)).to_vec(), query.get("door"))}
            </select>
            {days(words, query)}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=query.path.clone()>{words.t("filter-reset")}</a>
        </form>
    }
}

/// What is recorded where it is, for who is about to come in.
pub(super) fn told(words: Words, input: bool) -> String {
    words.t(if input { "recording-told-input" } else { "recording-told" })
}

fn table(words: Words, query: &ListQuery, page: Page<RecordingView>, staff: bool) -> AnyView {
    let customer = staff.then_some("access-customer");
    let columns = ["access-person", "access-instance"].into_iter().chain(customer);
    let columns = columns.chain(["recording-kind", "access-since", "access-end", "recording-size"]);
    let head = columns.map(|key| view! { <th scope="col">{words.t(key)}</th> }).collect_view();
    let rows = page.list.into_iter().map(|recording| row(words, recording, staff)).collect_view();
    view! {
        {list_table(words.t("recordings-title"), head, rows)}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}

fn row(words: Words, recording: RecordingView, staff: bool) -> impl IntoView {
    let instance = match staff {
        true => paths::instance(recording.instance),
        false => paths::own_instance(recording.instance),
    };
    let own = if staff { paths::recording(&recording.id) } else { paths::own_recording(&recording.id) };
    let named = [("person", recording.user_name.clone()), ("instance", recording.instance_name.clone())];
    let label = words.with("recording-of", &named);
    let command = recording.command.as_deref().map(|command| {
        let short: String = command.chars().take(SHORT).collect();
        let more = if short.len() < command.len() { "…" } else { "" };
        view! { <div><code>{short}{more}</code></div> }
    });
    let customer = staff.then(|| {
        view! { <td data-label=words.t("access-customer")>{recording.customer_name.clone()}</td> }
    });
    let kind = words.t(&format!("recording-kind-{}", recording.kind.code()));
    let opens = match crate::ways::open_here(&own) {
        true => view! { <a class="link" href=own aria-label=label>{kind}</a> }.into_any(),
        false => kind.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{recording.user_name.clone()}</th>
            <td data-label=words.t("access-instance")><a href=instance>{recording.instance_name.clone()}</a></td>
            {customer}
            <td data-label=words.t("recording-kind")>
                {opens}
                " " <span class="sub">{words.t(&format!("access-kind-{}", recording.door.code()))}</span>
                {command}
            </td>
            <td data-label=words.t("access-since")>{time(recording.began_at, look().zone)}</td>
            <td data-label=words.t("access-end")>{end_of(words, &recording)}</td>
            <td data-label=words.t("recording-size")>{size_of(&recording)}</td>
        </tr>
    }
}

fn size_of(recording: &RecordingView) -> Option<String> {
    let (value, unit) = bytes(recording.bytes as f64);
    (recording.kind != RecordingKind::Files).then(|| format!("{value} {unit}"))
}

fn end_of(words: Words, recording: &RecordingView) -> AnyView {
    let Some(at) = recording.ended_at else {
        return state(Tone::Ok, words.t("recording-goes-on")).into_any();
    };
    let code = recording.exit_code.map(|code| words.with("recording-exit", &[("code", code.to_string())]));
    // That it ended with what was recorded needs no words.
    let why = recording.ending.filter(|ending| *ending != RecordingEnding::Over);
    let why = why.map(|ending| words.t(&format!("recording-ending-{}", ending.code())));
    let unrecorded = recording.unrecorded.then(|| state(Tone::Warn, words.t("recording-unrecorded")));
    view! { {time(at, look().zone)} " " <span class="remark">{code} " " {why}</span> " " {unrecorded} }.into_any()
}

fn id_here() -> String {
    use_params_map().get_untracked().get("id").unwrap_or_default()
}

/// `/instances/access/recordings/{id}`.
#[component]
pub fn OwnRecordingPage() -> impl IntoView {
    let id = id_here();
    let (platform, ctx) = door();
    page(async move { platform::instances::recording(&platform, &ctx, &id).await }, |view| {
        let source = format!("/api/customer/access/recordings/{}/content", view.id);
        recording_view(view, false, Some(source), None)
    })
}

/// Why staff look: as it was typed, and what is wrong with it.
type Why = (String, Option<String>);

/// `/admin/instances/access/recordings/{id}`.
#[component]
pub fn RecordingPage() -> impl IntoView {
    let id = id_here();
    let reason = use_query_map().get_untracked().get("reason").filter(|reason| !reason.trim().is_empty());
    let (platform, ctx) = door();
    page(
        async move {
            let Some(reason) = reason else {
                let view = platform::instances::recording_of_any(&platform, &ctx, &id, None).await?;
                return Ok((view, (String::new(), None), false));
            };
            match platform::instances::recording_of_any(&platform, &ctx, &id, Some(reason.clone())).await {
                Ok(view) => Ok((view, (reason, None), true)),
                Err(error) => {
                    let fault = error.fields.iter().find(|field| field.path == "reason");
                    let Some(fault) = fault.map(|it| texts::message(ctx.language(), it.key, &it.args)) else {
                        return Err(error);
                    };
                    let view = platform::instances::recording_of_any(&platform, &ctx, &id, None).await?;
                    Ok((view, (reason, Some(fault)), false))
                }
            }
        },
        |(view, why, told)| {
            let path = format!("/api/admin/access/recordings/{}/content", view.id);
            let source = told.then(|| paths::with_query(&path, [("reason", why.0.as_str())]));
            recording_view(view, true, source, (!told).then_some(why))
        },
    )
}

/// With where its content is, for who may see it now, and what is asked of who may not yet.
fn recording_view(view: RecordingView, staff: bool, source: Option<String>, why: Option<Why>) -> AnyView {
    let words = Words::now();
    let named = [("person", view.user_name.clone()), ("instance", view.instance_name.clone())];
    let list = if staff { paths::RECORDINGS } else { paths::OWN_RECORDINGS };
    let head = head_of(words, words.with("recording-of", &named), staff).crumb(words.t("recordings-title"), list);
    let source = source.filter(|_| view.kind != RecordingKind::Files);
    let (head, shown) = match source {
        Some(source) if view.has_content => {
            let download = view! { <a class="btn" href=source.clone() download="">{words.t("recording-download")}</a> };
            (head.player().actions(download), player(words, source, view.kind).into_any())
        }
        Some(_) => {
            (head, view! { <section class="card empty"><p>{words.t("recording-gone")}</p></section> }.into_any())
        }
        None => (head, ().into_any()),
    };
    let form = why.map(|why| reason_form(words, &view, why));
    frame(head, view! { <div class="main-column">{form} {shown} {facts(words, &view, staff)}</div> })
}

fn player(words: Words, source: String, kind: RecordingKind) -> impl IntoView {
    let left_out = words.with("recording-mark-left-out", &[("bytes", "{bytes}".to_owned())]);
    // Of what is no screen, what went in is shown as well.
    let plain = (kind == RecordingKind::Command).then_some("");
    view! {
        <rg-player
            class="card terminal"
            data-src=source
            data-label=words.t("recording-screen")
            data-play=words.t("recording-play")
            data-pause=words.t("recording-pause")
            data-position=words.t("recording-position")
            data-speed=words.t("recording-speed")
            data-loading=words.t("recording-loading")
            data-plain=plain
            data-failed=words.t("recording-failed")
            data-cut=words.t("recording-cut")
            data-over=words.t("recording-over")
            data-mark-limit=words.t("recording-mark-limit")
            data-mark-full=words.t("recording-mark-full")
            data-mark-left-out=left_out
        >
            <noscript><p class="note-line">{words.t("recording-plain")}</p></noscript>
        </rg-player>
        <p class="sub note-line">{words.t("recording-keys")}</p>
    }
}

fn facts(words: Words, view: &RecordingView, staff: bool) -> impl IntoView + use<> {
    let instance = if staff { paths::instance(view.instance) } else { paths::own_instance(view.instance) };
    let fact = |key: &str, value: AnyView| view! { <dt>{words.t(key)}</dt><dd>{value}</dd> };
    let customer = view.customer_name.clone().map(|name| {
        let href = paths::customer(view.customer_id);
        fact("access-customer", ways::name(href, name))
    });
    let command =
        view.command.clone().map(|command| fact("recording-command", view! { <code>{command}</code> }.into_any()));
    let side =
        view.cols.zip(view.rows).map(|(cols, rows)| fact("recording-columns", format!("{cols} × {rows}").into_any()));
    let size = size_of(view).map(|size| fact("recording-size", size.into_any()));
    let input = view.with_input.then(|| view! { <p class="note-line">{words.t("recording-with-input")}</p> });
    view! {
        <section class="card">
            <header><h2>{words.t("recording-facts")}</h2></header>
            <dl class="facts start">
                {fact("access-person", view.user_name.clone().into_any())}
                {fact("access-instance", ways::name(instance, view.instance_name.clone()))}
                {customer}
                {fact("recording-kind", words.t(&format!("recording-kind-{}", view.kind.code())).into_any())}
                {fact("access-kind", words.t(&format!("access-kind-{}", view.door.code())).into_any())}
                {command}
                {fact("access-since", time(view.began_at, look().zone).into_any())}
                {fact("access-end", end_of(words, view))}
                {side}
                {size}
            </dl>
            {input}
        </section>
    }
}

/// What somebody did in a customer's instance is theirs: who looks at it gives a reason, which they read.
fn reason_form(words: Words, view: &RecordingView, (typed, fault): Why) -> AnyView {
    view! {
        <section class="card">
            <header><h2>{words.t("recording-look")}</h2></header>
            <form class="form" method="get" action=paths::recording(&view.id)>
                <p class="sub">{words.t("recording-reason-hint")}</p>
                {text_field(TextField {
                    label: words.t("recording-reason"),
                    name: "reason".to_owned(),
                    value: typed,
                    fault,
                    required: true,
                    max_length: Some(1000),
                    autocomplete: Some("off"),
                    ..TextField::default()
                })}
                <p class="actions"><button class="btn primary">{words.t("recording-look")}</button></p>
            </form>
        </section>
    }
    .into_any()
}
