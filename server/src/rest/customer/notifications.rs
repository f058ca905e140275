//! /api/customer/notifications and how one wants to be told: for everybody who is signed in.

use axum::response::Response;
use contract::notifications::{NotificationPreferences, NotificationQuery, NotificationView, UnreadView};
use contract::{Envelope, NotificationId, Page};
use platform::notifications;

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
