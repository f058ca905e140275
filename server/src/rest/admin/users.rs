//! /api/admin/users: everybody's accounts, their roles and limits.

use app::role_words::{briefs_in_words, row_in_words, user_in_words};
use axum::response::Response;
use contract::accounts::{SessionView, SessionsEnded};
use contract::quotas::{Quota, QuotaUsage};
use contract::roles::{RoleAssign, RoleBrief};
use contract::users::{
    IdentityParting, UserBulk, UserCreate, UserCreated, UserPassword, UserQuery, UserRow, UserSecret, UserUpdate,
    UserView,
};
use contract::{BulkOutcome, Envelope, IdentityId, Page, PageQuery, RoleId, SessionId, UserId};
use platform::accounts::users;
use platform::{quotas, roles};

use super::exports;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, Params, Part, Rest};

/// Everybody, by name where nothing else is asked for; the deleted only when asked for.
#[utoipa::path(get, path = "/api/admin/users", tag = "users", params(UserQuery),
    responses((status = 200, body = Envelope<Page<UserRow>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<UserQuery>) -> Response {
    if wanted.0 {
        return exports::users(rest, Params(query)).await;
    }
    let language = rest.ctx.language();
    let found = users::list(&rest.platform, &rest.ctx, &query).await;
    rest.answer(found.map(|mut page| {
        page.list = page.list.into_iter().map(|row| row_in_words(language, row)).collect();
        page
    }))
    .await
}

/// Adds an account; the only answer that holds a password that was made.
#[utoipa::path(post, path = "/api/admin/users", tag = "users", request_body = UserCreate,
    responses((status = 201, body = Envelope<UserCreated>), (status = 409, description = "1401: a name is taken")))]
pub async fn create(rest: Rest, Body(user): Body<UserCreate>) -> Response {
    let language = rest.ctx.language();
    let made = users::create(&rest.platform, &rest.ctx, user).await;
    let made = made.map(|made| UserCreated { user: user_in_words(language, made.user), ..made });
    rest.created(made, |made| format!("/api/admin/users/{}", made.user.user.id)).await
}

async fn answer(rest: &Rest, result: platform::Result<UserView>) -> Response {
    rest.answer(result.map(|view| user_in_words(rest.ctx.language(), view))).await
}

/// One person, deleted or not.
#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<UserView>)))]
pub async fn get(rest: Rest, Part(id): Part<UserId>) -> Response {
    answer(&rest, users::get(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces what may change about an account.
#[utoipa::path(put, path = "/api/admin/users/{id}", tag = "users", params(("id" = UserId, Path)),
    request_body = UserUpdate,
    responses((status = 200, body = Envelope<UserView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<UserId>, Body(change): Body<UserUpdate>) -> Response {
    answer(&rest, users::update(&rest.platform, &rest.ctx, id, change).await).await
}

/// Deletes an account so that it can be brought back, and ends its sessions.
#[utoipa::path(delete, path = "/api/admin/users/{id}", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<UserView>),
        (status = 422, description = "1402: oneself, the last platform admin, or a customer's only owner")))]
pub async fn delete(rest: Rest, Part(id): Part<UserId>) -> Response {
    answer(&rest, users::delete(&rest.platform, &rest.ctx, id).await).await
}

/// Brings a deleted account back.
#[utoipa::path(post, path = "/api/admin/users/{id}/restore", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<UserView>), (status = 409, description = "1401: the name is taken now")))]
pub async fn restore(rest: Rest, Part(id): Part<UserId>) -> Response {
    answer(&rest, users::restore(&rest.platform, &rest.ctx, id).await).await
}

/// Ends the person's access within seconds.
#[utoipa::path(post, path = "/api/admin/users/{id}/disable", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<UserView>),
        (status = 422, description = "1402: oneself, or the last platform admin")))]
pub async fn disable(rest: Rest, Part(id): Part<UserId>) -> Response {
    answer(&rest, users::set_active(&rest.platform, &rest.ctx, id, false).await).await
}

/// Gives the person their access back.
#[utoipa::path(post, path = "/api/admin/users/{id}/enable", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<UserView>)))]
pub async fn enable(rest: Rest, Part(id): Part<UserId>) -> Response {
    answer(&rest, users::set_active(&rest.platform, &rest.ctx, id, true).await).await
}

/// One action with many; each stands for itself.
#[utoipa::path(post, path = "/api/admin/users/bulk", tag = "users", request_body = UserBulk,
    responses((status = 200, body = Envelope<Vec<BulkOutcome>>)))]
pub async fn bulk(rest: Rest, Body(body): Body<UserBulk>) -> Response {
    let result = match users::act_on_many(&rest.platform, &rest.ctx, body).await {
        Ok(outcomes) => Ok(app::door::outcomes(&rest.platform, &rest.ctx, outcomes).await),
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Gives the account a new password and ends its sessions; the only answer that holds a password that was made.
#[utoipa::path(post, path = "/api/admin/users/{id}/password", tag = "users", params(("id" = UserId, Path)),
    request_body = UserPassword, responses((status = 200, body = Envelope<UserSecret>),
        (status = 422, description = "1402: it has its password elsewhere, and `local` is not said")))]
pub async fn password(rest: Rest, Part(id): Part<UserId>, Body(body): Body<UserPassword>) -> Response {
    rest.answer(users::set_password(&rest.platform, &rest.ctx, id, body).await).await
}

/// Where the person is signed in: browsers, access tokens, API tokens; last used first.
#[utoipa::path(get, path = "/api/admin/users/{id}/sessions", tag = "users", params(("id" = UserId, Path), PageQuery),
    responses((status = 200, body = Envelope<Page<SessionView>>)))]
pub async fn sessions(rest: Rest, Part(id): Part<UserId>, Params(query): Params<PageQuery>) -> Response {
    rest.answer(users::sessions(&rest.platform, &rest.ctx, id, &query).await).await
}

/// Ends all of them within seconds, API tokens too.
#[utoipa::path(delete, path = "/api/admin/users/{id}/sessions", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<SessionsEnded>), (status = 422, description = "1402: one's own"),
        (status = 403, description = "1200: the person may what the caller does not hold")))]
pub async fn end_sessions(rest: Rest, Part(id): Part<UserId>) -> Response {
    rest.answer(users::end_sessions(&rest.platform, &rest.ctx, id).await).await
}

/// Ends one of them within seconds.
#[utoipa::path(delete, path = "/api/admin/users/{id}/sessions/{sessionId}", tag = "users",
    params(("id" = UserId, Path), ("sessionId" = SessionId, Path)),
    responses((status = 200, description = "Ended"), (status = 422, description = "1402: one's own"),
        (status = 403, description = "1200: the person may what the caller does not hold")))]
pub async fn end_session(rest: Rest, Part((id, session)): Part<(UserId, SessionId)>) -> Response {
    rest.answer(users::end_session(&rest.platform, &rest.ctx, id, session).await).await
}

/// Switches the second factor of somebody who lost it off, and ends their sessions; the person is told.
#[utoipa::path(delete, path = "/api/admin/users/{id}/totp", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<UserView>), (status = 422, description = "1402: one's own, or none is on"),
        (status = 403, description = "1200: the person may what the caller does not hold")))]
pub async fn reset_second_factor(rest: Rest, Part(id): Part<UserId>) -> Response {
    answer(&rest, users::reset_second_factor(&rest.platform, &rest.ctx, id).await).await
}

/// Parts the account from a sign-in service or directory that it is bound to; every session ends, and the person is told.
#[utoipa::path(delete, path = "/api/admin/users/{id}/identities/{identityId}", tag = "users",
    params(("id" = UserId, Path), ("identityId" = IdentityId, Path), IdentityParting),
    responses((status = 200, body = Envelope<UserView>),
        (status = 422, description = "1402: one's own, or the only way in and `onlyWay` does not say that it may go"),
        (status = 403, description = "1200: the person may what the caller does not hold")))]
pub async fn unlink_identity(
    rest: Rest,
    Part((id, identity)): Part<(UserId, IdentityId)>,
    Params(parting): Params<IdentityParting>,
) -> Response {
    answer(&rest, users::unlink_identity(&rest.platform, &rest.ctx, (id, identity), parting.only_way).await).await
}

/// Gives the person a role of the platform and signs them out.
#[utoipa::path(post, path = "/api/admin/users/{id}/roles", tag = "users", params(("id" = UserId, Path)),
    request_body = RoleAssign,
    responses((status = 200, body = Envelope<Vec<RoleBrief>>),
        (status = 403, description = "1200: it permits what the caller does not hold")))]
pub async fn assign(rest: Rest, Part(id): Part<UserId>, Body(body): Body<RoleAssign>) -> Response {
    let held = roles::assign(&rest.platform, &rest.ctx, id, body.role_id).await;
    rest.answer(held.map(|roles| briefs_in_words(rest.ctx.language(), roles))).await
}

/// Takes a role away and signs the person out.
#[utoipa::path(delete, path = "/api/admin/users/{id}/roles/{roleId}", tag = "users",
    params(("id" = UserId, Path), ("roleId" = RoleId, Path)),
    responses((status = 200, body = Envelope<Vec<RoleBrief>>), (status = 422, description = "1402: the last platform admin")))]
pub async fn revoke(rest: Rest, Part((id, role)): Part<(UserId, RoleId)>) -> Response {
    let held = roles::revoke(&rest.platform, &rest.ctx, id, role).await;
    rest.answer(held.map(|roles| briefs_in_words(rest.ctx.language(), roles))).await
}

/// The person's limits; null is unlimited.
#[utoipa::path(get, path = "/api/admin/users/{id}/quota", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<Quota>)))]
pub async fn quota(rest: Rest, Part(id): Part<UserId>) -> Response {
    rest.answer(quotas::of_user(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces them.
#[utoipa::path(put, path = "/api/admin/users/{id}/quota", tag = "users", params(("id" = UserId, Path)),
    request_body = Quota, responses((status = 200, body = Envelope<Quota>)))]
pub async fn set_quota(rest: Rest, Part(id): Part<UserId>, Body(quota): Body<Quota>) -> Response {
    rest.answer(quotas::set_of_user(&rest.platform, &rest.ctx, id, quota).await).await
}

/// The limits beside what is used now; null is what nothing counts yet.
#[utoipa::path(get, path = "/api/admin/users/{id}/quota/usage", tag = "users", params(("id" = UserId, Path)),
    responses((status = 200, body = Envelope<Vec<QuotaUsage>>)))]
pub async fn quota_usage(rest: Rest, Part(id): Part<UserId>) -> Response {
    rest.answer(quotas::usage_of_user(&rest.platform, &rest.ctx, id).await).await
}
