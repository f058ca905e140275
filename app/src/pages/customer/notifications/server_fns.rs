//! One's own notifications.

use contract::notifications::{ChannelView, NotificationQuery, NotificationView, WebhookCreated};
use contract::{ApiError, ChannelId, NotificationId, Page};
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
    #[server(default)] webhook: Vec<String>,
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
        ("webhook", webhook.join(",")),
    ];
    let has = |list: &[String], kind: NotificationKind| list.iter().any(|word| word == kind.code());
    // The boxes of what is always told are not posted.
    let choices = NotificationKind::ALL
        .into_iter()
        .filter(|kind| !kind.is_security())
        .map(|kind| NotificationChoice {
            kind,
            in_app: has(&in_app, kind),
            mail: has(&mail, kind),
            webhook: has(&webhook, kind),
        })
        .collect();
    let body = NotificationPreferences { choices, quiet_from: Some(quiet_from), quiet_until: Some(quiet_until) };
    let result = platform::notifications::set_preferences(&platform, &ctx, body).await;
    door::form_answer((&platform, &ctx), result, |_| paths::ACCOUNT.to_owned(), paths::ACCOUNT, typed).await
}

/// One's webhooks.
#[server]
pub async fn list_webhooks() -> Result<Vec<ChannelView>, ApiError> {
    use platform::notifications::{Whose, list_channels};
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, list_channels(&platform, &ctx, Whose::Own).await).await
}

/// Adds one. Who reads pages finds its secret on the next one, once.
#[server]
pub async fn add_webhook(
    #[server(default)] name: String,
    #[server(default)] url: String,
    #[server(default)] secret: String,
) -> Result<Option<WebhookCreated>, ApiError> {
    use contract::notifications::WebhookCreate;
    use platform::accounts::{ShownOnce, keep_for_page};
    let (platform, ctx) = door::door();
    let typed = vec![("form", "new".to_owned()), ("name", name.clone())];
    let result = async {
        let body = WebhookCreate { name, url, secret: Some(secret) };
        let made = platform::notifications::add_webhook(&platform, &ctx, body).await?;
        if door::wants_page() {
            keep_for_page(&platform, &ctx, ShownOnce::WebhookSecret, &made.secret).await?;
        }
        Ok(made)
    };
    match result.await {
        Ok(made) if !door::wants_page() => Ok(Some(made)),
        result => {
            let next = |_| paths::channels_done(paths::ACCOUNT_WEBHOOKS, "added");
            let answer = door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_WEBHOOKS, typed);
            answer.await.map(|()| None)
        }
    }
}

/// Changes one; an empty address or secret stays what it is.
#[server]
pub async fn change_webhook(
    id: ChannelId,
    #[server(default)] name: String,
    #[server(default)] url: String,
    #[server(default)] secret: String,
    #[server(default)] enabled: bool,
) -> Result<(), ApiError> {
    use platform::notifications::{Whose, update_channel};
    let (platform, ctx) = door::door();
    let typed = vec![("form", id.to_string()), ("name", name.clone())];
    let result = match super::channels::change_of(name, url, secret, false, enabled, None) {
        Ok(body) => update_channel(&platform, &ctx, Whose::Own, id, body).await,
        Err(error) => Err(error),
    };
    let next = |_| paths::channels_done(paths::ACCOUNT_WEBHOOKS, "saved");
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_WEBHOOKS, typed).await
}

/// Removes one, with what it still had to deliver.
#[server]
pub async fn remove_webhook(id: ChannelId) -> Result<(), ApiError> {
    use platform::notifications::{Whose, remove_channel};
    let (platform, ctx) = door::door();
    let result = remove_channel(&platform, &ctx, Whose::Own, id).await;
    let next = |()| paths::channels_done(paths::ACCOUNT_WEBHOOKS, "removed");
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_WEBHOOKS, Vec::new()).await
}

/// Sends a test message now; the page says how far it came.
#[server]
pub async fn test_webhook(id: ChannelId) -> Result<(), ApiError> {
    use platform::notifications::{Whose, test_channel};
    let (platform, ctx) = door::door();
    let result = test_channel(&platform, &ctx, Whose::Own, id).await;
    let next = |ended| super::channels::tested(Whose::Own, id, ended);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_WEBHOOKS, Vec::new()).await
}
