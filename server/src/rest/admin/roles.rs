//! /api/admin/roles and /api/admin/permissions.

use app::role_words::{permissions_in_words, role_in_words, roles_in_words};
use axum::response::Response;
use contract::roles::{PermissionView, RoleHolder, RoleQuery, RoleView, RoleWrite};
use contract::{Envelope, Page, PageQuery, RoleId};
use platform::roles;

use crate::rest::{Body, Params, Part, Rest};

/// Every role, or those that are looked for, the built-in ones first.
#[utoipa::path(get, path = "/api/admin/roles", tag = "roles", params(RoleQuery),
    responses((status = 200, body = Envelope<Vec<RoleView>>)))]
pub async fn list(rest: Rest, Params(query): Params<RoleQuery>) -> Response {
    let language = rest.ctx.language();
    let found = roles::list(&rest.platform, &rest.ctx).await;
    rest.answer(found.map(|list| roles_in_words(language, list, query.q.as_deref()))).await
}

/// Makes a role from permissions that the caller holds.
#[utoipa::path(post, path = "/api/admin/roles", tag = "roles", request_body = RoleWrite,
    responses((status = 201, body = Envelope<RoleView>),
        (status = 403, description = "1200: it would permit what the caller does not hold")))]
pub async fn create(rest: Rest, Body(role): Body<RoleWrite>) -> Response {
    let made = roles::create(&rest.platform, &rest.ctx, role).await;
    rest.created(made, |role| format!("/api/admin/roles/{}", role.id)).await
}

/// One role.
#[utoipa::path(get, path = "/api/admin/roles/{id}", tag = "roles", params(("id" = RoleId, Path)),
    responses((status = 200, body = Envelope<RoleView>)))]
pub async fn get(rest: Rest, Part(id): Part<RoleId>) -> Response {
    let found = roles::get(&rest.platform, &rest.ctx, id).await;
    rest.answer(found.map(|role| role_in_words(rest.ctx.language(), role))).await
}

/// Replaces name, description and permissions of a custom role.
#[utoipa::path(put, path = "/api/admin/roles/{id}", tag = "roles", params(("id" = RoleId, Path)),
    request_body = RoleWrite,
    responses((status = 200, body = Envelope<RoleView>), (status = 409, description = "1400: changed meanwhile"),
        (status = 422, description = "1402: it is built in")))]
pub async fn update(rest: Rest, Part(id): Part<RoleId>, Body(role): Body<RoleWrite>) -> Response {
    rest.answer(roles::update(&rest.platform, &rest.ctx, id, role).await).await
}

/// Deletes a custom role that nobody holds.
#[utoipa::path(delete, path = "/api/admin/roles/{id}", tag = "roles", params(("id" = RoleId, Path)),
    responses((status = 200, description = "Deleted"),
        (status = 422, description = "1402: it is built in, or held; data.fields.holders says by whom")))]
pub async fn delete(rest: Rest, Part(id): Part<RoleId>) -> Response {
    rest.answer(roles::delete(&rest.platform, &rest.ctx, id).await).await
}

/// Who holds it.
#[utoipa::path(get, path = "/api/admin/roles/{id}/holders", tag = "roles", params(("id" = RoleId, Path), PageQuery),
    responses((status = 200, body = Envelope<Page<RoleHolder>>)))]
pub async fn holders(rest: Rest, Part(id): Part<RoleId>, Params(query): Params<PageQuery>) -> Response {
    rest.answer(roles::holders(&rest.platform, &rest.ctx, id, &query).await).await
}

/// Everything that can be permitted.
#[utoipa::path(get, path = "/api/admin/permissions", tag = "roles",
    responses((status = 200, body = Envelope<Vec<PermissionView>>)))]
pub async fn permissions(rest: Rest) -> Response {
    let found = roles::permissions(&rest.platform, &rest.ctx).await;
    rest.answer(found.map(|list| permissions_in_words(rest.ctx.language(), list))).await
}
