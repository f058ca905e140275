//! Join tokens: what agents join with.

use contract::machines::JoinTokenView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::islands::JoinTokenForm;
use super::server_fns::RevokeJoinToken;
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::form_fault;
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/machines/join-tokens`.
#[component]
pub fn JoinTokensPage() -> impl IntoView {
    let (platform, ctx) = door();
    page(async move { platform::machines::list_join_tokens(&platform, &ctx).await }, tokens_view)
}

fn tokens_view(tokens: Vec<JoinTokenView>) -> AnyView {
    let words = Words::now();
    let lexicon = words.lexicon(&[
        "join-note",
        "join-uses",
        "join-hours",
        "join-machine",
        "join-create",
        "join-made",
        "join-made-hint",
        "copy",
        "copied",
    ]);
    let refused = Refused::from_query().map(|r| r.message(words.0));
    let head =
        PageFrame::new(words.t("join-title"), Area::JoinTokens).crumb(words.t("nav-machines"), paths::MACHINES).live();
    frame(
        head,
        view! {
            {form_fault(refused)}
            <section class="card">
                <header>
                    <h2>{words.t("join-new")}</h2>
                    <span class="end">{words.t("join-explained")}</span>
                </header>
                <noscript><p class="note-line">{words.t("join-no-script")} " " <code>"remotegpu admin join-token"</code></p></noscript>
                <JoinTokenForm words=lexicon />
            </section>
            <section class="card">
                <header><h2>{words.t("join-list")}</h2></header>
                {list(words, tokens)}
            </section>
        },
    )
}

fn list(words: Words, tokens: Vec<JoinTokenView>) -> AnyView {
    if tokens.is_empty() {
        return view! { <div class="empty"><p>{words.t("join-empty")}</p></div> }.into_any();
    }
    let heads = ["join-note", "join-used", "join-machine", "join-by", "join-expires", "join-state"]
        .map(|key| view! { <th scope="col">{words.t(key)}</th> })
        .collect_view();
    let rows = tokens.into_iter().map(|token| row(words, token)).collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=words.t("join-list")>
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
}

fn row(words: Words, token: JoinTokenView) -> impl IntoView {
    let (zone, now) = (look().zone, door().1.now());
    let (tone, key) = if token.revoked_at.is_some() {
        (Tone::Off, "join-revoked")
    } else if token.uses >= token.max_uses {
        (Tone::Off, "join-used-up")
    } else if token.expires_at <= now {
        (Tone::Off, "join-expired")
    } else {
        (Tone::Ok, "join-open")
    };
    let revoke = (tone == Tone::Ok).then(|| {
        view! {
            <form method="post" action=RevokeJoinToken::url()>
                <input r#type="hidden" name="id" value=token.id.to_string() />
                <button class="btn small">{words.t("join-revoke")}</button>
            </form>
        }
    });
    let note = if token.note.is_empty() { NOT_MEASURED.to_owned() } else { token.note };
    view! {
        <tr>
            <th scope="row">{note}</th>
            <td data-label=words.t("join-used")>
                {words.with("join-uses-of", &[("uses", token.uses.to_string()), ("max", token.max_uses.to_string())])}
            </td>
            <td data-label=words.t("join-machine")>{token.machine.unwrap_or_else(|| words.t("join-any-machine"))}</td>
            <td data-label=words.t("join-by")>{token.created_by}</td>
            <td data-label=words.t("join-expires")>{time(token.expires_at, zone)}</td>
            <td data-label=words.t("join-state")>{state(tone, words.t(key))}</td>
            <td class="row-actions">{revoke}</td>
        </tr>
    }
}
