//! The frame of every table that the server renders: where it is wider than its card it scrolls within itself, by the keyboard
//! too.

use leptos::prelude::*;

/// A list: on a phone its rows are cards, headed by each cell's `data-label`. `head` are the heading cells.
pub fn list_table(label: String, head: impl IntoView + 'static, rows: impl IntoView + 'static) -> AnyView {
    framed("cards", label, head.into_any(), rows.into_any())
}

/// A table that stays one on a phone, too; `class` says of which kind, and may be empty.
pub fn table_of(
    class: &'static str,
    label: String,
    head: impl IntoView + 'static,
    rows: impl IntoView + 'static,
) -> AnyView {
    framed(class, label, head.into_any(), rows.into_any())
}

/// Compiled once, and a page's type ends here: see `layouts::frame`.
fn framed(class: &'static str, label: String, head: AnyView, rows: AnyView) -> AnyView {
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=label>
            <table class=(!class.is_empty()).then_some(class)>
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
