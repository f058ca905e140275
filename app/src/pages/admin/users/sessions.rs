//! Where somebody is signed in, on their page.

use contract::accounts::SessionView;
use contract::{May, Page, UserId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::{EndUserSession, EndUserSessions};
use crate::door::look;
use crate::pages::customer::accounts::sessions::last_seen;
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::cells::text_cell;
use crate::ui::lists::{ListQuery, pager_of, past_the_end};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// The list of them at the address of this page.
pub(super) fn sessions_here(user: UserId) -> ListQuery {
    ListQuery::here(paths::user(user), ["pageSize", "page"])
}

pub(super) fn sessions_card(
    words: Words,
    user: UserId,
    sessions: Page<SessionView>,
    may_end: &May,
) -> impl IntoView + use<> {
    let here = sessions_here(user);
    let pages = pager_of(words, &here, &sessions);
    let past = past_the_end(words, &here, sessions.page, sessions.page_size, sessions.total);
    let end_all = (sessions.total > 0).then(|| {
        let (opens, question) = (words.t("user-sessions-end-all"), words.t("user-sessions-end-all-hint"));
        let all = Ask::new("sessions", opens, question, EndUserSessions::url())
            .class("btn small")
            .yes(words.t("user-sessions-end-all-confirm"))
            .field("id", user)
            .may(words, may_end);
        view! { <div class="end">{all}</div> }
    });
    let list = if let Some(past) = past {
        past
    } else if sessions.list.is_empty() {
        view! { <div class="empty"><p>{words.t("user-sessions-none")}</p></div> }.into_any()
    } else {
        let heads = ["sessions-kind", "sessions-agent", "sessions-address", "sessions-since", "sessions-seen"]
            .map(|key| view! { <th scope="col">{words.t(key)}</th> })
            .collect_view();
        let rows = sessions.list.into_iter().map(|session| row(words, user, session, may_end.allowed)).collect_view();
        view! {
            {list_table(words.t("user-sessions-title"), view! {
                {heads}
                <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
            }, rows)}
        }
        .into_any()
    };
    view! {
        <section class="card" id="sessions">
            <header><h2>{words.t("user-sessions-title")}</h2> {end_all}</header>
            {list}
            {pages}
        </section>
    }
}

fn row(words: Words, user: UserId, session: SessionView, may_end: bool) -> impl IntoView {
    let zone = look().zone;
    let seen = last_seen(words, &session);
    let kind = words.t(&format!("session-kind-{}", session.kind.code()));
    let what = match session.name {
        Some(name) => words.with("sessions-token-named", &[("kind", kind), ("name", name)]),
        None => kind,
    };
    let unknown = words.t("sessions-unknown");
    let action = may_end.then(|| {
        let (id, question) = (format!("session-{}", session.id), words.t("user-sessions-end-hint"));
        Ask::new(id, words.t("sessions-end"), question, EndUserSession::url())
            .row(words.with("user-sessions-end-of", &[("name", what.clone())]))
            .field("id", user)
            .field("session", session.id)
            .view(words)
    });
    view! {
        <tr>
            <th scope="row">{what}</th>
            {text_cell(words.t("sessions-agent"), session.agent, &unknown)}
            {text_cell(words.t("sessions-address"), session.address, &unknown)}
            <td data-label=words.t("sessions-since")>{time(session.created_at, zone)}</td>
            <td data-label=words.t("sessions-seen")>{seen}</td>
            <td class="row-actions">{action}</td>
        </tr>
    }
}
