//! Setting up an authenticator app: scan, or type the secret, then prove that it works.

use contract::accounts::TotpEnrollment;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::page::tabs;
use super::server_fns::ConfirmTotp;
use crate::door::{Refused, door, see_other};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::copy::copy_button;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::ui::qr;
use crate::words::Words;

/// `/account/security/totp`.
#[component]
pub fn TotpPage() -> impl IntoView {
    let (platform, ctx) = door();
    page(async move { platform::accounts::pending_totp(&platform, &ctx).await }, totp_view)
}

fn totp_view(pending: Option<TotpEnrollment>) -> AnyView {
    let words = Words::now();
    let Some(enrollment) = pending else {
        see_other(paths::ACCOUNT_SECURITY);
        return ().into_any();
    };
    let refused = Refused::from_query();
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let code = TextField {
        label: words.t("security-code"),
        name: "code".to_owned(),
        fault: refused.as_ref().and_then(|r| r.fault(words.0, "code")),
        hint: Some(words.t("totp-code-hint")),
        autocomplete: Some("one-time-code"),
        required: true,
        max_length: Some(16),
        ..TextField::default()
    };
    let picture = qr::svg(&enrollment.uri, &words.t("totp-qr"));
    let head = PageFrame::new(words.t("totp-title"), Area::Account)
        .crumb(words.t("account-title"), paths::ACCOUNT)
        .crumb(words.t("security-title"), paths::ACCOUNT_SECURITY);
    frame(
        head,
        view! {
            {tabs(words, paths::ACCOUNT_SECURITY)}
            {form_fault(general)}
            <section class="card">
                <header><h2>{words.t("totp-scan")}</h2></header>
                <p class="note-line">{words.t("totp-scan-hint")}</p>
                {picture.map(|svg| view! { <div class="qr" inner_html=svg></div> })}
                <div class="note-line">
                    <p>{words.t("totp-secret")}</p>
                    <p class="command-line">
                        <code class="select">{enrollment.secret.clone()}</code>
                        {copy_button(enrollment.secret, words.t("copy"), words.t("copied"))}
                    </p>
                </div>
                <form class="form" method="post" action=ConfirmTotp::url()>
                    {text_field(code)}
                    <p class="hint">{words.t("totp-ends")}</p>
                    <p class="actions">
                        <button class="btn primary">{words.t("totp-confirm")}</button>
                        <a class="btn" href=paths::ACCOUNT_SECURITY>{words.t("form-cancel")}</a>
                    </p>
                </form>
            </section>
        },
    )
}
