//! What is shown once.

use leptos::prelude::*;

use super::copy::copy_button;
use crate::words::Words;

/// A secret to be copied now, announced when the page opens.
pub fn shown_once(words: Words, title: String, hint: Option<String>, secret: Option<String>) -> impl IntoView {
    secret.map(|secret| {
        view! {
            <div class="secret" role="status">
                <p><b>{title}</b></p>
                {hint.map(|hint| view! { <p class="sub">{hint}</p> })}
                <div class="command-line">
                    <code class="select">{secret.clone()}</code>
                    {copy_button(secret, words.t("copy"), words.t("copied"))}
                </div>
            </div>
        }
    })
}
