//! Days and addresses of the filters that do not read: without a word, the list would look as if it were filtered.

use contract::audit::is_network;
use leptos::prelude::*;

use super::list::at_midnight;
use crate::ui::lists::ListQuery;
use crate::words::Words;

/// What is said of each, below the filters.
pub(crate) fn unread(words: Words, list: &ListQuery) -> AnyView {
    let address = Some(list.get("address").to_owned()).filter(|typed| !typed.is_empty() && !is_network(typed));
    let address = address.map(|typed| {
        words.with("audit-address-unread", &[("field", words.t("audit-filter-address")), ("typed", typed)])
    });
    let address = address.map(|text| view! { <p class="note-line fault" role="alert">{text}</p> });
    view! { {unread_days(words, list, ["audit-from", "audit-until"])} {address} }.into_any()
}

/// The same of the days alone, `from` and `until`, with the keys of what they are called there.
pub(crate) fn unread_days(words: Words, list: &ListQuery, labels: [&str; 2]) -> AnyView {
    let said = ["from", "until"].into_iter().zip(labels).filter_map(|(name, key)| {
        let typed = list.get(name).to_owned();
        let unread = !typed.is_empty() && at_midnight(&typed, 0).is_none();
        unread.then(|| words.with("audit-day-unread", &[("field", words.t(key)), ("typed", typed)]))
    });
    said.map(|text| view! { <p class="note-line fault" role="alert">{text}</p> }).collect_view().into_any()
}
