//! What the log's lists have in common: their headings, filters that are chosen less often, and the line that says what is
//! filtered.

use contract::audit::DOORS;
use leptos::prelude::*;

use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, more_summary};
use crate::words::Words;

/// Value and word of each choice.
pub(crate) type Choices = Vec<(String, String)>;

/// The doors an event can have come through.
pub(crate) fn doors(words: Words) -> Choices {
    DOORS.map(|code| (code.to_owned(), words.t(&format!("audit-via-{code}")))).to_vec()
}

/// A choice with its name beside it.
pub(crate) fn choice(
    words: Words,
    list: &ListQuery,
    name: &'static str,
    label: &str,
    choices: Choices,
) -> impl IntoView + use<> {
    let options = std::iter::once((String::new(), words.t("filter-all"))).chain(choices).collect();
    view! {
        <label class="filter">
            <span>{words.t(label)}</span>
            <select name=name>{options_view(options, list.get(name))}</select>
        </label>
    }
}

/// A field with its name beside it.
pub(crate) fn field(words: Words, list: &ListQuery, name: &'static str, label: &str) -> impl IntoView + use<> {
    view! {
        <label class="filter">
            <span>{words.t(label)}</span>
            <input r#type="search" name=name value=list.get(name).to_owned() />
        </label>
    }
}

/// Behind a fold, which stands open while one of these filters is in force.
pub(crate) fn more<F: IntoView>(words: Words, list: &ListQuery, names: &[&str], fields: F) -> impl IntoView + use<F> {
    let open = names.iter().any(|name| !list.get(name).is_empty());
    view! {
        <details class="more-filters" open=open>
            {more_summary(words)}
            <div class="filter-grid">{fields}</div>
        </details>
    }
}

/// What is filtered, in words: each filter in force by its label, with what its value is called.
pub(crate) fn said(words: Words, filters: Vec<(&str, Option<String>)>) -> Option<impl IntoView + use<>> {
    let parts: Vec<_> =
        filters.into_iter().filter_map(|(label, value)| Some(words.labelled(words.t(label), value?))).collect();
    let what = parts.join(" · ");
    (!parts.is_empty()).then(|| view! { <p class="note-line">{words.with("audit-filtered", &[("what", what)])}</p> })
}

/// What the columns of [`super::list`] are.
pub(crate) fn heading(words: Words) -> impl IntoView {
    let columns = ["audit-at", "audit-actor", "audit-action", "audit-target", "audit-outcome"];
    view! { <div class="log-head">{columns.map(|key| view! { <span>{words.t(key)}</span> }).collect_view()}</div> }
}

/// From which day to which, each with what it is before it: two empty ones look alike.
pub(crate) fn days(words: Words, list: &ListQuery) -> impl IntoView + use<> {
    let day = |name: &'static str, key: &str| {
        let value = list.get(name).to_owned();
        view! {
            <label class="filter">
                <span>{words.t(key)}</span>
                <input r#type="date" name=name value=value />
            </label>
        }
    };
    view! { {day("from", "audit-from")} {day("until", "audit-until")} }
}
