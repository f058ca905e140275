//! /api/admin/settings/registries: registries of images that want to know who asks.

use axum::response::Response;
use contract::registries::{RegistryTest, RegistryView, RegistryWrite};
use contract::{Envelope, RegistryId};
use platform::images;

use crate::rest::{Body, Part, Rest};

/// Every registry; of passwords only whether they are set.
#[utoipa::path(get, path = "/api/admin/settings/registries", tag = "settings",
    responses((status = 200, body = Envelope<Vec<RegistryView>>)))]
pub async fn list(rest: Rest) -> Response {
    rest.answer(images::list_registries(&rest.platform, &rest.ctx).await).await
}

/// Attaches one: engines pull images of its address by its name and password.
#[utoipa::path(post, path = "/api/admin/settings/registries", tag = "settings", request_body = RegistryWrite,
    responses((status = 201, body = Envelope<RegistryView>), (status = 409, description = "1401: its address is there")))]
pub async fn create(rest: Rest, Body(body): Body<RegistryWrite>) -> Response {
    let made = images::create_registry(&rest.platform, &rest.ctx, body).await;
    rest.created(made, |view| format!("/api/admin/settings/registries/{}", view.id)).await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/settings/registries/{id}", tag = "settings", params(("id" = RegistryId, Path)),
    responses((status = 200, body = Envelope<RegistryView>)))]
pub async fn get(rest: Rest, Part(id): Part<RegistryId>) -> Response {
    rest.answer(images::get_registry(&rest.platform, &rest.ctx, id).await).await
}

/// Makes it what the body says. Without a password the stored one stays, unless it would go to somebody else now.
#[utoipa::path(put, path = "/api/admin/settings/registries/{id}", tag = "settings", params(("id" = RegistryId, Path)),
    request_body = RegistryWrite,
    responses((status = 200, body = Envelope<RegistryView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<RegistryId>, Body(body): Body<RegistryWrite>) -> Response {
    rest.answer(images::update_registry(&rest.platform, &rest.ctx, id, body).await).await
}

/// Forgets it with its password; what was pulled from it stays where it is.
#[utoipa::path(delete, path = "/api/admin/settings/registries/{id}", tag = "settings", params(("id" = RegistryId, Path)),
    responses((status = 200, description = "Forgotten")))]
pub async fn delete(rest: Rest, Part(id): Part<RegistryId>) -> Response {
    rest.answer(images::delete_registry(&rest.platform, &rest.ctx, id).await).await
}

/// Asks it whether it takes us for who we say that we are; the answer says what is wrong where it does not.
#[utoipa::path(post, path = "/api/admin/settings/registries/{id}/test", tag = "settings",
    params(("id" = RegistryId, Path)), responses((status = 200, body = Envelope<RegistryTest>)))]
pub async fn test(rest: Rest, Part(id): Part<RegistryId>) -> Response {
    rest.answer(images::test_registry(&rest.platform, &rest.ctx, id).await).await
}
