//! `/admin/settings/identity`: every provider, and how it fares.

use contract::accounts::{ProviderKind, ProviderView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/settings/identity`.
#[component]
pub fn IdentityProvidersPage() -> impl IntoView {
    let (platform, ctx) = door();
    let deleted = use_query_map().get_untracked().get("deleted").is_some();
    page(async move { platform::accounts::identity::list(&platform, &ctx).await }, move |providers| {
        list_view(providers, deleted)
    })
}

fn list_view(providers: Vec<ProviderView>, deleted: bool) -> AnyView {
    let words = Words::now();
    let add = ProviderKind::ALL.map(|kind| {
        let word = words.t(&format!("identity-add-{}", kind.code()));
        view! { <a class="btn" href=paths::identity_provider_new(kind.code())>{word}</a> }
    });
    let head = PageFrame::new(words.t("identity-title"), Area::Settings)
        .crumb(words.t("nav-settings"), paths::SETTINGS)
        .actions(add.into_iter().collect_view());
    let body = if providers.is_empty() {
        view! { <div class="empty"><p>{words.t("identity-empty")}</p></div> }.into_any()
    } else {
        table(words, providers)
    };
    frame(
        head,
        view! {
            {deleted.then(|| view! { <p class="note-line" role="status">{words.t("identity-deleted")}</p> })}
            <section class="card">
                <header><h2>{words.t("identity-list")}</h2></header>
                {body}
                <p class="note-line">{words.t("identity-explained")}</p>
            </section>
        },
    )
}

fn table(words: Words, providers: Vec<ProviderView>) -> AnyView {
    let rows = providers.into_iter().map(|provider| row(words, provider)).collect_view();
    view! {
        {list_table(words.t("identity-list"), view! {
            <th scope="col">{words.t("identity-name")}</th>
            <th scope="col">{words.t("identity-kind")}</th>
            <th scope="col">{words.t("identity-state")}</th>
            <th scope="col" class="num">{words.t("identity-accounts")}</th>
            <th scope="col">{words.t("identity-last-test")}</th>
        }, rows)}
    }
    .into_any()
}

fn row(words: Words, provider: ProviderView) -> impl IntoView {
    let used = match provider.enabled {
        true => state(Tone::Ok, words.t("identity-on")).into_any(),
        false => state(Tone::Off, words.t("identity-off")).into_any(),
    };
    let tested = match provider.last_test {
        Some(test) => {
            let (tone, key) =
                if test.done { (Tone::Ok, "identity-test-fine") } else { (Tone::Bad, "identity-test-failed") };
            view! { {state(tone, words.t(key))} " " {time(test.at, look().zone)} }.into_any()
        }
        None => words.t("identity-never-tested").into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a class="link" href=paths::identity_provider(provider.id)>{provider.name}</a></th>
            <td data-label=words.t("identity-kind")>{words.t(&format!("identity-kind-{}", provider.kind.code()))}</td>
            <td data-label=words.t("identity-state")>{used}</td>
            <td class="num" data-label=words.t("identity-accounts")>{provider.accounts}</td>
            <td data-label=words.t("identity-last-test")>{tested}</td>
        </tr>
    }
}
