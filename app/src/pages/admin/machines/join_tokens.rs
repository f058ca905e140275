//! Join tokens: what agents join with.

use contract::machines::{JoinTokenCreate, JoinTokenView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::Error;
use platform::accounts::{ShownOnce, take_for_page};

use super::server_fns::{CreateJoinToken, RevokeJoinToken};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::ui::secret::shown_once;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// The body from what was typed; empty numbers are the defaults.
pub(super) fn read_form(note: String, uses: &str, hours: &str, machine: &str) -> platform::Result<JoinTokenCreate> {
    let number = |path: &'static str, text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<u32>().map(Some).map_err(|_| Error::field(path, "field-not-a-number")),
    };
    let machine = machine.trim();
    Ok(JoinTokenCreate {
        note,
        max_uses: number("maxUses", uses)?,
        hours: number("hours", hours)?,
        machine: (!machine.is_empty()).then(|| machine.to_owned()),
    })
}

/// `/admin/machines/join-tokens`.
#[component]
pub fn JoinTokensPage() -> impl IntoView {
    let (platform, ctx) = door();
    let load = async move {
        let list = platform::machines::list_join_tokens(&platform, &ctx).await?;
        Ok((list, take_for_page(&platform, &ctx, ShownOnce::InstallCommand).await?))
    };
    page(load, |(list, made)| tokens_view(list, made))
}

fn tokens_view(tokens: Vec<JoinTokenView>, made: Option<String>) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query();
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let head = PageFrame::new(words.t("join-title"), Area::JoinTokens).crumb(words.t("nav-machines"), paths::MACHINES);
    frame(
        head,
        view! {
            {form_fault(general)}
            <section class="card">
                <header>
                    <h2>{words.t("join-new")}</h2>
                    <span class="end">{words.t("join-explained")}</span>
                </header>
                {form(words, refused.as_ref())}
                {shown_once(words, words.t("join-made"), Some(words.t("join-made-hint")), made)}
            </section>
            <section class="card">
                <header><h2>{words.t("join-list")}</h2></header>
                {list(words, tokens)}
            </section>
        },
    )
}

fn form(words: Words, refused: Option<&Refused>) -> impl IntoView + use<> {
    let field = |name: &str, path: &str, label: &str, kind: &'static str, value: &str| {
        text_field(TextField {
            label: words.t(label),
            name: name.to_owned(),
            kind,
            value: refused.and_then(|r| r.typed.get(path).cloned()).unwrap_or_else(|| value.to_owned()),
            fault: refused.and_then(|r| r.fault(words.0, path)),
            autocomplete: Some("off"),
            ..TextField::default()
        })
    };
    view! {
        <form class="form inline" method="post" action=CreateJoinToken::url()>
            {field("note", "note", "join-note", "text", "")}
            {field("uses", "maxUses", "join-uses", "number", "1")}
            {field("hours", "hours", "join-hours", "number", "24")}
            {field("machine", "machine", "join-machine", "text", "")}
            <p class="actions"><button class="btn primary">{words.t("join-create")}</button></p>
        </form>
    }
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
        {list_table(words.t("join-list"), view! {
            {heads}
            <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
        }, rows)}
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
    let note = if token.note.is_empty() { NOT_MEASURED.to_owned() } else { token.note };
    // Who makes one on the server itself has no account here.
    let by = if token.created_by.is_empty() { words.t("join-by-command-line") } else { token.created_by };
    let revoke = (tone == Tone::Ok).then(|| {
        Ask::new(token.id.to_string(), words.t("join-revoke"), words.t("join-revoke-hint"), RevokeJoinToken::url())
            .row(words.with("join-revoke-of", &[("name", note.clone())]))
            .yes(words.t("join-revoke-confirm"))
            .field("id", token.id)
            .view(words)
    });
    view! {
        <tr>
            <th scope="row">{note}</th>
            <td data-label=words.t("join-used")>
                {words.with("join-uses-of", &[("uses", token.uses.to_string()), ("max", token.max_uses.to_string())])}
            </td>
            <td data-label=words.t("join-machine")>{token.machine.unwrap_or_else(|| words.t("join-any-machine"))}</td>
            <td data-label=words.t("join-by")>{by}</td>
            <td data-label=words.t("join-expires")>{time(token.expires_at, zone)}</td>
            <td data-label=words.t("join-state")>{state(tone, words.t(key))}</td>
            <td class="row-actions">{revoke}</td>
        </tr>
    }
}
