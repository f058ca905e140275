//! `/admin/settings`: one form per group, rendered from the registry.

use std::collections::BTreeMap;

use contract::Permission;
use contract::settings::{SETTINGS, SettingGroup, SettingView, setting};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::settings::Change;
use serde_json::{Value, json};

use super::mails;
use super::server_fns::SaveSettings;
use crate::door::{Refused, appearance, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, check_field, file_field, form_fault, hinted_select, text_field};
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// `/admin/settings`.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let (platform, ctx) = door();
    page(async move { platform::settings::list(&platform, &ctx).await }, settings_view)
}

/// What was done, in words; only what we have words for is said.
fn done(words: Words) -> Option<String> {
    let query = use_query_map().get_untracked();
    let key = match query.get("done").as_deref() {
        Some("logo") => "settings-logo-done",
        Some("logo-removed") => "settings-logo-removed",
        _ => query.get("saved").map(|_| "settings-saved")?,
    };
    Some(words.t(key))
}

fn settings_view(settings: Vec<SettingView>) -> AnyView {
    let words = Words::now();
    let may_change = door().1.holds(Permission::SettingsUpdate);
    // A form of its own says what is wrong with its file: the fields of the others are none the worse.
    let (of_file, refused): (Option<Refused>, Option<Refused>) =
        Refused::from_query().map_or((None, None), |refused| match file_form(&refused) {
            Some(_) => (Some(refused), None),
            None => (None, Some(refused)),
        });
    let identity = ways::button("btn", paths::IDENTITY_PROVIDERS, words.t("identity-title"));
    let registries = ways::button("btn", paths::REGISTRIES, words.t("registries-title"));
    let head = PageFrame::new(words.t("settings-title"), Area::Settings).actions(view! {
        {identity}
        {registries}
        <a class="btn" href="/api/admin/settings/export" download="">{words.t("settings-export")}</a>
    });
    let message = refused.as_ref().or(of_file.as_ref()).map(|refused| refused.message(words.0));
    // What belongs to no single setting.
    let general = refused.as_ref().and_then(|refused| refused.fault(words.0, "settings"));
    let changed = refused.as_ref().is_some_and(|refused| refused.key == CHANGED);
    let of_logo = of_file.as_ref().filter(|refused| file_form(refused) == Some(LOGO));
    let of_import = of_file.as_ref().filter(|refused| file_form(refused) == Some(IMPORT));
    let groups = SettingGroup::ALL.map(|group| {
        let of_group: Vec<_> = settings.iter().filter(|view| view.group == group).cloned().collect();
        let here = may_change && !of_group.iter().all(is_closed);
        group_form(words, group, of_group, (refused.as_ref(), of_logo), here)
    });
    frame(
        head,
        view! {
            {form_fault(message)}
            {form_fault(general)}
            {changed.then(|| reload(words, paths::SETTINGS.to_owned()))}
            {done(words).map(|said| view! { <p class="note-line" role="status">{said}</p> })}
            {(!may_change).then(|| view! { <p class="note-line">{words.t("settings-read-only")}</p> })}
            {groups.into_iter().collect_view()}
            {may_change.then(|| import_card(words, of_import))}
        },
    )
}

/// What somebody else's change in between is called.
pub(crate) const CHANGED: &str = "error-settings-changed";
/// Words by which the forms with a file say which of them was refused.
const IMPORT: &str = "import";
const LOGO: &str = "logo";

/// The form with a file that was refused, if it was one.
fn file_form(refused: &Refused) -> Option<&'static str> {
    [IMPORT, LOGO].into_iter().find(|form| refused.typed.get("form").is_some_and(|said| said == form))
}

/// The way to what is stored: what was typed is on this page until then, and is not saved over what another wrote.
pub(crate) fn reload(words: Words, page: String) -> impl IntoView {
    view! { <p class="note-line"><a class="link" href=page>{words.t("settings-reload")}</a></p> }
}

fn group_form(
    words: Words,
    group: SettingGroup,
    settings: Vec<SettingView>,
    (refused, of_logo): (Option<&Refused>, Option<&Refused>),
    may_change: bool,
) -> AnyView {
    let title = words.t(&format!("settings-group-{}", group.code()));
    // Versions stay those that were seen when the form was filled in: sending it again does not overwrite what came between.
    let first_seen = refused.map(seen_again).unwrap_or_default();
    let seen: Vec<_> = settings
        .iter()
        .map(|view| {
            let version = first_seen.get(&view.key).copied().unwrap_or(view.version);
            view! { <input r#type="hidden" name=format!("seen[{}]", view.key) value=version.to_string() /> }
        })
        .collect();
    let last = settings.iter().filter_map(|view| Some((view.updated_at?, view.updated_by.clone()))).max();
    let fields: Vec<_> =
        settings.into_iter().filter(|view| view.kind != "image").map(|view| field_here(words, view, refused)).collect();
    let changed = last.map(|(at, by)| {
        let by = by.unwrap_or_default();
        view! { <span class="sub">{words.with("settings-changed-by", &[("name", by)])} " " {time(at, look().zone)}</span> }
    });
    view! {
        <section class="card" id=group.code()>
            <header><h2>{title}</h2> {changed}</header>
            <form class="form" method="post" action=SaveSettings::url()>
                {seen}
                <fieldset disabled=!may_change>{fields}</fieldset>
                {may_change.then(|| view! { <p class="actions"><button class="btn primary">{words.t("form-save")}</button></p> })}
            </form>
            {(group == SettingGroup::Mail).then(|| mails::below(words, refused))}
            {(group == SettingGroup::Notifications).then(|| view! {
                <p class="note-line"><a class="link" href=paths::CHANNELS>{words.t("channels-title")}</a></p>
            })}
            {(group == SettingGroup::Branding && may_change).then(|| logo_form(words, of_logo))}
        </section>
    }
    .into_any()
}

/// Whether a setting is the platform's admins', and the reader is none.
fn is_closed(view: &SettingView) -> bool {
    setting(&view.key).is_some_and(|spec| spec.is_of_admins()) && !door().1.holds(Permission::SettingsIdentity)
}

/// A field among others that may be changed: where it may not, it is not sent.
fn field_here(words: Words, view: SettingView, refused: Option<&Refused>) -> AnyView {
    if !is_closed(&view) {
        return field(words, view, refused);
    }
    view! { <fieldset disabled=true>{field(words, view, refused)}</fieldset> }.into_any()
}

fn field(words: Words, view: SettingView, refused: Option<&Refused>) -> AnyView {
    let Some(spec) = setting(&view.key) else { return ().into_any() };
    let key = spec.text_key();
    let label = words.t(&key);
    let hint = texts::known_message(words.0, &format!("{key}-hint"), &[]);
    let fault = refused.and_then(|refused| refused.fault(words.0, spec.key));
    let name = format!("form[{}]", spec.key);
    let now = match &view.value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let value = refused.and_then(|refused| refused.typed.get(spec.key).cloned()).unwrap_or(now);
    match view.kind.as_str() {
        "choice" => {
            let options = view.choices.iter().map(|word| (word.clone(), words.t(&format!("{key}-{word}")))).collect();
            hinted_select(label, &name, options, &value, (fault, hint)).into_any()
        }
        // Unchecked boxes are not posted: what is named here and not posted is a no.
        "flag" => view! {
            <input r#type="hidden" name="flags[]" value=spec.key />
            {check_field(label, hint, &name, value == "true")}
        }
        .into_any(),
        "secret" => secret_field(words, view, label, name, fault).into_any(),
        kind => text_field(TextField {
            label,
            name,
            value,
            fault,
            hint,
            kind: match kind {
                "number" => "number",
                "email" => "email",
                _ => "text",
            },
            max_length: (kind == "text").then(|| view.max.and_then(|max| u32::try_from(max).ok())).flatten(),
            ..TextField::default()
        })
        .into_any(),
    }
}

fn secret_field(words: Words, view: SettingView, label: String, name: String, fault: Option<String>) -> impl IntoView {
    let state = words.t(if view.is_set { "settings-secret-set" } else { "settings-secret-not-set" });
    let forget = view.is_set.then(|| {
        view! {
            <div class="form-row check">
                <label>
                    <input name="forget[]" r#type="checkbox" value=view.key.clone() />
                    <span>{words.t("settings-secret-forget")}</span>
                </label>
            </div>
        }
    });
    let field = TextField {
        label,
        name,
        fault,
        hint: Some(state),
        kind: "password",
        autocomplete: Some("off"),
        ..TextField::default()
    };
    view! {
        {text_field(field)}
        {forget}
    }
}

fn logo_form(words: Words, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = ["branding.logo", "file"].into_iter().find_map(|path| refused?.fault(words.0, path));
    let now = appearance().logo_tag.map(|tag| {
        view! { <img class="logo" src=paths::logo(&tag) alt=words.t("setting-branding-logo") /> }
    });
    let has = now.is_some();
    view! {
        <form class="form" method="post" action="/api/admin/settings/logo" enctype="multipart/form-data">
            {file_field(
                "logo-file",
                words.t("setting-branding-logo"),
                "image/png,image/jpeg",
                fault,
                Some(words.t("setting-branding-logo-hint")),
                now,
            )}
            <p class="actions"><button class="btn">{words.t("settings-logo-upload")}</button></p>
        </form>
        {has.then(|| {
            let (opens, question) = (words.t("settings-logo-remove"), words.t("settings-logo-remove-hint"));
            let remove = Ask::new("logo", opens, question, SaveSettings::url())
                .class("btn")
                .yes(words.t("settings-logo-remove-confirm"))
                .field("form[branding.logo]", "");
            view! { <div class="actions">{remove.view(words)}</div> }
        })}
    }
}

fn import_card(words: Words, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = ["file", "format", "settings"].iter().find_map(|path| refused?.fault(words.0, path));
    let inside: Vec<_> = refused.map(|refused| faults_inside(words, refused)).unwrap_or_default();
    let inside = (!inside.is_empty()).then(|| {
        view! {
            <div class="fault" role="alert">
                <p>{words.t("settings-import-faults")}</p>
                <ul>{inside.into_iter().map(|fault| view! { <li>{fault}</li> }).collect_view()}</ul>
            </div>
        }
    });
    let (label, accept) = (words.t("settings-import-file"), ".json,application/json");
    let file = file_field("settings-file", label, accept, fault, None, ());
    view! {
        <section class="card" id="import">
            <header><h2>{words.t("settings-import")}</h2></header>
            <form class="form" method="post" action="/api/admin/settings/import" enctype="multipart/form-data">
                <p>{words.t("settings-import-hint")} " " {words.t("settings-export-hint")}</p>
                {inside}
                {file}
                <p class="actions"><button class="btn">{words.t("settings-import-look")}</button></p>
            </form>
        </section>
    }
}

/// The settings of a file that do not fit, each by its name, its key and why.
fn faults_inside(words: Words, refused: &Refused) -> Vec<String> {
    let faults = SETTINGS.iter().filter_map(|spec| {
        let fault = refused.fault(words.0, spec.key)?;
        Some(format!("{} ({}): {fault}", words.t(&spec.text_key()), spec.key))
    });
    faults.collect()
}

/// The versions a refused form was filled in with.
fn seen_again(refused: &Refused) -> BTreeMap<String, i64> {
    refused.typed.get("seen").and_then(|seen| serde_json::from_str(seen).ok()).unwrap_or_default()
}

/// What a posted form asks for: key → what was typed; an empty secret asks for nothing.
pub(super) fn changes(
    form: &BTreeMap<String, String>,
    seen: &BTreeMap<String, i64>,
    flags: &[String],
    forget: &[String],
) -> Vec<Change> {
    let change = |key: &String, value: Value| {
        let version = seen.get(key).copied();
        Change { key: key.clone(), value, version }
    };
    let secret = |key: &str| setting(key).is_some_and(|spec| spec.is_secret());
    let typed = form
        .iter()
        .filter(|(key, value)| !(secret(key) && value.is_empty()))
        .map(|(key, value)| change(key, json!(value)));
    let off = flags.iter().filter(|key| !form.contains_key(*key)).map(|key| change(key, json!(false)));
    let forgotten = forget
        .iter()
        .filter(|key| secret(key) && form.get(*key).is_none_or(String::is_empty))
        .map(|key| change(key, Value::Null));
    typed.chain(off).chain(forgotten).collect()
}

/// What is shown again when the form was refused, boxes that were emptied too; never a secret.
pub(super) fn typed(
    form: &BTreeMap<String, String>,
    seen: &BTreeMap<String, i64>,
    flags: &[String],
) -> Vec<(&'static str, String)> {
    let shown = SETTINGS.iter().filter(|spec| !spec.is_secret());
    let emptied = |key: &str| flags.iter().any(|flag| flag == key).then(|| "false".to_owned());
    let shown = shown.filter_map(|spec| Some((spec.key, form.get(spec.key).cloned().or_else(|| emptied(spec.key))?)));
    shown.chain(serde_json::to_string(seen).ok().map(|seen| ("seen", seen))).collect()
}
