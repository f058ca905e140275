//! `/admin/settings/registries`: registries that want to know who asks, and the form of one.

use contract::RegistryId;
use contract::engines::MAX_PEM;
use contract::registries::{RegistryTest, RegistryView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::form::RegistryForm;
use super::server_fns::{DeleteRegistry, SaveRegistry, TestRegistry};
use crate::door::{Refused, door, look, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, check_field, form_fault, text_area, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/settings/registries`; `?id=` names the one whose form is shown.
#[component]
pub fn RegistriesPage() -> impl IntoView {
    let asked = use_query_map().get_untracked().get("id").and_then(|id| id.parse::<RegistryId>().ok());
    let (platform, ctx) = door();
    page(
        async move {
            may_open(&ctx, contract::Permission::SettingsUpdate)?;
            platform::images::list_registries(&platform, &ctx).await
        },
        move |registries| registries_view(registries, asked),
    )
}

fn registries_view(registries: Vec<RegistryView>, asked: Option<RegistryId>) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query();
    let typed = refused.as_ref().and_then(Refused::with_typed).map(RegistryForm::from_typed);
    let asked = typed.as_ref().map_or(asked, |form| form.id.parse().ok());
    let chosen = registries.iter().find(|registry| Some(registry.id) == asked).cloned();
    let new = chosen.is_some().then(|| view! { <a class="btn" href=paths::REGISTRIES>{words.t("registry-new")}</a> });
    let head = PageFrame::new(words.t("registries-title"), Area::Settings)
        .crumb(words.t("nav-settings"), paths::SETTINGS)
        .actions(new);
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let body = match registries.is_empty() {
        true => view! { <div class="empty"><p>{words.t("registries-empty")}</p></div> }.into_any(),
        false => table(words, registries),
    };
    let test = chosen.as_ref().map(|registry| test_card(words, registry));
    let form = form_card(words, chosen.as_ref(), typed, refused.as_ref());
    let delete = chosen.map(|registry| delete_card(words, registry.id));
    frame(
        head,
        view! {
            {form_fault(message)}
            <section class="card">
                <header><h2>{words.t("registries-title")}</h2></header>
                {body}
                <p class="note-line">{words.t("registries-hint")}</p>
            </section>
            {test}
            {form}
            {delete}
        },
    )
}

fn table(words: Words, registries: Vec<RegistryView>) -> AnyView {
    let rows = registries.into_iter().map(|registry| {
        let tested = match &registry.last_test {
            Some(test) => test_state(words, test).into_any(),
            None => state(Tone::Off, words.t("registry-never-tested")).into_any(),
        };
        let holds = registry.holds_archives.then(|| state(Tone::Info, words.t("registry-holds")));
        let username = registry.username.clone().unwrap_or_else(|| NOT_MEASURED.to_owned());
        view! {
            <tr>
                <th scope="row"><a class="link mono" href=paths::registry(registry.id)>{registry.address}</a></th>
                <td data-label=words.t("registry-username")>{username}</td>
                <td data-label=words.t("registry-test")>{tested} " " {holds}</td>
            </tr>
        }
    });
    let heads = ["registry-address", "registry-username", "registry-test"];
    let heads = heads.map(|key| view! { <th scope="col">{words.t(key)}</th> });
    list_table(words.t("registries-title"), heads.into_iter().collect_view(), rows.collect_view())
}

fn test_state(words: Words, test: &RegistryTest) -> impl IntoView + use<> {
    let (tone, key) = if test.done { (Tone::Ok, "registry-test-done") } else { (Tone::Bad, "registry-test-failed") };
    view! { {state(tone, words.t(key))} " " {time(test.at, look().zone)} }
}

fn test_card(words: Words, registry: &RegistryView) -> impl IntoView + use<> {
    let result = registry.last_test.as_ref().map(|test| {
        view! {
            <p class="note-line" role="status">
                {test_state(words, test)} " " <span>{test.message.clone()}</span> " "
                <code class="select">{test.detail.clone()}</code>
            </p>
        }
    });
    view! {
        <section class="card" id="test">
            <header><h2 class="mono">{registry.address.clone()}</h2></header>
            {result}
            <form class="form" method="post" action=TestRegistry::url()>
                <p class="sub">{words.t("registry-test-hint")}</p>
                <input r#type="hidden" name="id" value=registry.id.to_string() />
                <p class="actions"><button class="btn primary">{words.t("registry-test")}</button></p>
            </form>
        </section>
    }
}

fn form_card(
    words: Words,
    registry: Option<&RegistryView>,
    typed: Option<RegistryForm>,
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let form = typed.or_else(|| registry.map(RegistryForm::of)).unwrap_or_default();
    let keeps = registry.is_some_and(|registry| registry.has_password);
    let field = |key: &str, name: &str, path: &str, value: &str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: refused.and_then(|refused| refused.fault(words.0, path)),
        hint: texts::known_message(words.0, &format!("{key}-hint"), &[]),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let address = TextField {
        required: true,
        max_length: Some(260),
        ..field("registry-address", "address", "address", &form.address)
    };
    let password = TextField {
        kind: "password",
        autocomplete: Some("new-password"),
        hint: keeps.then(|| words.t("registry-password-keep")),
        ..field("registry-password", "password", "password", "")
    };
    let ca =
        TextField { max_length: u32::try_from(MAX_PEM).ok(), ..field("registry-ca", "ca", "caCertificate", &form.ca) };
    let fault = refused.and_then(|refused| refused.fault(words.0, "holdsArchives"));
    let holds_hint = fault.unwrap_or_else(|| words.t("registry-holds-hint"));
    let title = words.t(if registry.is_some() { "registry-edit" } else { "registry-new" });
    view! {
        <section class="card">
            <header><h2>{title}</h2></header>
            <form class="form" method="post" action=SaveRegistry::url() autocomplete="off">
                <input r#type="hidden" name="form[id]" value=form.id.clone() />
                <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
                <fieldset>
                    {text_field(address)}
                    {text_field(TextField { max_length: Some(200), ..field("registry-username", "username", "username", &form.username) })}
                    {text_field(password)}
                    {text_area(ca)}
                    {check_field(words.t("registry-holds"), Some(holds_hint), "form[holds]", !form.holds.is_empty())}
                    {check_field(words.t("registry-plain"), Some(words.t("registry-plain-hint")), "form[plain]", !form.plain.is_empty())}
                </fieldset>
                <p class="actions"><button class="btn primary">{words.t("form-save")}</button></p>
            </form>
        </section>
    }
}

fn delete_card(words: Words, id: RegistryId) -> impl IntoView + use<> {
    let delete =
        Ask::new("registry", words.t("registry-delete"), words.t("registry-delete-hint"), DeleteRegistry::url())
            .yes(words.t("registry-delete-confirm"))
            .field("id", id);
    view! {
        <section class="card">
            <header><h2>{words.t("registry-delete")}</h2></header>
            <p class="note-line">{words.t("registry-delete-hint")}</p>
            <div class="actions">{delete.view(words)}</div>
        </section>
    }
}
