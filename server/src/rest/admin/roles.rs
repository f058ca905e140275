//! /api/admin/roles and /api/admin/permissions.

use app::role_words::{permission_title, permissions_in_words, role_in_words, roles_in_words};
use axum::response::Response;
use contract::roles::{PermissionView, RoleHolder, RoleQuery, RoleView, RoleWrite};
use contract::{Envelope, Page, PageQuery, RoleId};
use platform::roles;
use sheets::write::Kind;

use crate::rest::workbook::{AsWorkbook, List, download, say};
use crate::rest::{Body, Params, Part, Rest};

/// Between several values of a cell.
const BETWEEN: &str = ", ";

/// Every role, or those that are looked for, the built-in ones first.
#[utoipa::path(get, path = "/api/admin/roles", tag = "roles", params(RoleQuery),
    responses((status = 200, body = Envelope<Page<RoleView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<RoleQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    let language = rest.ctx.language();
    let found = roles::list(&rest.platform, &rest.ctx).await;
    let page = found.and_then(|all| roles::page_of_found(roles_in_words(language, all, query.q.as_deref()), &query));
    rest.answer(page).await
}

/// All of them, or those that are looked for, as a workbook; that it was taken away is in the log.
#[utoipa::path(get, path = "/api/admin/roles/export", tag = "roles", params(RoleQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<RoleQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let columns = [
            ("role-name", 24.0, Kind::Text),
            ("role-code", 18.0, Kind::Text),
            ("role-kind", 12.0, Kind::Text),
            ("role-description", 40.0, Kind::Text),
            ("role-holders", 10.0, Kind::Number),
            ("role-permissions", 60.0, Kind::Text),
        ];
        let mut list = List::new(language, "roles-title", &columns)?;
        let all = roles::export(&rest.platform, &rest.ctx, &query).await?;
        for role in roles_in_words(language, all, query.q.as_deref()) {
            let kind = if role.builtin { "role-builtin" } else { "role-custom" };
            let permissions: Vec<_> =
                role.permissions.iter().map(|permission| permission_title(language, *permission)).collect();
            list.row(&[
                role.name.into(),
                role.code.into(),
                say(language, kind, &[]).into(),
                role.description.into(),
                role.holder_count.into(),
                permissions.join(BETWEEN).into(),
            ])?;
        }
        list.finish()
    };
    download(&rest, built.await, "roles").await
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
