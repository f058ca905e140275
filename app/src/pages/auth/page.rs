//! Sign-in: plain forms, no script at all.

use contract::accounts::{ProviderKind, SignInService};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::server_fns::{SignIn, SignInCode};
use crate::door::{Refused, door, see_other, session};
use crate::layouts::{page, plain_page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::words::Words;

/// `/login`.
#[component]
pub fn LoginPage() -> impl IntoView {
    let (platform, ctx) = door();
    Suspend::new(async move {
        // Without them people sign in by their password all the same.
        let services = platform::accounts::identity::services(&platform, &ctx).await.unwrap_or_default();
        login_view(services)
    })
}

/// The ways beside a password: links, because a form may only lead to pages of ours.
fn services_view(words: Words, services: &[SignInService], next: Option<&str>) -> impl IntoView + use<> {
    let links: Vec<_> = services
        .iter()
        .filter(|service| service.kind == ProviderKind::Oidc)
        .map(|service| {
            let word = words.with("identity-sign-in-with", &[("name", service.name.clone())]);
            view! { <a class="btn wide" rel="nofollow" href=paths::sign_in_service(service.id, next)>{word}</a> }
        })
        .collect();
    (!links.is_empty()).then(|| {
        view! {
            <p class="sub">{words.t("identity-sign-in-or")}</p>
            <div class="stack">{links}</div>
        }
    })
}

/// Whose accounts sign in by the form, too.
fn directories_view(words: Words, services: &[SignInService]) -> impl IntoView + use<> {
    let directories = services.iter().filter(|service| service.kind == ProviderKind::Ldap);
    let names: Vec<_> = directories.map(|service| service.name.clone()).collect();
    let names = (!names.is_empty()).then(|| names.join(&words.t("list-separator")));
    names.map(|names| view! { <p class="sub">{words.with("identity-sign-in-directory", &[("names", names)])}</p> })
}

fn login_view(services: Vec<SignInService>) -> AnyView {
    let words = Words::now();
    let next = use_query_map().get_untracked().get("next").filter(|next| paths::local(next).is_some());
    if use_context::<platform::OpContext>().is_some_and(|ctx| ctx.user().is_some()) {
        see_other(next.as_deref().unwrap_or(paths::HOME));
    }
    let refused = Refused::from_query();
    let fault = |path: &str| refused.as_ref().and_then(|r| r.fault(words.0, path));
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let username = TextField {
        label: words.t("login-username"),
        name: "username".to_owned(),
        value: refused.as_ref().and_then(|r| r.typed.get("username").cloned()).unwrap_or_default(),
        fault: fault("username"),
        autocomplete: Some("username"),
        required: true,
        ..TextField::default()
    };
    let password = TextField {
        label: words.t("login-password"),
        name: "password".to_owned(),
        kind: "password",
        // Which of the two was wrong is not said; the sentence stands where the hand goes next.
        fault: fault("password").or(general.clone()),
        autocomplete: Some("current-password"),
        required: true,
        ..TextField::default()
    };
    let others = services_view(words, &services, next.as_deref());
    let directories = directories_view(words, &services);
    plain_page(
        words,
        words.t("login-title"),
        view! {
            <form class="stack" method="post" action=SignIn::url()>
                {next.map(|next| view! { <input r#type="hidden" name="next" value=next /> })}
                {text_field(username)}
                {text_field(password)}
                {form_fault(general.is_none().then(|| refused.map(|_| words.t("error-validation"))).flatten())}
                <button class="btn primary wide">{words.t("login-action")}</button>
            </form>
            {directories}
            {others}
            <p><a class="link" href=paths::FORGOT>{words.t("forgot-link")}</a></p>
        },
    )
}

/// `/login/code`: the second step, for a browser whose password was right a moment ago.
#[component]
pub fn LoginCodePage() -> impl IntoView {
    let next = use_query_map().get_untracked().get("next").filter(|next| paths::local(next).is_some());
    let (platform, ctx) = door();
    if ctx.user().is_some() {
        see_other(next.as_deref().unwrap_or(paths::HOME));
    }
    let browser = session().ok().and_then(|session| session.secret_hash());
    let challenged = async move {
        match browser {
            Some(browser) => platform::accounts::is_challenged(&platform, &ctx, &browser).await,
            None => Ok(false),
        }
    };
    page(challenged, move |challenged| code_view(challenged, next))
}

fn code_view(challenged: bool, next: Option<String>) -> AnyView {
    if !challenged {
        if door().1.user().is_none() {
            see_other(&paths::login(next.as_deref()));
        }
        return ().into_any();
    }
    let words = Words::now();
    let code = TextField {
        label: words.t("login-code"),
        name: "code".to_owned(),
        hint: Some(words.t("login-code-hint")),
        fault: Refused::from_query().map(|r| r.fault(words.0, "code").unwrap_or_else(|| r.message(words.0))),
        autocomplete: Some("one-time-code"),
        required: true,
        max_length: Some(64),
        ..TextField::default()
    };
    let again = paths::login(next.as_deref());
    plain_page(
        words,
        words.t("login-title"),
        view! {
            <form class="stack" method="post" action=SignInCode::url()>
                {next.map(|next| view! { <input r#type="hidden" name="next" value=next /> })}
                {text_field(code)}
                <button class="btn primary wide">{words.t("login-action")}</button>
                <a href=again>{words.t("login-code-back")}</a>
            </form>
        },
    )
}
