//! What the pages and forms of roles call.

use contract::roles::{RoleQuery, RoleView};
use contract::{ApiError, Page, RoleId};
use leptos::prelude::*;

use super::form::RoleForm;
#[cfg(feature = "ssr")]
use crate::{door, paths, role_words};

/// A page of the roles, or of those that are looked for.
#[server]
pub async fn list_roles(#[server(default)] query: RoleQuery) -> Result<Page<RoleView>, ApiError> {
    let (platform, ctx) = door::door();
    let roles = platform::roles::list(&platform, &ctx).await;
    let found = |roles| role_words::roles_in_words(ctx.language(), roles, query.q.as_deref());
    let page = roles.and_then(|roles| platform::roles::page_of_found(found(roles), &query));
    door::answer(&platform, &ctx, page).await
}

/// Makes a role and goes to it.
#[server]
pub async fn create_role(#[server(default)] form: RoleForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(body) => platform::roles::create(&platform, &ctx, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::RolesManage).and(Err(error)),
    };
    let next = |role: RoleView| paths::role_done(role.id, "made");
    door::form_answer((&platform, &ctx), result, next, paths::ROLE_NEW, form.typed()).await
}

/// Changes a role and goes back to it.
#[server]
pub async fn update_role(id: RoleId, #[server(default)] form: RoleForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(body) => platform::roles::update(&platform, &ctx, id, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::RolesManage).and(Err(error)),
    };
    let next = |_| paths::role_done(id, "changed");
    door::form_answer((&platform, &ctx), result, next, &paths::role_edit(id), form.typed()).await
}

/// Deletes a role that nobody holds.
#[server]
pub async fn delete_role(id: RoleId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::roles::delete(&platform, &ctx, id).await;
    let next = |()| paths::role_deleted();
    door::form_answer((&platform, &ctx), result, next, &paths::role(id), Vec::new()).await
}
