//! One's public keys for SSH.

use contract::Page;
use contract::accounts::SshKeyView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::accounts;

use super::page::{done_notice, tabs};
use super::server_fns::{AddSshKey, RemoveSshKey, RemoveSshKeys};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::copy::copy_button;
use crate::ui::forms::{TextField, form_fault, text_area, text_field};
use crate::ui::lists::{ListQuery, pager_of, past_the_end};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/account/ssh-keys`.
#[component]
pub fn SshKeysPage() -> impl IntoView {
    let (platform, ctx) = door();
    let asked = list_here().asked();
    page(async move { accounts::list_ssh_keys(&platform, &ctx, &asked).await }, keys_view)
}

fn list_here() -> ListQuery {
    ListQuery::here(paths::ACCOUNT_SSH_KEYS, ["pageSize", "page"])
}

fn keys_view(keys: Page<SshKeyView>) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query();
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let head = PageFrame::new(words.t("ssh-keys-title"), Area::Account).crumb(words.t("account-title"), paths::ACCOUNT);
    let head = match keys.total > 1 {
        true => head.actions(
            Ask::new("all", words.t("ssh-keys-remove-all"), words.t("ssh-keys-remove-all-hint"), RemoveSshKeys::url())
                .class("btn")
                .yes(words.t("ssh-keys-remove-all-confirm"))
                .view(words),
        ),
        false => head,
    };
    let pages = pager_of(words, &list_here(), &keys);
    let past = past_the_end(words, &list_here(), keys.page, keys.page_size, keys.total);
    let list = past.unwrap_or_else(|| list(words, keys.list));
    let done = done_notice(words, refused.is_some(), &[("one", "ssh-keys-done-one"), ("all", "ssh-keys-done-all")]);
    frame(
        head,
        view! {
            {tabs(words, paths::ACCOUNT_SSH_KEYS)}
            {done}
            {form_fault(general)}
            <section class="card">
                <header>
                    <h2>{words.t("ssh-keys-list")}</h2>
                    <span class="end">{words.t("ssh-keys-explained")}</span>
                </header>
                {list}
                {pages}
            </section>
            {form(words, refused.as_ref())}
        },
    )
}

fn form(words: Words, refused: Option<&Refused>) -> impl IntoView + use<> {
    let typed = |name: &str| refused.and_then(|r| r.typed.get(name).cloned()).unwrap_or_default();
    let fault = |path: &str| refused.and_then(|r| r.fault(words.0, path));
    let key = TextField {
        label: words.t("ssh-keys-key"),
        name: "public_key".to_owned(),
        value: typed("publicKey"),
        fault: fault("publicKey"),
        hint: Some(words.t("ssh-keys-key-hint")),
        ..TextField::default()
    };
    let name = TextField {
        label: words.t("ssh-keys-name"),
        name: "name".to_owned(),
        value: typed("name"),
        fault: fault("name"),
        hint: Some(words.t("ssh-keys-name-hint")),
        max_length: Some(100),
        ..TextField::default()
    };
    view! {
        <section class="card">
            <header><h2>{words.t("ssh-keys-new")}</h2></header>
            <form class="form" method="post" action=AddSshKey::url()>
                <fieldset>
                    {text_area(key)}
                    {text_field(name)}
                </fieldset>
                <p class="actions"><button class="btn primary">{words.t("ssh-keys-add")}</button></p>
            </form>
        </section>
    }
}

fn list(words: Words, keys: Vec<SshKeyView>) -> AnyView {
    if keys.is_empty() {
        return view! { <div class="empty"><p>{words.t("ssh-keys-empty")}</p></div> }.into_any();
    }
    let heads = ["ssh-keys-name", "ssh-keys-kind", "ssh-keys-fingerprint", "ssh-keys-added", "ssh-keys-used"]
        .map(|key| view! { <th scope="col">{words.t(key)}</th> })
        .collect_view();
    let rows = keys.into_iter().map(|key| row(words, key)).collect_view();
    view! {
        {list_table(words.t("ssh-keys-list"), view! {
            {heads}
            <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
        }, rows)}
    }
    .into_any()
}

fn row(words: Words, key: SshKeyView) -> impl IntoView {
    let zone = look().zone;
    let used = match key.last_used_at {
        Some(at) => {
            let from = key.last_used_from.clone().map(|from| view! { " " <span class="sub mono">{from}</span> });
            view! { {time(at, zone)} {from} }.into_any()
        }
        None => words.t("tokens-never-used").into_any(),
    };
    let remove =
        Ask::new(key.id.to_string(), words.t("ssh-keys-remove"), words.t("ssh-keys-remove-hint"), RemoveSshKey::url())
            .row(words.with("ssh-keys-remove-of", &[("name", key.name.clone())]))
            .yes(words.t("ssh-keys-remove-confirm"))
            .field("id", key.id)
            .view(words);
    view! {
        <tr>
            <th scope="row">{key.name}</th>
            <td data-label=words.t("ssh-keys-kind") class="mono">{key.algorithm}</td>
            <td data-label=words.t("ssh-keys-fingerprint") class="says">
                <span class="mono select">{key.fingerprint.clone()}</span> " " {copy_button(key.fingerprint, words.t("copy"), words.t("copied"))}
            </td>
            <td data-label=words.t("ssh-keys-added")>{time(key.created_at, zone)}</td>
            <td data-label=words.t("ssh-keys-used")>{used}</td>
            <td class="row-actions">{remove}</td>
        </tr>
    }
}
