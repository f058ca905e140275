//! `/notifications`: what one was told, newest first.

use contract::Page;
use contract::notifications::{NotificationQuery, NotificationView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::{ReadAllNotifications, ReadNotification};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::form_fault;
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/notifications`.
#[component]
pub fn NotificationsPage() -> impl IntoView {
    let names = ["unread", "pageSize", "page"];
    let list = ListQuery::here(paths::NOTIFICATIONS, names);
    let query = NotificationQuery {
        page: list.page(),
        page_size: list.page_size(),
        unread: Some(list.get("unread") == "true"),
    };
    let (platform, ctx) = door();
    page(async move { platform::notifications::list(&platform, &ctx, &query).await }, move |page| {
        notifications_view(list, page)
    })
}

fn notifications_view(query: ListQuery, page: Page<NotificationView>) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let only_unread = query.get("unread") == "true";
    let any_unread = page.list.iter().any(|row| row.read_at.is_none());
    let head = PageFrame::new(words.t("notifications-title"), Area::Elsewhere).actions(any_unread.then(|| {
        view! {
            <form method="post" action=ReadAllNotifications::url()>
                <button class="btn">{words.t("notifications-read-all")}</button>
            </form>
        }
    }));
    let (switch, href) = if only_unread {
        (words.t("notifications-show-all"), paths::NOTIFICATIONS.to_owned())
    } else {
        (words.t("notifications-show-unread"), query.with(&[("unread", "true"), ("page", "")]))
    };
    let body = if let Some(past) = past_the_end(words, &query, page.page, page.page_size, page.total) {
        past
    } else if page.list.is_empty() {
        let word = words.t(if only_unread { "notifications-none-unread" } else { "notifications-empty" });
        view! { <div class="empty"><p>{word}</p></div> }.into_any()
    } else {
        let pager = pager(words, &query, page.page, page.page_size, page.total);
        let rows = page.list.into_iter().map(|row| line(words, row)).collect_view();
        view! {
            {list_table(words.t("notifications-title"), view! {
                <th scope="col">{words.t("notifications-at")}</th>
                <th scope="col">{words.t("notifications-what")}</th>
                <th scope="col">{words.t("notifications-state")}</th>
                <th scope="col">{words.t("list-actions")}</th>
            }, rows)}
            {pager}
        }
        .into_any()
    };
    frame(
        head,
        view! {
            {form_fault(refused)}
            <section class="card">
                <p class="filters">
                    <a class="btn ghost" href=href>{switch}</a>
                    <a class="btn ghost" href=paths::notification_choices()>{words.t("notifications-choices")}</a>
                </p>
                {body}
            </section>
        },
    )
}

fn line(words: Words, row: NotificationView) -> impl IntoView {
    let unread = row.read_at.is_none();
    let state = if unread {
        state(Tone::Info, words.t("notifications-unread")).into_any()
    } else {
        state(Tone::Off, words.t("notifications-read")).into_any()
    };
    let button = if row.link.is_some() { "notifications-open" } else { "notifications-mark-read" };
    let acts = unread || row.link.is_some();
    let message = row.message.clone();
    view! {
        <tr>
            <td data-label=words.t("notifications-at")>{time(row.created_at, look().zone)}</td>
            <th scope="row" class="says">{row.message}</th>
            <td data-label=words.t("notifications-state")>{state}</td>
            <td data-label=words.t("list-actions")>
                {acts.then(|| view! {
                    <form method="post" action=ReadNotification::url()>
                        <input r#type="hidden" name="id" value=row.id.to_string() />
                        <input r#type="hidden" name="next" value=row.link.unwrap_or_default() />
                        <button class="btn small" title=message>{words.t(button)}</button>
                    </form>
                })}
            </td>
        </tr>
    }
}
