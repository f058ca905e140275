//! Sign-in: a plain form, no script at all.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::SignIn;
use crate::door::{Refused, see_other};
use crate::layouts::{brand, look_switches};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::words::Words;

/// `/login`.
#[component]
pub fn LoginPage() -> impl IntoView {
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
    view! {
        <Title text=words.t("login-title") />
        <div class="plain">
            <main class="sign">
                <span class="brand">
                    {brand()}
                </span>
                <h1>{words.t("login-title")}</h1>
                <form class="stack" method="post" action=SignIn::url()>
                    {next.map(|next| view! { <input r#type="hidden" name="next" value=next /> })}
                    {text_field(username)}
                    {text_field(password)}
                    {form_fault(general.is_none().then(|| refused.map(|_| words.t("error-validation"))).flatten())}
                    <button class="btn primary wide">{words.t("login-action")}</button>
                </form>
                <p><a class="link" href=paths::FORGOT>{words.t("forgot-link")}</a></p>
                <div class="foot">{look_switches(words)}</div>
            </main>
        </div>
    }
}
