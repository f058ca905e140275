//! One's own password and second factor.

use contract::accounts::{PasswordPlace, SecurityView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::accounts::{self, ShownOnce};

use super::identities::{self, Identities};
use super::page::tabs;
use super::server_fns::{ChangePassword, DisableTotp, EnrollTotp, RenewRecoveryCodes};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::auth::service::{is_about_service, service_refused};
use crate::paths;
use crate::ui::copy::copy_button;
use crate::ui::forms::{TextField, form_fault, my_name, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/account/security`.
#[component]
pub fn SecurityPage() -> impl IntoView {
    let (platform, ctx) = door();
    let load = async move {
        let view = accounts::security(&platform, &ctx).await?;
        let codes = accounts::take_for_page(&platform, &ctx, ShownOnce::RecoveryCodes).await?;
        Ok((view, codes, identities::load(&platform, &ctx).await?))
    };
    page(load, |(view, codes, identities)| security_view(view, codes, identities))
}

fn security_view(security: SecurityView, codes: Option<String>, identities: Identities) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query();
    let of_service = refused.as_ref().filter(|r| is_about_service(r));
    let general = refused.as_ref().filter(|r| r.fields.is_empty() && of_service.is_none()).map(|r| r.message(words.0));
    // Which of the page's forms it was.
    let (of_link, of_others) = match refused.as_ref().is_some_and(|r| r.typed.contains_key("link")) {
        true => (refused.as_ref(), None),
        false => (None, refused.as_ref()),
    };
    let done = match use_query_map().get_untracked().get("done").as_deref() {
        Some("password") => Some("security-password-done"),
        Some("totp-off") => Some("security-totp-off-done"),
        Some("bound") => Some("identity-bound-done"),
        Some("parted") => Some("identity-parted-done"),
        _ => None,
    };
    let head = PageFrame::new(words.t("security-title"), Area::Account).crumb(words.t("account-title"), paths::ACCOUNT);
    frame(
        head,
        view! {
            {tabs(words, paths::ACCOUNT_SECURITY)}
            {done.map(|key| {
                let stays = (key == "security-password-done").then(|| stays_bound(words, &identities)).flatten();
                view! { <section class="card notice" role="status"><p>{words.t(key)}</p>{stays}</section> }
            })}
            {must_set_up(&security).then(|| view! {
                <section class="card notice" role="status"><p>{words.t("error-enrollment-required")}</p></section>
            })}
            {form_fault(general)}
            {of_service.map(|refused| service_refused(words, refused))}
            {codes.map(|codes| recovery_codes(words, &codes))}
            {identities::address_notice(words, identities.address_of_another.clone())}
            {identities::proposal(words, identities.proposal.clone(), of_link)}
            <div class="columns">{proofs(words, of_others, security, &identities)}</div>
            {identities::card(words, identities)}
        },
    )
}

/// Nothing but the own account is open before they have one.
fn must_set_up(security: &SecurityView) -> bool {
    security.totp_required && security.totp_since.is_none()
}

/// The password and the second factor; first what has to be done before anything else.
fn proofs(
    words: Words,
    refused: Option<&Refused>,
    security: SecurityView,
    identities: &Identities,
) -> (AnyView, AnyView) {
    let password = match security.password_place.clone() {
        Some(place) => password_elsewhere(words, place).into_any(),
        None => {
            let stays = stays_bound(words, identities);
            password(words, refused, security.password_min_length, stays).into_any()
        }
    };
    let factor_first = must_set_up(&security);
    let factor = second_factor(words, refused, security).into_any();
    if factor_first { (factor, password) } else { (password, factor) }
}

/// What a new password does not end.
fn stays_bound(words: Words, identities: &Identities) -> Option<AnyView> {
    let names = identities.names(words)?;
    let says = words.with("security-password-bound", &[("services", names)]);
    let view = view! { <p class="hint">{says} " " <a class="link" href="#services">{words.t("security-password-part")}</a></p> };
    Some(view.into_any())
}

pub(super) fn secret_field(
    words: Words,
    refused: Option<&Refused>,
    key: &str,
    name: &str,
    path: &str,
    autocomplete: &'static str,
) -> TextField {
    TextField {
        label: words.t(key),
        name: name.to_owned(),
        kind: "password",
        fault: refused.and_then(|r| r.fault(words.0, path)),
        autocomplete: Some(autocomplete),
        required: true,
        ..TextField::default()
    }
}

fn password(words: Words, refused: Option<&Refused>, min_length: u32, stays: Option<AnyView>) -> impl IntoView + use<> {
    let field = |key, name, path, autocomplete| secret_field(words, refused, key, name, path, autocomplete);
    let new = TextField {
        hint: Some(words.with("security-password-hint", &[("min", min_length.to_string())])),
        ..field("security-new-password", "new_password", "newPassword", "new-password")
    };
    let old = field("security-old-password", "old_password", "oldPassword", "current-password");
    let again = field("security-password-again", "again", "again", "new-password");
    view! {
        <section class="card">
            <header><h2>{words.t("security-password")}</h2></header>
            <form class="form" method="post" action=ChangePassword::url()>
                {my_name()}
                {text_field(old)}
                {text_field(new)}
                {text_field(again)}
                <p class="hint">{words.t("security-password-ends")}</p>
                {stays}
                <p class="actions"><button class="btn primary">{words.t("security-password-change")}</button></p>
            </form>
        </section>
    }
}

/// Where it is changed that is not here.
fn password_elsewhere(words: Words, place: PasswordPlace) -> impl IntoView {
    let says = words.with("identity-password-elsewhere", &[("provider", place.provider_name)]);
    let link = place.url.map(|url| {
        view! { <a class="link" rel="noreferrer" href=url>{words.t("identity-password-elsewhere-link")}</a> }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("security-password")}</h2></header>
            <p class="note-line">{says} " " {link}</p>
        </section>
    }
}

fn second_factor(words: Words, refused: Option<&Refused>, security: SecurityView) -> impl IntoView + use<> {
    let body = match security.totp_since {
        Some(since) => {
            let left = words.with("security-codes-left", &[("n", security.recovery_codes_left.to_string())]);
            let facts = view! {
                <dl class="facts">
                    <dt>{words.t("security-totp-state")}</dt>
                    <dd>{state(Tone::Ok, words.t("security-totp-on"))}</dd>
                    <dt>{words.t("security-totp-since")}</dt>
                    <dd>{time(since, look().zone)}</dd>
                    <dt>{words.t("security-codes")}</dt>
                    <dd>{left}</dd>
                </dl>
            };
            let by_password = security.password_place.is_none();
            let (of_renewal, of_off) = match refused.is_some_and(|r| r.typed.contains_key("renew")) {
                true => (refused, None),
                false => (None, refused),
            };
            let renew = renewal(words, of_renewal, by_password);
            let off = match security.totp_required {
                true => view! { <p class="note-line">{words.t("security-totp-required")}</p> }.into_any(),
                false => switch_off(words, of_off, by_password).into_any(),
            };
            (facts, renew, off).into_any()
        }
        None => view! {
            <dl class="facts">
                <dt>{words.t("security-totp-state")}</dt>
                <dd>{state(Tone::Off, words.t("security-totp-off"))}</dd>
            </dl>
            <form class="form" method="post" action=EnrollTotp::url()>
                {my_name()}
                <p>{words.t("security-totp-why")}</p>
                {enrol_proof(words, refused, security.password_place.is_none())}
                <p class="actions"><button class="btn primary">{words.t("security-totp-enroll")}</button></p>
            </form>
        }
        .into_any(),
    };
    view! {
        <section class="card">
            <header><h2>{words.t("security-totp")}</h2></header>
            {body}
        </section>
    }
}

/// Whoever sits at an open session may not lock its owner out: the password, or a session that has just begun.
fn enrol_proof(words: Words, refused: Option<&Refused>, by_password: bool) -> AnyView {
    if !by_password {
        return view! { <p class="hint">{words.t("security-totp-enroll-fresh")}</p> }.into_any();
    }
    let field = secret_field(words, refused, "login-password", "password", "password", "current-password");
    text_field(TextField { form: "enrol", ..field }).into_any()
}

fn renewal(words: Words, refused: Option<&Refused>, by_password: bool) -> impl IntoView + use<> {
    let open = refused.is_some();
    view! {
        <details class="note-line" open=open>
            <summary>{words.t("security-codes-renew")}</summary>
            <form class="form" method="post" action=RenewRecoveryCodes::url()>
                {my_name()}
                <p>{words.t("security-codes-renew-hint")}</p>
                {proof(words, refused, "renew", by_password)}
                <p class="actions"><button class="btn">{words.t("security-codes-renew")}</button></p>
            </form>
        </details>
    }
}

fn switch_off(words: Words, refused: Option<&Refused>, by_password: bool) -> impl IntoView + use<> {
    let hint = if by_password { "security-totp-disable-hint" } else { "security-totp-disable-by-code" };
    view! {
        <form class="form" method="post" action=DisableTotp::url()>
            {my_name()}
            <p>{words.t(hint)}</p>
            {proof(words, refused, "", by_password)}
            <p class="actions"><button class="btn">{words.t("security-totp-disable")}</button></p>
        </form>
    }
}

/// The password, where it is kept here, and a code.
fn proof(words: Words, refused: Option<&Refused>, form: &'static str, by_password: bool) -> impl IntoView + use<> {
    let password = by_password.then(|| {
        let field = secret_field(words, refused, "login-password", "password", "password", "current-password");
        text_field(TextField { form, ..field })
    });
    let code = TextField {
        kind: "text",
        form,
        max_length: Some(64),
        ..secret_field(words, refused, "security-code", "code", "code", "one-time-code")
    };
    (password, text_field(code))
}

fn recovery_codes(words: Words, codes: &str) -> impl IntoView + use<> {
    let list = codes.lines().map(|code| view! { <li class="mono">{code.to_owned()}</li> }).collect_view();
    view! {
        <section class="card" role="status">
            <header>
                <h2>{words.t("security-codes-made")}</h2>
                <span class="end">{copy_button(codes.to_owned(), words.t("copy"), words.t("copied"))}</span>
            </header>
            <p class="note-line">{words.t("security-codes-hint")}</p>
            <ul class="codes">{list}</ul>
        </section>
    }
}
