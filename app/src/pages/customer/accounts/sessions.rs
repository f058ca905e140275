//! Where one is signed in.

use contract::Page;
use contract::accounts::{SessionKind, SessionView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::page::{done_notice, tabs};
use super::server_fns::{EndOtherSessions, EndSession};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::cells::text_cell;
use crate::ui::forms::form_fault;
use crate::ui::lists::{ListQuery, pager_of, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/account/sessions`.
#[component]
pub fn SessionsPage() -> impl IntoView {
    let (platform, ctx) = door();
    let asked = list_here().asked();
    page(async move { platform::accounts::list_sessions(&platform, &ctx, &asked).await }, sessions_view)
}

fn list_here() -> ListQuery {
    ListQuery::here(paths::ACCOUNT_SESSIONS, ["pageSize", "page"])
}

fn sessions_view(sessions: Page<SessionView>) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|r| r.message(words.0));
    let head = PageFrame::new(words.t("sessions-title"), Area::Account).crumb(words.t("account-title"), paths::ACCOUNT);
    let head = match sessions.total > 1 {
        true => head.actions(
            Ask::new(
                "others",
                words.t("sessions-end-others"),
                words.t("sessions-end-others-hint"),
                EndOtherSessions::url(),
            )
            .class("btn")
            .yes(words.t("sessions-end-others-confirm"))
            .view(words),
        ),
        false => head,
    };
    let known = [("one", "sessions-done-one"), ("others", "sessions-done-others")];
    let done = done_notice(words, refused.is_some(), &known);
    let alone = sessions.total <= 1;
    let pages = pager_of(words, &list_here(), &sessions);
    let past = past_the_end(words, &list_here(), sessions.page, sessions.page_size, sessions.total);
    let heads = ["sessions-kind", "sessions-agent", "sessions-address", "sessions-since", "sessions-seen"]
        .map(|key| view! { <th scope="col">{words.t(key)}</th> })
        .collect_view();
    let rows = sessions.list.into_iter().map(|session| row(words, session)).collect_view();
    let list = past.unwrap_or_else(|| {
        list_table(
            words.t("sessions-open"),
            view! {
                {heads}
                <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
            },
            rows,
        )
    });
    frame(
        head,
        view! {
            {tabs(words, paths::ACCOUNT_SESSIONS)}
            {done}
            {form_fault(refused)}
            <section class="card">
                <header>
                    <h2>{words.t("sessions-open")}</h2>
                    <span class="end">{words.t("sessions-explained")}</span>
                </header>
                {list}
                {pages}
                {alone.then(|| view! { <p class="note-line">{words.t("sessions-alone")}</p> })}
            </section>
        },
    )
}

/// When it was last used; an API token may never have been.
pub(crate) fn last_seen(words: Words, session: &SessionView) -> AnyView {
    match session.unused {
        true => words.t("tokens-never-used").into_any(),
        false => time(session.last_seen_at, look().zone).into_any(),
    }
}

fn row(words: Words, session: SessionView) -> impl IntoView {
    let zone = look().zone;
    let seen = last_seen(words, &session);
    let kind = words.t(&format!("session-kind-{}", session.kind.code()));
    let what = match session.name {
        Some(name) => words.with("sessions-token-named", &[("kind", kind), ("name", name)]),
        None => kind,
    };
    // Two browsers are told apart by where they are.
    let named = match session.address.clone() {
        Some(address) => words.with("sessions-from", &[("what", what.clone()), ("address", address)]),
        None => what.clone(),
    };
    let action = match session.current {
        true => state(Tone::Ok, words.t("sessions-current")).into_any(),
        false => {
            let (key, hint) = match session.kind {
                SessionKind::Api => ("tokens-revoke", "tokens-revoke-hint"),
                _ => ("sessions-end", "user-sessions-end-hint"),
            };
            Ask::new(session.id.to_string(), words.t(key), words.t(hint), EndSession::url())
                .row(words.with("user-sessions-end-of", &[("name", named)]))
                .field("id", session.id)
                .view(words)
        }
    };
    let unknown = words.t("sessions-unknown");
    let by = session.service.map(|name| {
        view! { " " <span class="remark">{words.with("sessions-by-service", &[("name", name)])}</span> }
    });
    view! {
        <tr>
            <th scope="row">{what} {by}</th>
            {text_cell(words.t("sessions-agent"), session.agent, &unknown)}
            {text_cell(words.t("sessions-address"), session.address, &unknown)}
            <td data-label=words.t("sessions-since")>{time(session.created_at, zone)}</td>
            <td data-label=words.t("sessions-seen")>{seen}</td>
            <td class="row-actions">{action}</td>
        </tr>
    }
}
