//! What is live on a customer's page.

use contract::CustomerId;
use contract::accounts::MemberRole;
use contract::customers::{MemberCreate, MemberSecret};
use leptos::prelude::*;

use crate::pages::admin::machines::panels;
use crate::ui::copy::copy_button;
use crate::ui::lexicon::Lexicon;

/// Makes an account in a customer and shows its password, once. Not a plain form, because the password must not pass
/// through an address; without JavaScript the page names the command that does the same.
#[island]
pub fn MemberForm(customer: CustomerId, owner: bool, words: Lexicon) -> impl IntoView {
    let (username, display_name) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let as_owner = RwSignal::new(owner);
    let made = RwSignal::new(None::<MemberSecret>);
    let error = RwSignal::new(None::<contract::ApiError>);
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let name = display_name.get_untracked().trim().to_owned();
        let body = MemberCreate {
            username: username.get_untracked(),
            display_name: (!name.is_empty()).then_some(name),
            role: Some(if as_owner.get_untracked() { MemberRole::Owner } else { MemberRole::Member }),
            ..MemberCreate::default()
        };
        busy.set(true);
        leptos::task::spawn_local(async move {
            match super::server_fns::add_customer_member(customer, body).await {
                Ok(secret) => {
                    made.set(Some(secret));
                    username.set(String::new());
                    display_name.set(String::new());
                    error.set(None);
                }
                Err(refusal) => error.set(Some(refusal)),
            }
            busy.set(false);
        });
    };
    let fault = move |path: &'static str| error.with(|e| e.as_ref().and_then(|e| e.fields.get(path).cloned()));
    let general = move || error.with(|e| e.as_ref().filter(|e| e.fields.is_empty()).map(|e| e.message.clone()));
    let shown = words.clone();
    view! {
        <form class="form inline" on:submit=submit>
            {panels::input("cm-username", words.t("customer-username"), username, "text", move || fault("username"))}
            {panels::input("cm-display", words.t("customer-display-name"), display_name, "text", move || fault("displayName"))}
            <div class="form-row check">
                <label>
                    <input r#type="checkbox" checked=owner on:change=move |event| as_owner.set(event_target_checked(&event)) />
                    <span>{words.t("customer-as-owner")}</span>
                </label>
            </div>
            <p class="actions">
                <button class="btn primary" disabled=move || busy.get()>{words.t("customer-add-person")}</button>
            </p>
            <p class="form-fault" role="alert" hidden=move || general().is_none()>{general}</p>
        </form>
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
