//! One's own notifications.

use contract::notifications::{NotificationQuery, NotificationView};
use contract::{ApiError, NotificationId, Page};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of them, newest first.
#[server]
pub async fn list_notifications(
    #[server(default)] query: NotificationQuery,
) -> Result<Page<NotificationView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::notifications::list(&platform, &ctx, &query).await).await
}

/// Marks one as read and goes to what it is about.
#[server]
pub async fn read_notification(id: NotificationId, #[server(default)] next: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::notifications::mark_read(&platform, &ctx, id).await;
    let next = paths::local(&next).unwrap_or(paths::NOTIFICATIONS).to_owned();
    door::form_answer((&platform, &ctx), result, |()| next, paths::NOTIFICATIONS, Vec::new()).await
}

/// Marks all as read.
#[server]
pub async fn read_all_notifications() -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::notifications::mark_all_read(&platform, &ctx).await;
    let next = |()| paths::NOTIFICATIONS.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::NOTIFICATIONS, Vec::new()).await
}

/// Keeps how one wants to be told; a kind that is not among the posted ones is not told that way.
#[server]
pub async fn choose_notifications(
    #[server(default)] in_app: Vec<String>,
    #[server(default)] mail: Vec<String>,
    #[server(default)] quiet_from: String,
    #[server(default)] quiet_until: String,
) -> Result<(), ApiError> {
    use contract::notifications::{NotificationChoice, NotificationKind, NotificationPreferences};
    let (platform, ctx) = door::door();
    let typed = vec![
        ("quiet_from", quiet_from.clone()),
        ("quiet_until", quiet_until.clone()),
        ("in_app", in_app.join(",")),
        ("mail", mail.join(",")),
    ];
    let has = |list: &[String], kind: NotificationKind| list.iter().any(|word| word == kind.code());
    let choices = NotificationKind::ALL
        .map(|kind| NotificationChoice { kind, in_app: has(&in_app, kind), mail: has(&mail, kind) })
        .into();
    let body = NotificationPreferences { choices, quiet_from: Some(quiet_from), quiet_until: Some(quiet_until) };
    let result = platform::notifications::set_preferences(&platform, &ctx, body).await;
    door::form_answer((&platform, &ctx), result, |_| paths::ACCOUNT.to_owned(), paths::ACCOUNT, typed).await
}
