//! A button that copies a text and says so; `<rg-copy>` (frontend/js/src/rg-shell.js) makes it work. Where it cannot, the
//! text stands beside it to be selected.

use leptos::prelude::*;

/// The button; `done` is what it says afterwards.
pub fn copy_button(text: String, label: String, done: String) -> impl IntoView {
    view! {
        <rg-copy data-text=text data-done=done>
            <button r#type="button" class="btn small">{label}</button>
            <span role="status" class="unseen-text"></span>
        </rg-copy>
    }
}
