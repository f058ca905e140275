//! /api/customer/notifications and how one wants to be told: for everybody who is signed in.

use axum::response::Response;
use contract::notifications::{
    ChannelTestView, ChannelUpdate, ChannelView, DeliveryQuery, DeliveryView, NotificationPreferences,
    NotificationQuery, NotificationView, UnreadView, WebhookCreate, WebhookCreated,
};
use contract::{ChannelId, Envelope, NotificationId, Page};
use platform::notifications::{self, Whose};

use crate::rest::admin::channels::tested;
use crate::rest::{Body, Params, Part, Rest};

/// One's own, newest first.
#[utoipa::path(get, path = "/api/customer/notifications", tag = "notifications", params(NotificationQuery),
    responses((status = 200, body = Envelope<Page<NotificationView>>)))]
pub async fn list(rest: Rest, Params(query): Params<NotificationQuery>) -> Response {
    rest.answer(notifications::list(&rest.platform, &rest.ctx, &query).await).await
}

/// How many were not read yet.
#[utoipa::path(get, path = "/api/customer/notifications/unread", tag = "notifications",
    responses((status = 200, body = Envelope<UnreadView>)))]
pub async fn unread(rest: Rest) -> Response {
    rest.answer(notifications::unread(&rest.platform, &rest.ctx).await).await
}

/// Marks one as read.
#[utoipa::path(post, path = "/api/customer/notifications/{id}/read", tag = "notifications",
    params(("id" = NotificationId, Path)), responses((status = 200, description = "Read")))]
pub async fn read(rest: Rest, Part(id): Part<NotificationId>) -> Response {
    rest.answer(notifications::mark_read(&rest.platform, &rest.ctx, id).await).await
}

/// Marks all as read.
#[utoipa::path(post, path = "/api/customer/notifications/read-all", tag = "notifications",
    responses((status = 200, description = "Read")))]
pub async fn read_all(rest: Rest) -> Response {
    rest.answer(notifications::mark_all_read(&rest.platform, &rest.ctx).await).await
}

/// How one wants to be told.
#[utoipa::path(get, path = "/api/customer/settings/notifications", tag = "notifications",
    responses((status = 200, body = Envelope<NotificationPreferences>)))]
pub async fn preferences(rest: Rest) -> Response {
    rest.answer(notifications::preferences(&rest.platform, &rest.ctx).await).await
}

/// Keeps it; kinds that are not named stay as they are.
#[utoipa::path(put, path = "/api/customer/settings/notifications", tag = "notifications",
    request_body = NotificationPreferences, responses((status = 200, body = Envelope<NotificationPreferences>)))]
pub async fn set_preferences(rest: Rest, Body(body): Body<NotificationPreferences>) -> Response {
    rest.answer(notifications::set_preferences(&rest.platform, &rest.ctx, body).await).await
}

/// One's webhooks; of their addresses only the hosts.
#[utoipa::path(get, path = "/api/customer/settings/notifications/webhooks", tag = "notifications",
    responses((status = 200, body = Envelope<Vec<ChannelView>>)))]
pub async fn webhooks(rest: Rest) -> Response {
    rest.answer(notifications::list_channels(&rest.platform, &rest.ctx, Whose::Own).await).await
}

/// Adds one. Its messages are signed as Standard Webhooks says; the secret is told this once. An API token cannot add one.
#[utoipa::path(post, path = "/api/customer/settings/notifications/webhooks", tag = "notifications",
    request_body = WebhookCreate, responses((status = 201, body = Envelope<WebhookCreated>)))]
pub async fn add_webhook(rest: Rest, Body(body): Body<WebhookCreate>) -> Response {
    let result = notifications::add_webhook(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |_| "/api/customer/settings/notifications/webhooks".to_owned()).await
}

/// Changes one; what is absent stays as it is.
#[utoipa::path(put, path = "/api/customer/settings/notifications/webhooks/{id}", tag = "notifications",
    params(("id" = ChannelId, Path)), request_body = ChannelUpdate,
    responses((status = 200, body = Envelope<ChannelView>)))]
pub async fn update_webhook(rest: Rest, Part(id): Part<ChannelId>, Body(body): Body<ChannelUpdate>) -> Response {
    rest.answer(notifications::update_channel(&rest.platform, &rest.ctx, Whose::Own, id, body).await).await
}

/// Removes one, with what it still had to deliver.
#[utoipa::path(delete, path = "/api/customer/settings/notifications/webhooks/{id}", tag = "notifications",
    params(("id" = ChannelId, Path)), responses((status = 200, description = "Removed")))]
pub async fn remove_webhook(rest: Rest, Part(id): Part<ChannelId>) -> Response {
    rest.answer(notifications::remove_channel(&rest.platform, &rest.ctx, Whose::Own, id).await).await
}

/// Sends a test message now and says how far it came, and what that means.
#[utoipa::path(post, path = "/api/customer/settings/notifications/webhooks/{id}/test", tag = "notifications",
    params(("id" = ChannelId, Path)), responses((status = 200, body = Envelope<ChannelTestView>)))]
pub async fn test_webhook(rest: Rest, Part(id): Part<ChannelId>) -> Response {
    let result = notifications::test_channel(&rest.platform, &rest.ctx, Whose::Own, id).await;
    rest.answer(result.map(|ended| tested(&rest, ended))).await
}

/// What went out over one's webhooks or is to go out, newest first.
#[utoipa::path(get, path = "/api/customer/settings/notifications/deliveries", tag = "notifications",
    params(DeliveryQuery), responses((status = 200, body = Envelope<Page<DeliveryView>>)))]
pub async fn deliveries(rest: Rest, Params(query): Params<DeliveryQuery>) -> Response {
    rest.answer(notifications::deliveries(&rest.platform, &rest.ctx, Whose::Own, &query).await).await
}
