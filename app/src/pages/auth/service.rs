//! What a page says when a way to a sign-in service and back came to nothing.

use leptos::prelude::*;

use crate::door::Refused;
use crate::ui::forms::form_fault;
use crate::words::Words;

/// Whether a way to a sign-in service and back was refused; the form itself is refused with other words.
pub(crate) fn is_about_service(refused: &Refused) -> bool {
    refused.fields.is_empty() && (refused.key.starts_with("error-sso-") || refused.key.starts_with("error-identity-"))
}

/// What became of it, with the number that leads an administrator to what happened.
pub(crate) fn service_refused(words: Words, refused: &Refused) -> impl IntoView + use<> {
    let id = Some(refused.request_id.clone()).filter(|id| !id.is_empty());
    let id = id.map(|id| {
        view! { <p class="sub">{words.t("error-request-id")} " " <code class="select">{id}</code></p> }
    });
    view! {
        {form_fault(Some(refused.message(words.0)))}
        {id}
    }
}
