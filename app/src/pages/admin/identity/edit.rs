//! The form of a provider, its test, and its end.

use std::collections::BTreeMap;

use contract::accounts::{
    LdapSecurity, LdapSettings, OidcSettings, ProviderKind, ProviderTest, ProviderTestStep, ProviderView,
};
use contract::{IdentityProviderId, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::{use_params_map, use_query_map};
use platform::accounts::identity::MAPPING_FAULTS;

use super::form::{CONFIRM_OFF, FIELDS, values};
use super::mappable::Mappable;
use super::secret::kept_field;
use super::server_fns::{DeleteIdentityProvider, SaveIdentityProvider, TestIdentityProvider};
use crate::door::{Refused, door, look, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::settings::page::{CHANGED, reload};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::copy::copy_button;
use crate::ui::forms::{TextField, check_field, form_fault, select_field, text_area, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/settings/identity/new/{kind}`.
#[component]
pub fn NewIdentityProviderPage() -> impl IntoView {
    let kind = use_params_map().get_untracked().get("kind").and_then(|word| ProviderKind::parse(&word));
    let (platform, ctx) = door();
    page(
        async move {
            may_open(&ctx, Permission::SettingsIdentity)?;
            let kind = kind.ok_or_else(platform::Error::not_found)?;
            Ok((kind, Mappable::load(&platform, &ctx).await?))
        },
        |(kind, mappable)| edit_view(kind, None, mappable),
    )
}

/// `/admin/settings/identity/{id}`.
#[component]
pub fn IdentityProviderPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<IdentityProviderId>().ok());
    let (platform, ctx) = door();
    page(
        async move {
            let id = id.ok_or_else(platform::Error::not_found)?;
            let view = platform::accounts::identity::get(&platform, &ctx, id).await?;
            Ok((view, Mappable::load(&platform, &ctx).await?))
        },
        |(view, mappable)| edit_view(view.kind, Some(view), mappable),
    )
}

/// What stands in the form, and what is wrong with it.
struct Fields {
    words: Words,
    values: BTreeMap<&'static str, String>,
    refused: Option<Refused>,
}

impl Fields {
    fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    fn fault(&self, name: &str) -> Option<String> {
        if name == "mappings" {
            let said = MAPPING_FAULTS.iter().filter_map(|path| self.refused.as_ref()?.fault(self.words.0, path));
            return Some(said.collect::<Vec<_>>().join(" ")).filter(|said| !said.is_empty());
        }
        let path = FIELDS.iter().find(|(known, _)| *known == name).map_or(name, |(_, path)| *path);
        self.refused.as_ref()?.fault(self.words.0, path)
    }

    /// A field with the text `key` and, where there is one, `<key>-hint`.
    fn field(&self, key: &str, name: &'static str) -> TextField {
        TextField {
            label: self.words.t(key),
            name: format!("form[{name}]"),
            value: self.value(name),
            fault: self.fault(name),
            hint: texts::known_message(self.words.0, &format!("{key}-hint"), &[]),
            ..TextField::default()
        }
    }

    fn text(&self, key: &str, name: &'static str, max: u32) -> impl IntoView + use<> {
        text_field(TextField { max_length: Some(max), ..self.field(key, name) })
    }

    fn required(&self, key: &str, name: &'static str, max: u32) -> impl IntoView + use<> {
        text_field(TextField { max_length: Some(max), required: true, ..self.field(key, name) })
    }

    fn tick(&self, key: &str, name: &'static str) -> impl IntoView + use<> {
        check_field(self.words.t(key), None, &format!("form[{name}]"), self.values.contains_key(name))
    }
}

/// What a new provider begins with.
fn beginning(kind: ProviderKind) -> BTreeMap<&'static str, String> {
    let ticked = "true".to_owned();
    let mut values = BTreeMap::from([("kind", kind.code().to_owned()), ("creates_accounts", ticked)]);
    match kind {
        ProviderKind::Ldap => {
            let ldap = LdapSettings::default();
            values.extend([
                ("port", ldap.port.to_string()),
                ("security", ldap.security.code().to_owned()),
                ("user_filter", ldap.user_filter),
                ("login_attribute", ldap.login_attribute),
                ("id_attribute", ldap.id_attribute),
                ("email_attribute", ldap.email_attribute),
                ("display_name_attribute", ldap.display_name_attribute),
                ("group_filter", ldap.group_filter),
            ]);
        }
        ProviderKind::Oidc => {
            let oidc = OidcSettings::default();
            values.extend([
                ("scopes", oidc.scopes.join(" ")),
                ("name_claim", oidc.name_claim),
                ("groups_claim", oidc.groups_claim),
            ]);
        }
    }
    values
}

fn edit_view(kind: ProviderKind, view: Option<ProviderView>, mappable: Mappable) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query();
    let mut shown = view.as_ref().map_or_else(|| beginning(kind), values);
    if let Some(typed) = refused.as_ref().map(|refused| &refused.typed).filter(|typed| typed.contains_key("posted")) {
        let again = FIELDS.iter().filter_map(|(name, _)| Some((*name, typed.get(*name)?.clone())));
        shown = again.collect();
    }
    let fields = Fields { words, values: shown, refused };
    let title = match &view {
        Some(view) => view.name.clone(),
        None => words.t(&format!("identity-new-{}", kind.code())),
    };
    let head = PageFrame::new(title, Area::Settings)
        .crumb(words.t("nav-settings"), paths::SETTINGS)
        .crumb(words.t("identity-title"), paths::IDENTITY_PROVIDERS);
    let message = fields.refused.as_ref().map(|refused| refused.message(words.0));
    let changed = fields.refused.as_ref().is_some_and(|refused| refused.key == CHANGED);
    let changed = view.as_ref().filter(|_| changed).map(|view| reload(words, paths::identity_provider(view.id)));
    let saved = use_query_map().get_untracked().get("done").is_some_and(|done| done == "saved");
    let form = provider_form(&fields, kind, view.as_ref(), mappable);
    let more = view.map(|view| {
        let login = fields.refused.as_ref().and_then(|refused| refused.typed.get("login").cloned());
        (test_card(words, &view, login.unwrap_or_default(), fields.fault("login")), end_card(words, &view))
    });
    frame(
        head,
        view! {
            {form_fault(message)}
            {changed}
            {saved.then(|| view! { <p class="note-line" role="status">{words.t("identity-saved")}</p> })}
            {form}
            {more}
        },
    )
}

fn provider_form(
    fields: &Fields,
    kind: ProviderKind,
    view: Option<&ProviderView>,
    mappable: Mappable,
) -> impl IntoView + use<> {
    let words = fields.words;
    let mappings = fields.field("identity-mappings", "mappings");
    let id = view.map(|view| view! { <input r#type="hidden" name="id" value=view.id.to_string() /> });
    let version = view.map(|view| {
        let seen = Some(fields.value("version")).filter(|seen| !seen.is_empty());
        let version = seen.unwrap_or_else(|| view.version.to_string());
        view! { <input r#type="hidden" name="form[version]" value=version /> }
    });
    let parts = match kind {
        ProviderKind::Ldap => ldap_parts(fields, view).into_any(),
        ProviderKind::Oidc => oidc_parts(fields, view).into_any(),
    };
    view! {
        <section class="card">
            <header><h2>{words.t(&format!("identity-kind-{}", kind.code()))}</h2></header>
            <form class="form" method="post" action=SaveIdentityProvider::url()>
                {id}
                {version}
                <input r#type="hidden" name="form[kind]" value=kind.code() />
                <fieldset>
                    {fields.required("identity-name", "name", 100)}
                    <div class="checks">
                        {fields.tick("identity-enabled", "enabled")}
                        {view.and_then(|view| off_question(fields, view))}
                    </div>
                </fieldset>
                {parts}
                <fieldset>
                    <legend>{words.t("identity-groups")}</legend>
                    {text_area(mappings)}
                    {mappable.list(words)}
                    <div class="checks">
                        {fields.tick("identity-creates-accounts", "creates_accounts")}
                        {fields.tick("identity-only-mapped", "only_mapped")}
                    </div>
                    {fields.text("identity-password-url", "password_url", 500)}
                </fieldset>
                <p class="actions">
                    <button class="btn primary">{words.t("identity-save")}</button>
                    <a class="btn" href=paths::IDENTITY_PROVIDERS>{words.t("form-cancel")}</a>
                </p>
            </form>
        </section>
    }
}

/// What has to be said before a provider that accounts are bound to is taken out of use, where saving it was refused for that.
fn off_question(fields: &Fields, view: &ProviderView) -> Option<AnyView> {
    let fault = fields.fault("enabled")?;
    let ends = fields.words.with("identity-off-confirm", &[("n", view.accounts.to_string())]);
    let question = check_field(ends, None, &format!("form[{CONFIRM_OFF}]"), false);
    Some(view! { <span class="fault" role="alert">{fault}</span> {question} }.into_any())
}

fn ldap_parts(fields: &Fields, view: Option<&ProviderView>) -> impl IntoView + use<> {
    let words = fields.words;
    let ways =
        LdapSecurity::ALL.map(|way| (way.code().to_owned(), words.t(&format!("identity-security-{}", way.code()))));
    let port = TextField { kind: "number", required: true, ..fields.field("identity-port", "port") };
    let security = fields.value("security");
    let label = words.t("identity-security");
    view! {
        <fieldset>
            <legend>{words.t("identity-server")}</legend>
            {fields.required("identity-host", "host", 253)}
            {text_field(port)}
            {select_field(label, "form[security]", ways.into(), &security, fields.fault("security"))}
            {text_area(fields.field("identity-ca", "ldap_ca"))}
            {fields.text("identity-bind-dn", "bind_dn", 500)}
            {secret_field(fields, "identity-bind-password", view)}
        </fieldset>
        <fieldset>
            <legend>{words.t("identity-people")}</legend>
            {fields.required("identity-user-base", "user_base", 500)}
            {fields.required("identity-user-filter", "user_filter", 1000)}
            {fields.required("identity-login-attribute", "login_attribute", 100)}
            {fields.required("identity-id-attribute", "id_attribute", 100)}
            {fields.required("identity-email-attribute", "email_attribute", 100)}
            {fields.required("identity-display-name-attribute", "display_name_attribute", 100)}
            {fields.text("identity-group-base", "group_base", 500)}
            {fields.text("identity-group-filter", "group_filter", 1000)}
        </fieldset>
    }
}

fn oidc_parts(fields: &Fields, view: Option<&ProviderView>) -> impl IntoView + use<> {
    let words = fields.words;
    // A service asks for it before it gives the client id: it is the same for every one, stored or not.
    let redirect = paths::oidc_redirect(&door().0.settings().public_url);
    let redirect = view! {
        <div class="form-row wide">
            <span>{words.t("identity-redirect")}</span>
            <p class="command-line">
                <code class="select">{redirect.clone()}</code>
                {copy_button(redirect, words.t("copy"), words.t("copied"))}
            </p>
            <span class="hint">{words.t("identity-redirect-hint")}</span>
        </div>
    };
    view! {
        <fieldset>
            <legend>{words.t("identity-server")}</legend>
            {redirect}
            {fields.required("identity-issuer", "issuer", 500)}
            {fields.required("identity-client-id", "client_id", 255)}
            {secret_field(fields, "identity-client-secret", view)}
            {fields.text("identity-scopes", "scopes", 1000)}
            {fields.required("identity-name-claim", "name_claim", 100)}
            {fields.required("identity-groups-claim", "groups_claim", 200)}
            {text_area(fields.field("identity-ca", "oidc_ca"))}
        </fieldset>
    }
}

fn secret_field(fields: &Fields, key: &str, view: Option<&ProviderView>) -> impl IntoView + use<> {
    let words = fields.words;
    let is_set = view.is_some_and(|view| view.secret_set);
    let kept = kept_field(fields.refused.as_ref());
    let hint = match (&kept, is_set) {
        (Some(_), _) => "identity-secret-kept",
        (None, true) => "identity-secret-set",
        (None, false) => "identity-secret-not-set",
    };
    let field = TextField {
        value: String::new(),
        kind: "password",
        autocomplete: Some("off"),
        hint: Some(words.t(hint)),
        ..fields.field(key, "secret")
    };
    let forget = (is_set || kept.is_some()).then(|| {
        let forget = check_field(words.t("identity-secret-forget"), None, "form[forget_secret]", false);
        view! { <div class="checks">{forget}</div> }
    });
    view! {
        {text_field(field)}
        {kept}
        {forget}
    }
}

fn test_card(words: Words, view: &ProviderView, login: String, fault: Option<String>) -> impl IntoView + use<> {
    let who = view.ldap.is_some().then(|| {
        text_field(TextField {
            label: words.t("identity-test-login"),
            name: "login".to_owned(),
            value: login,
            fault,
            hint: Some(words.t("identity-test-login-hint")),
            max_length: Some(128),
            autocomplete: Some("off"),
            ..TextField::default()
        })
    });
    let result = view.last_test.clone().map(|test| result_view(words, test));
    view! {
        <section class="card" id="test">
            <header><h2>{words.t("identity-test")}</h2></header>
            <form class="form" method="post" action=TestIdentityProvider::url()>
                <p>{words.t("identity-test-hint")}</p>
                <input r#type="hidden" name="id" value=view.id.to_string() />
                {who}
                <p class="actions"><button class="btn">{words.t("identity-test")}</button></p>
            </form>
            {result}
        </section>
    }
}

fn result_view(words: Words, test: ProviderTest) -> impl IntoView {
    let (tone, key) = if test.done { (Tone::Ok, "identity-test-fine") } else { (Tone::Bad, "identity-test-failed") };
    let steps = test.steps.into_iter().map(|step| step_view(words, step)).collect_view();
    view! {
        <p class="note-line" role="status">{state(tone, words.t(key))} " " {time(test.at, look().zone)}</p>
        <dl class="facts start">{steps}</dl>
    }
}

fn step_view(words: Words, step: ProviderTestStep) -> impl IntoView {
    let tone = match (step.done, step.untried) {
        (_, true) => Tone::Off,
        (true, false) => Tone::Ok,
        (false, false) => Tone::Bad,
    };
    let detail = step.detail.map(|detail| {
        view! {
            <details>
                <summary>{words.t("identity-test-details")}</summary>
                <code class="select">{detail}</code>
            </details>
        }
    });
    view! {
        <dt>{state(tone, words.t(&format!("identity-step-{}", step.step.code())))}</dt>
        <dd>{step.message} {detail}</dd>
    }
}

fn end_card(words: Words, view: &ProviderView) -> impl IntoView + use<> {
    let hint = words.with("identity-delete-hint", &[("n", view.accounts.to_string())]);
    let remove = Ask::new("provider", words.t("identity-delete"), hint.clone(), DeleteIdentityProvider::url())
        .yes(words.t("identity-delete-confirm"))
        .field("id", view.id)
        .field("part_accounts", view.accounts > 0);
    view! {
        <section class="card">
            <header><h2>{words.t("identity-delete")}</h2></header>
            <p class="note-line">{hint.clone()}</p>
            <div class="actions">{remove.view(words)}</div>
        </section>
    }
}
