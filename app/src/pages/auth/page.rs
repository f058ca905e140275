//! Sign-in: plain forms, and no script but for the challenge that comes after some failures.

use contract::accounts::{ProviderKind, SignInService};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::accounts::Captchas;

use super::captcha::{captcha_fault, captcha_field, is_about_captcha};
use super::server_fns::{SignIn, SignInCode};
use super::service::{is_about_service, service_refused};
use crate::door::{Refused, appearance, door, hide_address, see_other, session};
use crate::layouts::{page, plain_page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::words::Words;

/// Where to go afterwards. It may be a link of a mail, which is a secret like any of those pages' own addresses.
fn next_here() -> Option<String> {
    let next = use_query_map().get_untracked().get("next").filter(|next| paths::local(next).is_some());
    if next.is_some() {
        hide_address();
    }
    next
}

/// `/login`. Waits for no answer of the database's before something has failed; the ways beside a password come with the
/// request.
#[component]
pub fn LoginPage() -> impl IntoView {
    let next = next_here();
    let (platform, ctx) = door();
    if ctx.user().is_some() {
        see_other(next.as_deref().unwrap_or(paths::HOME));
    }
    let services: Vec<SignInService> = use_context().unwrap_or_default();
    let refused = Refused::from_query();
    let name = refused.as_ref().and_then(|r| r.typed.get("username").cloned()).unwrap_or_default();
    if refused.is_none() && !platform::accounts::may_be_challenged(&platform, &ctx) {
        return login_view((next, name), None, None, &services);
    }
    Suspend::new(async move {
        // The form is there even while the database is not.
        let captchas = platform::accounts::captchas_of_sign_in(&platform, &ctx, &name).await.unwrap_or_default();
        login_view((next, name), refused.as_ref(), captchas, &services)
    })
    .into_any()
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

fn login_view(
    (next, name): (Option<String>, String),
    refused: Option<&Refused>,
    captchas: Option<Captchas>,
    services: &[SignInService],
) -> AnyView {
    let words = Words::now();
    let fault = |path: &str| refused.and_then(|r| r.fault(words.0, path));
    let of_captcha = refused.is_some_and(is_about_captcha);
    // What a sign-in service led to is about nothing that is typed here.
    let of_service = refused.filter(|r| is_about_service(r));
    let refused = refused.filter(|_| of_service.is_none());
    let general = refused.filter(|r| r.fields.is_empty() && !of_captcha).map(|r| r.message(words.0));
    let username = TextField {
        label: words.t("login-username"),
        name: "username".to_owned(),
        value: name,
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
    let wrong = refused.filter(|_| general.is_none() && !of_captcha).map(|_| words.t("error-validation"));
    let done = match use_query_map().get_untracked().get("done").as_deref() {
        Some("account") => Some("login-done-account"),
        Some("password") => Some("login-done-password"),
        Some("parted") => Some("login-done-parted"),
        _ => None,
    };
    let done = done.filter(|_| refused.is_none()).map(|key| view! { <p role="status">{words.t(key)}</p> });
    let others = services_view(words, services, next.as_deref());
    let directories = directories_view(words, services);
    plain_page(
        words,
        words.t("login-title"),
        view! {
            {done}
            {of_service.map(|refused| service_refused(words, refused))}
            {form_fault(captcha_fault(words, refused))}
            <form class="stack" method="post" action=SignIn::url()>
                {next.map(|next| view! { <input r#type="hidden" name="next" value=next /> })}
                {text_field(username)}
                {text_field(password)}
                {captcha_field(words, captchas)}
                {form_fault(wrong)}
                <button class="btn primary wide">{words.t("login-action")}</button>
            </form>
            {directories}
            {others}
            <p><a class="link" href=paths::FORGOT>{words.t("forgot-link")}</a></p>
            {appearance().open.then(|| view! { <p><a class="link" href=paths::REGISTER>{words.t("register-title")}</a></p> })}
        },
    )
}

/// `/login/code`: the second step, for a browser whose password was right a moment ago.
#[component]
pub fn LoginCodePage() -> impl IntoView {
    let next = next_here();
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
                <a class="link" href=again>{words.t("login-code-back")}</a>
            </form>
        },
    )
}
