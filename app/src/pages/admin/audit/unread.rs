//! Days of the filters that do not read: without a word, the list would look as if it were filtered.

use leptos::prelude::*;

use super::list::at_midnight;
use crate::ui::lists::ListQuery;
use crate::words::Words;

/// What is said of each, below the filters.
pub(crate) fn unread_days(words: Words, list: &ListQuery) -> AnyView {
    let said = [("from", "audit-from"), ("until", "audit-until")].into_iter().filter_map(|(name, key)| {
        let typed = list.get(name).to_owned();
        let unread = !typed.is_empty() && at_midnight(&typed, 0).is_none();
        unread.then(|| words.with("audit-day-unread", &[("field", words.t(key)), ("typed", typed)]))
    });
    said.map(|text| view! { <p class="note-line fault" role="alert">{text}</p> }).collect_view().into_any()
}
