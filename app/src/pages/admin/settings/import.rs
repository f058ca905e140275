//! What a configuration that was handed in would change, before it is confirmed.

use contract::SettingsImportId;
use contract::settings::{SettingsImportView, setting};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;
use serde_json::Value;

use super::server_fns::ConfirmSettingsImport;
use crate::door::{Refused, door};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::form_fault;
use crate::ui::table::list_table;
use crate::words::Words;

/// `/admin/settings/imports/{id}`.
#[component]
pub fn SettingsImportPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<SettingsImportId>().ok());
    let (platform, ctx) = door();
    page(
        async move {
            let id = id.ok_or_else(platform::Error::not_found)?;
            platform::settings::get_import(&platform, &ctx, id).await
        },
        import_view,
    )
}

fn import_view(view: SettingsImportView) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let head = PageFrame::new(words.t("settings-import-title"), Area::Settings)
        .crumb(words.t("nav-settings"), paths::SETTINGS);
    let unchanged = words.with("settings-import-unchanged", &[("n", view.unchanged.to_string())]);
    // "Password" alone does not say whose.
    let left_out = view.secrets_left_out.iter().filter_map(|key| {
        let spec = setting(key)?;
        let group = words.t(&format!("settings-group-{}", spec.group.code()));
        Some(format!("{group} – {}", words.t(&spec.text_key())))
    });
    let left_out = left_out.collect::<Vec<_>>().join(&words.t("list-separator"));
    let secrets = (!left_out.is_empty()).then(|| {
        view! { <p class="note-line">{words.with("settings-import-secrets", &[("names", left_out)])}</p> }
    });
    let services = view.left_out.sign_in_services.iter();
    let apart: Vec<_> = services.chain(&view.left_out.chat_robots).cloned().collect();
    let apart = (!apart.is_empty()).then(|| {
        let names = apart.join(&words.t("list-separator"));
        view! { <p class="note-line">{words.with("settings-import-left-out", &[("names", names)])}</p> }
    });
    let forgets = view.forgets_mail_password.then(|| {
        view! { <p class="note-line">{words.t("settings-import-forgets-mail")}</p> }
    });
    let body = if view.changes.is_empty() {
        view! { <div class="empty"><p>{words.t("settings-import-nothing")}</p></div> }.into_any()
    } else {
        changes_view(words, view).into_any()
    };
    frame(
        head,
        view! {
            {form_fault(refused)}
            <section class="card">
                <header><h2>{words.t("settings-import-changes")}</h2> <span class="sub">{unchanged}</span></header>
                {body}
                {forgets}
                {secrets}
                {apart}
            </section>
        },
    )
}

fn changes_view(words: Words, view: SettingsImportView) -> impl IntoView {
    let rows = view.changes.into_iter().map(|change| {
        let name = setting(&change.key).map_or(change.key.clone(), |spec| words.t(&spec.text_key()));
        view! {
            <tr>
                <th scope="row">{name} " " <span class="sub mono">{change.key}</span></th>
                <td data-label=words.t("settings-before")>{shown(&change.before)}</td>
                <td data-label=words.t("settings-after")>{shown(&change.after)}</td>
            </tr>
        }
    });
    view! {
        {list_table(words.t("settings-import-changes"), view! {
            <th scope="col">{words.t("settings-name")}</th>
            <th scope="col">{words.t("settings-before")}</th>
            <th scope="col">{words.t("settings-after")}</th>
        }, rows.collect_view())}
        <form class="form" method="post" action=ConfirmSettingsImport::url()>
            <input r#type="hidden" name="id" value=view.id.to_string() />
            <p class="actions">
                <button class="btn primary">{words.t("settings-import-confirm")}</button>
                <a class="btn" href=paths::SETTINGS>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}

/// A value in a line; a picture is not spelled out.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => NOT_MEASURED.to_owned(),
        Value::String(text) if text.chars().count() > 100 => "…".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
