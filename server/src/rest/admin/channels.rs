//! /api/admin/notification-channels: the platform's robots in chat groups.

use axum::response::Response;
use contract::notifications::{
    ChannelCreate, ChannelTestView, ChannelUpdate, ChannelView, DeliveryQuery, DeliveryView,
};
use contract::{ChannelId, Envelope, Page};
use platform::notifications::{self, Whose};
use platform::outbound::Failure;

use crate::rest::{Body, Params, Part, Rest};

/// All of them; of their addresses only the hosts.
#[utoipa::path(get, path = "/api/admin/notification-channels", tag = "notifications",
    responses((status = 200, body = Envelope<Vec<ChannelView>>)))]
pub async fn list(rest: Rest) -> Response {
    rest.answer(notifications::list_channels(&rest.platform, &rest.ctx, Whose::Platform).await).await
}

/// Adds a robot of WeCom, DingTalk or Feishu.
#[utoipa::path(post, path = "/api/admin/notification-channels", tag = "notifications", request_body = ChannelCreate,
    responses((status = 201, body = Envelope<ChannelView>)))]
pub async fn create(rest: Rest, Body(body): Body<ChannelCreate>) -> Response {
    let result = notifications::add_channel(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |_| "/api/admin/notification-channels".to_owned()).await
}

/// Changes one; what is absent stays as it is.
#[utoipa::path(put, path = "/api/admin/notification-channels/{id}", tag = "notifications",
    params(("id" = ChannelId, Path)), request_body = ChannelUpdate,
    responses((status = 200, body = Envelope<ChannelView>)))]
pub async fn update(rest: Rest, Part(id): Part<ChannelId>, Body(body): Body<ChannelUpdate>) -> Response {
    rest.answer(notifications::update_channel(&rest.platform, &rest.ctx, Whose::Platform, id, body).await).await
}

/// Removes one, with what it still had to deliver.
#[utoipa::path(delete, path = "/api/admin/notification-channels/{id}", tag = "notifications",
    params(("id" = ChannelId, Path)), responses((status = 200, description = "Removed")))]
pub async fn remove(rest: Rest, Part(id): Part<ChannelId>) -> Response {
    rest.answer(notifications::remove_channel(&rest.platform, &rest.ctx, Whose::Platform, id).await).await
}

/// Sends a test message now and says how far it came, and what that means.
#[utoipa::path(post, path = "/api/admin/notification-channels/{id}/test", tag = "notifications",
    params(("id" = ChannelId, Path)), responses((status = 200, body = Envelope<ChannelTestView>)))]
pub async fn test(rest: Rest, Part(id): Part<ChannelId>) -> Response {
    let result = notifications::test_channel(&rest.platform, &rest.ctx, Whose::Platform, id).await;
    rest.answer(result.map(|ended| tested(&rest, ended))).await
}

/// What went out over them or is to go out, newest first.
#[utoipa::path(get, path = "/api/admin/notification-channels/deliveries", tag = "notifications",
    params(DeliveryQuery), responses((status = 200, body = Envelope<Page<DeliveryView>>)))]
pub async fn deliveries(rest: Rest, Params(query): Params<DeliveryQuery>) -> Response {
    rest.answer(notifications::deliveries(&rest.platform, &rest.ctx, Whose::Platform, &query).await).await
}

/// How far a test came, in the caller's language.
pub(in crate::rest) fn tested(rest: &Rest, ended: Result<(), Failure>) -> ChannelTestView {
    let failure = ended.err();
    let step = failure.as_ref().map_or("done", |failure| failure.step.code());
    ChannelTestView {
        accepted: failure.is_none(),
        step: step.to_owned(),
        status: failure.as_ref().and_then(|failure| failure.status),
        message: texts::message(rest.ctx.language(), &format!("channel-test-{step}"), &[]),
        detail: failure.map(|failure| failure.detail),
    }
}
