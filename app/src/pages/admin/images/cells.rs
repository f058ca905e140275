//! What lists and details of images show alike, for staff and for customers.

use contract::images::{Architecture, ImageSource, ImageState, ImageView};
use leptos::prelude::*;

use crate::door::{Refused, look};
use crate::ui::format::{NOT_MEASURED, decimal_bytes, text};
use crate::ui::forms::{TextField, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// Where it stands.
pub fn state_cell(words: Words, view: &ImageView) -> AnyView {
    if is_own_alone(view) {
        return state(Tone::Off, words.t("image-state-own")).into_any();
    }
    let tone = match view.state {
        ImageState::PendingReview => Tone::Warn,
        ImageState::Approved => Tone::Ok,
        ImageState::Rejected => Tone::Bad,
    };
    state(tone, words.t(&format!("image-state-{}", view.state.code()))).into_any()
}

/// It was an instance, and its customer uses it whether or not anybody looks at it.
pub fn is_own_alone(view: &ImageView) -> bool {
    view.source == ImageSource::Instance && view.state == ImageState::PendingReview
}

/// Whether customers may choose it.
pub fn listed_cell(words: Words, listed: bool) -> AnyView {
    match listed {
        true => state(Tone::Ok, words.t("image-listed")).into_any(),
        false => state(Tone::Off, words.t("image-not-listed")).into_any(),
    }
}

/// Bytes, where they are known; in the unit that storage is counted in.
pub fn size(size: Option<u64>) -> String {
    text(size.map(|size| decimal_bytes(size as f64)))
}

/// What it runs on.
pub fn architecture(words: Words, known: Option<Architecture>) -> String {
    known.map_or_else(|| words.t("image-architecture-unknown"), |known| known.code().to_owned())
}

/// A text, or the dash.
pub fn or_dash(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| NOT_MEASURED.to_owned())
}

/// Choices of the state, the first one for all of them.
pub fn state_options(words: Words) -> Vec<(String, String)> {
    let states = ImageState::ALL.iter().map(|state| state.code());
    let option = |code: &str| (code.to_owned(), words.t(&format!("image-state-{code}")));
    let all = words.labelled(words.t("image-state"), words.t("filter-all"));
    std::iter::once((String::new(), all)).chain(states.map(option)).collect()
}

/// Why staff reach for what is shared with nobody: who saved it is told, and its customer reads it. `typed`: the name by which
/// the form keeps what was typed when it was refused.
pub fn unshared_reason(
    words: Words,
    (form, label): (&'static str, String),
    (refused, typed): (Option<&Refused>, &str),
) -> impl IntoView + use<> {
    let refused = refused.filter(|refused| refused.typed.contains_key(typed));
    text_field(TextField {
        label,
        name: "reason".to_owned(),
        form,
        value: refused.and_then(|refused| refused.typed.get(typed).cloned()).unwrap_or_default(),
        fault: refused.and_then(|refused| refused.fault(words.0, "reason")),
        hint: Some(words.t("image-download-reason-hint")),
        required: true,
        max_length: Some(1000),
        autocomplete: Some("off"),
        ..TextField::default()
    })
}

fn unshared_archive(words: Words, content: String) -> impl IntoView {
    view! {
        <form class="form" method="get" action=content>
            {unshared_reason(words, ("archive", words.t("image-download-reason")), (None, ""))}
            <p class="actions"><button class="btn">{words.t("image-download")}</button></p>
        </form>
    }
}

/// Everything that is known of one; `staff` see whose it is and download its archive.
pub fn facts_card(words: Words, view: &ImageView, staff: bool) -> impl IntoView + use<> {
    let zone = look().zone;
    let fact = |key: &str, value: Option<String>| {
        value.map(|value| {
            view! {
                <dt>{words.t(key)}</dt>
                <dd>{value}</dd>
            }
        })
    };
    let owner = view.customer_name.clone().unwrap_or_else(|| words.t("image-owner-platform"));
    let reviewed = view.reviewed_at.map(|at| {
        view! {
            <dt>{words.t("image-reviewed")}</dt>
            <dd>{view.reviewed_by.clone()} " " {time(at, zone)}</dd>
        }
    });
    let content = view.file.map(|file| format!("/api/files/{file}/content")).filter(|content| ways::open_here(content));
    let alone = staff && !view.shared;
    let archive = content.map(|content| match alone {
        true => unshared_archive(words, content).into_any(),
        false => {
            view! { <p class="actions"><a class="btn" href=content download="">{words.t("image-download")}</a></p> }
                .into_any()
        }
    });
    let split = if view.memory_split { "\u{2713}" } else { NOT_MEASURED };
    view! {
        <section class="card">
            <header><h2>{words.t("image-facts")}</h2></header>
            <dl class="facts">
                {fact("image-source", Some(words.t(&format!("image-source-{}", view.source.code()))))}
                {fact("image-address", view.address.clone())}
                {fact("image-owner", staff.then_some(owner))}
                {fact("image-description", view.description.clone())}
                {fact("image-framework", Some(or_dash(view.framework.as_ref())))}
                {fact("image-cuda-version", Some(or_dash(view.cuda_version.as_ref())))}
                {fact("image-architecture", Some(architecture(words, view.architecture)))}
                {fact("image-memory-split-short", Some(split.to_owned()))}
                {fact("image-size", view.size.map(|bytes| size(Some(bytes))))}
                {fact("image-digest", view.digest.clone())}
                {fact("image-tags", (!view.tags.is_empty()).then(|| view.tags.join(", ")))}
                {fact("image-reason", view.reason.clone())}
                {reviewed}
                <dt>{words.t("image-created")}</dt>
                <dd>{view.created_by.clone()} " " {time(view.created_at, zone)}</dd>
                {fact("image-remark", view.remark.clone())}
            </dl>
            {archive}
        </section>
    }
}
