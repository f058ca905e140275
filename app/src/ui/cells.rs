//! Cells of tables with figures.

use leptos::prelude::*;

use super::format::{Figure, NOT_MEASURED};

/// A figure with its unit set smaller, or the dash with the reason on hover.
pub fn figure(figure: Figure, why_not: &str) -> AnyView {
    match figure {
        Some((value, unit)) => view! { <span>{value}</span><span class="unit">{unit}</span> }.into_any(),
        None => view! { <span class="none" title=why_not.to_owned()>{NOT_MEASURED}</span> }.into_any(),
    }
}

/// A cell with a figure; `label` heads it where the table is shown as cards.
pub fn figure_cell(label: String, value: Figure, why_not: &str) -> impl IntoView + use<> {
    view! { <td class="num" data-label=label>{figure(value, why_not)}</td> }
}

/// A cell with a text, or the dash.
pub fn text_cell(label: String, text: Option<String>, why_not: &str) -> impl IntoView + use<> {
    let view = match text {
        Some(text) => text.into_any(),
        None => figure(None, why_not),
    };
    view! { <td data-label=label>{view}</td> }
}

/// A bar for whole percent beside a figure.
pub fn meter(percent: Option<u8>) -> impl IntoView {
    percent.map(|p| view! { <span class=format!("meter v{}", p.min(100)) aria-hidden="true"><i></i></span> })
}
