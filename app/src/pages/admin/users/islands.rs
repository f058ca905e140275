//! What is live on an account's page.

use contract::UserId;
use contract::users::UserSecret;
use leptos::prelude::*;

use crate::ui::copy::copy_button;
use crate::ui::lexicon::Lexicon;

/// Makes a new password and shows it, once. Not a plain form, because the password must not pass through an address;
/// without JavaScript one is typed into the form beside it.
#[island]
pub fn PasswordMaker(user: UserId, words: Lexicon) -> impl IntoView {
    let made = RwSignal::new(None::<UserSecret>);
    let error = RwSignal::new(None::<contract::ApiError>);
    let busy = RwSignal::new(false);
    let make = move |_| {
        busy.set(true);
        leptos::task::spawn_local(async move {
            match super::server_fns::make_user_password(user).await {
                Ok(secret) => {
                    made.set(Some(secret));
                    error.set(None);
                }
                Err(refusal) => error.set(Some(refusal)),
            }
            busy.set(false);
        });
    };
    let fault = move || error.with(|e| e.as_ref().map(|e| e.message.clone()));
    let shown = words.clone();
    view! {
        <p class="actions note-line">
            <button r#type="button" class="btn" disabled=move || busy.get() on:click=make>{words.t("user-password-make")}</button>
        </p>
        <p class="form-fault note-line" role="alert" hidden=move || fault().is_none()>{fault}</p>
        <div class="secret" role="status">
            {move || made.get().and_then(|secret| secret.password.map(|password| {
                let text = format!("{}  {}", secret.username, password);
                view! {
                    <p>{shown.t("customer-password-once")}</p>
                    <div class="command-line">
                        <code>{text.clone()}</code>
                        {copy_button(text, shown.t("copy"), shown.t("copied"))}
                    </div>
                }
            }))}
        </div>
    }
}
