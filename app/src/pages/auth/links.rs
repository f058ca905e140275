//! Pages that links in mail lead to, and the one that asks for such a link: plain forms, no script but for a challenge. Their address
//! holds a token, so they tell other pages at most where they are from, never their whole address.

use contract::ErrorCode;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::accounts::{Captchas, Moving, PasswordRule, password_rule};
use platform::{OpContext, Platform};

use super::captcha::captcha_field;
use super::server_fns::{ConfirmEmailChange, ConfirmPasswordReset, RequestPasswordReset, RequestSignUp, SignUp};
use crate::door::{Refused, door, hide_address, to_api_error};
use crate::layouts::{page, plain_page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, text_field, whose_password};
use crate::words::Words;

pub(super) fn query(name: &str) -> String {
    use_query_map().get_untracked().get(name).unwrap_or_default()
}

/// What is wrong with the whole form: what belongs to no field that the page shows.
pub(super) fn general(refused: Option<&Refused>, words: Words) -> Option<String> {
    let refused = refused?;
    let fault = ["token", "email"].into_iter().find_map(|path| refused.fault(words.0, path));
    fault.or_else(|| Some(refused.message(words.0)))
}

/// A field of these forms; what was typed comes back, a password never.
fn field(words: Words, refused: Option<&Refused>, key: &str, name: &'static str, path: &str) -> TextField {
    TextField {
        label: words.t(key),
        name: name.to_owned(),
        value: refused.and_then(|r| r.typed.get(name).cloned()).unwrap_or_default(),
        fault: refused.and_then(|r| r.fault(words.0, path)),
        required: true,
        ..TextField::default()
    }
}

/// With the rule of this installation beside it, so that nobody finds it out by being refused.
fn new_password(
    words: Words,
    refused: Option<&Refused>,
    rule: PasswordRule,
    name: &'static str,
    path: &str,
) -> TextField {
    let rule = [("min", rule.min_length().to_string()), ("score", rule.min_score.to_string())];
    TextField {
        kind: "password",
        autocomplete: Some("new-password"),
        hint: Some(words.with("account-new-password-hint", &rule)),
        ..field(words, refused, "account-new-password", name, path)
    }
}

/// The same once more, because a slip in what nobody sees would use up the link.
fn password_again(words: Words, refused: Option<&Refused>) -> TextField {
    TextField {
        kind: "password",
        autocomplete: Some("new-password"),
        ..field(words, refused, "security-password-again", "again", "again")
    }
}

/// `/forgot`.
#[component]
pub fn ForgotPage() -> impl IntoView {
    let (platform, ctx) = door();
    let refused = Refused::from_query();
    let sent = !query("sent").is_empty();
    let typed = refused.as_ref().and_then(|r| r.typed.get("account").cloned()).unwrap_or_default();
    if refused.is_none() && !platform::accounts::may_be_challenged(&platform, &ctx) {
        return forgot_view(sent, None, None);
    }
    Suspend::new(async move {
        let captchas = platform::accounts::captchas_of_reset(&platform, &ctx, &typed).await.unwrap_or_default();
        forgot_view(sent, refused.as_ref(), captchas)
    })
    .into_any()
}

fn forgot_view(sent: bool, refused: Option<&Refused>, captchas: Option<Captchas>) -> AnyView {
    let words = Words::now();
    let body = if sent {
        view! { <p role="status">{words.t("forgot-sent")}</p> }.into_any()
    } else {
        let account = TextField {
            autocomplete: Some("username"),
            ..field(words, refused, "login-username", "account", "account")
        };
        let fault = general(refused, words);
        view! {
            <p>{words.t("forgot-hint")}</p>
            <form class="stack" method="post" action=RequestPasswordReset::url()>
                {form_fault(fault)}
                {text_field(account)}
                {captcha_field(words, captchas)}
                <button class="btn primary wide">{words.t("forgot-action")}</button>
            </form>
        }
        .into_any()
    };
    let back = view! { <p><a class="link" href=paths::login(None)>{words.t("forgot-back")}</a></p> };
    plain_page(words, words.t("forgot-title"), (body, back))
}

/// `/reset?token=`.
#[component]
pub fn ResetPage() -> impl IntoView {
    hide_address();
    let (platform, ctx) = door();
    let (words, token, refused) = (Words::now(), query("token"), Refused::from_query());
    Suspend::new(async move {
        match platform::accounts::resetting(&platform, &ctx, &token).await {
            Ok(bound) => {
                let bound = (!bound.is_empty()).then(|| bound.join(&words.t("list-separator")));
                reset_view(words, (token, bound), refused.as_ref(), password_rule(&platform).await)
            }
            Err(error) => {
                let again = view! { <p><a class="link" href=paths::FORGOT>{words.t("forgot-again")}</a></p> };
                spent_view((&platform, &ctx), (words.t("reset-title"), "field-link-spent"), error, again).await
            }
        }
    })
}

fn reset_view(
    words: Words,
    (token, bound): (String, Option<String>),
    refused: Option<&Refused>,
    rule: PasswordRule,
) -> AnyView {
    // Who resets it because somebody else got in should know of every way in.
    let stays = bound.map(|services| {
        view! { <p class="hint">{words.with("security-password-bound", &[("services", services)])}</p> }
    });
    let body = view! {
        <form class="stack" method="post" action=ConfirmPasswordReset::url()>
            {form_fault(general(refused, words))}
            <input r#type="hidden" name="token" value=token />
            {whose_password(String::new())}
            {text_field(new_password(words, refused, rule, "new_password", "newPassword"))}
            {text_field(password_again(words, refused))}
            {stays}
            <button class="btn primary wide">{words.t("reset-action")}</button>
        </form>
    };
    plain_page(words, words.t("reset-title"), body)
}

/// `/email?token=`: a button, because programs that look at mail open every link.
#[component]
pub fn EmailPage() -> impl IntoView {
    hide_address();
    let (platform, ctx) = door();
    let (words, token, refused) = (Words::now(), query("token"), Refused::from_query());
    let done = !query("done").is_empty();
    Suspend::new(async move {
        if done {
            let said = view! { <p role="status">{words.t("email-change-done")}</p> };
            return email_view(words, said.into_any());
        }
        match platform::accounts::moving(&platform, &ctx, &token).await {
            Ok(moving) if moving.taken => {
                let values = [("name", moving.account), ("email", moving.address)];
                email_view(words, form_fault(Some(words.with("email-change-taken", &values))).into_any())
            }
            Ok(moving) => email_view(words, email_form(words, token, moving, refused.as_ref())),
            Err(error) => {
                let title = words.t("email-change-title");
                spent_view((&platform, &ctx), (title, "email-change-spent"), error, ()).await
            }
        }
    })
}

fn email_view(words: Words, body: AnyView) -> AnyView {
    let home = view! { <p><a class="link" href=paths::HOME>{words.t("error-back-home")}</a></p> };
    plain_page(words, words.t("email-change-title"), (body, home))
}

fn email_form(words: Words, token: String, moving: Moving, refused: Option<&Refused>) -> AnyView {
    let values = [("name", moving.account), ("email", moving.address)];
    view! {
        <p>{words.with("email-change-page", &values)}</p>
        <form class="stack" method="post" action=ConfirmEmailChange::url()>
            {form_fault(general(refused, words))}
            <input r#type="hidden" name="token" value=token />
            <button class="btn primary wide">{words.t("email-change-action")}</button>
        </form>
    }
    .into_any()
}

/// The page of a link that does not work: why, with the text of `spent` where it is none (any more), and how to go on.
pub(super) async fn spent_view(
    (platform, ctx): (&Platform, &OpContext),
    (title, spent): (String, &'static str),
    error: platform::Error,
    instead: impl IntoView + 'static,
) -> AnyView {
    let words = Words::now();
    let unknown = error.code == ErrorCode::Validation;
    let error = to_api_error(platform, ctx, error).await;
    let message = if unknown && error.fields.contains_key("token") { words.t(spent) } else { error.message };
    let (href, word) = match ctx.user() {
        Some(_) => (paths::HOME.to_owned(), words.t("error-back-home")),
        None => (paths::login(None), words.t("forgot-back")),
    };
    let back = view! { <p><a class="link" href=href>{word}</a></p> };
    plain_page(words, title, (form_fault(Some(message)), instead, back))
}

/// The form of a new account whose address a link proved.
pub(super) fn account_form(
    words: Words,
    action: &'static str,
    token: String,
    email: String,
    rule: PasswordRule,
) -> AnyView {
    let refused = Refused::from_query();
    let refused = refused.as_ref();
    let username = TextField {
        autocomplete: Some("username"),
        max_length: Some(63),
        ..field(words, refused, "account-username", "username", "username")
    };
    let display_name = TextField {
        autocomplete: Some("name"),
        required: false,
        max_length: Some(100),
        ..field(words, refused, "account-display-name", "display_name", "displayName")
    };
    view! {
        <form class="stack" method="post" action=action>
            {form_fault(general(refused, words))}
            <input r#type="hidden" name="token" value=token />
            <p class="sub">{words.with("invitation-email", &[("email", email)])}</p>
            {text_field(username)}
            {text_field(display_name)}
            {text_field(new_password(words, refused, rule, "password", "password"))}
            {text_field(password_again(words, refused))}
            <button class="btn primary wide">{words.t("invitation-action")}</button>
        </form>
    }
    .into_any()
}

/// `/register`: asks for the link that makes an account; not there unless the settings are open to everybody.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let (platform, ctx) = door();
    let (words, refused, sent) = (Words::now(), Refused::from_query(), !query("sent").is_empty());
    page(
        async move {
            match platform::accounts::sign_up_is_open(&platform).await {
                true => platform::accounts::captchas_of_sign_up(&platform, &ctx).await,
                false => Err(platform::Error::not_found()),
            }
        },
        move |captchas| register_view(words, sent, refused.as_ref(), captchas),
    )
}

fn register_view(words: Words, sent: bool, refused: Option<&Refused>, captchas: Captchas) -> AnyView {
    let body = if sent {
        view! { <p role="status">{words.t("register-sent")}</p> }.into_any()
    } else {
        let email = TextField {
            kind: "email",
            autocomplete: Some("email"),
            max_length: Some(254),
            ..field(words, refused, "account-email", "email", "email")
        };
        // The address has its fault at its field.
        let fault = refused.filter(|refused| refused.fields.is_empty());
        view! {
            <p>{words.t("register-hint")}</p>
            <form class="stack" method="post" action=RequestSignUp::url()>
                {form_fault(fault.map(|refused| refused.message(words.0)))}
                {text_field(email)}
                {captcha_field(words, Some(captchas))}
                <button class="btn primary wide">{words.t("forgot-action")}</button>
            </form>
        }
        .into_any()
    };
    let back = view! { <p><a class="link" href=paths::login(None)>{words.t("forgot-back")}</a></p> };
    plain_page(words, words.t("register-title"), (body, back))
}

/// `/register/account?token=`.
#[component]
pub fn RegisterAccountPage() -> impl IntoView {
    hide_address();
    let (platform, ctx) = door();
    let (words, token) = (Words::now(), query("token"));
    Suspend::new(async move {
        let title = words.t("register-title");
        match platform::accounts::signing_up(&platform, &ctx, &token).await {
            Ok(email) => {
                let rule = password_rule(&platform).await;
                plain_page(words, title, account_form(words, SignUp::url(), token, email, rule))
            }
            Err(error) => {
                let again = (error.code == ErrorCode::Validation)
                    .then(|| view! { <p><a class="link" href=paths::REGISTER>{words.t("forgot-again")}</a></p> });
                spent_view((&platform, &ctx), (title, "field-link-spent"), error, again).await
            }
        }
    })
}
