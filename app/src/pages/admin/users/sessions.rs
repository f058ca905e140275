//! Where somebody is signed in, on their page.

use contract::UserId;
use contract::accounts::SessionView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::{EndUserSession, EndUserSessions};
use crate::door::look;
use crate::ui::cells::text_cell;
use crate::ui::time::time;
use crate::words::Words;

/// `may_end`: the reader may end them.
pub(super) fn sessions_card(
    words: Words,
    user: UserId,
    sessions: Vec<SessionView>,
    may_end: bool,
) -> impl IntoView + use<> {
    let end_all = (may_end && !sessions.is_empty()).then(|| {
        view! {
            <details class="menu end">
                <summary class="btn small">{words.t("user-sessions-end-all")}</summary>
                <form class="menu-body" method="post" action=EndUserSessions::url()>
                    <p>{words.t("user-sessions-end-all-hint")}</p>
                    <input r#type="hidden" name="id" value=user.to_string() />
                    <button class="btn danger">{words.t("user-sessions-end-all-confirm")}</button>
                </form>
            </details>
        }
    });
    let list = if sessions.is_empty() {
        view! { <div class="empty"><p>{words.t("user-sessions-none")}</p></div> }.into_any()
    } else {
        let heads = ["sessions-kind", "sessions-agent", "sessions-address", "sessions-since", "sessions-seen"]
            .map(|key| view! { <th scope="col">{words.t(key)}</th> })
            .collect_view();
        let rows = sessions.into_iter().map(|session| row(words, user, session, may_end)).collect_view();
        view! {
            <div class="scroll" tabindex="0" role="region" aria-label=words.t("user-sessions-title")>
                <table class="cards">
                    <thead>
                        <tr>
                            {heads}
                            <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card" id="sessions">
            <header><h2>{words.t("user-sessions-title")}</h2> {end_all}</header>
            {list}
        </section>
    }
}

fn row(words: Words, user: UserId, session: SessionView, may_end: bool) -> impl IntoView {
    let zone = look().zone;
    let kind = words.t(&format!("session-kind-{}", session.kind.code()));
    let what = match session.name {
        Some(name) => words.with("sessions-token-named", &[("kind", kind), ("name", name)]),
        None => kind,
    };
    let unknown = words.t("sessions-unknown");
    let action = may_end.then(|| {
        let label = words.with("user-sessions-end-of", &[("name", what.clone())]);
        view! {
            <form method="post" action=EndUserSession::url()>
                <input r#type="hidden" name="id" value=user.to_string() />
                <input r#type="hidden" name="session" value=session.id.to_string() />
                <button class="btn small" aria-label=label>{words.t("sessions-end")}</button>
            </form>
        }
    });
    view! {
        <tr>
            <th scope="row">{what}</th>
            {text_cell(words.t("sessions-agent"), session.agent, &unknown)}
            {text_cell(words.t("sessions-address"), session.address, &unknown)}
            <td data-label=words.t("sessions-since")>{time(session.created_at, zone)}</td>
            <td data-label=words.t("sessions-seen")>{time(session.last_seen_at, zone)}</td>
            <td class="row-actions">{action}</td>
        </tr>
    }
}
