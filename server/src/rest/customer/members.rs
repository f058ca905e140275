//! /api/customer/members and /api/customer/owner: for the customer's owners.

use axum::response::Response;
use contract::customers::{MemberCreate, MemberQuery, MemberSecret, MemberUpdate, OwnerTransfer};
use contract::{Envelope, UserId};
use platform::customers;

use crate::rest::admin::exports;
use crate::rest::{Body, Params, Part, Rest};

/// Refused to the customer's people, whomever the body names: they bring people in at `invitations`, because who makes an
/// account knows its password. Staff make accounts at `/api/admin/customers/{id}/members`.
#[utoipa::path(post, path = "/api/customer/members", tag = "customers", request_body = MemberCreate,
    responses((status = 201, body = Envelope<MemberSecret>, description = "For staff alone, while they act for a customer"),
        (status = 403, description = "1200: invite by mail")))]
pub async fn add(rest: Rest, Body(member): Body<MemberCreate>) -> Response {
    let made = customers::add_my_member(&rest.platform, &rest.ctx, member).await;
    rest.created(made, |_| "/api/customer/members".to_owned()).await
}

/// Its people and those who are invited, or those who are looked for, as a workbook; for owners. That it was taken away is in
/// the log.
#[utoipa::path(get, path = "/api/customer/members/export", tag = "customers", params(MemberQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<MemberQuery>) -> Response {
    exports::people_of(rest, None, query).await
}

/// Makes somebody an owner or a member, and ends their sessions for the customer.
#[utoipa::path(put, path = "/api/customer/members/{userId}", tag = "customers", params(("userId" = UserId, Path)),
    request_body = MemberUpdate,
    responses((status = 200, description = "Changed"), (status = 422, description = "1402: the last owner")))]
pub async fn update(rest: Rest, Part(user): Part<UserId>, Body(body): Body<MemberUpdate>) -> Response {
    rest.answer(customers::set_my_member_role(&rest.platform, &rest.ctx, user, body).await).await
}

/// Removes somebody; the account stays.
#[utoipa::path(delete, path = "/api/customer/members/{userId}", tag = "customers", params(("userId" = UserId, Path)),
    responses((status = 200, description = "Removed"), (status = 422, description = "1402: the last owner")))]
pub async fn remove(rest: Rest, Part(user): Part<UserId>) -> Response {
    rest.answer(customers::remove_my_member(&rest.platform, &rest.ctx, user).await).await
}

/// Makes one of its people the only owner.
#[utoipa::path(put, path = "/api/customer/owner", tag = "customers", request_body = OwnerTransfer,
    responses((status = 200, description = "Handed over")))]
pub async fn transfer(rest: Rest, Body(body): Body<OwnerTransfer>) -> Response {
    rest.answer(customers::transfer_mine(&rest.platform, &rest.ctx, body).await).await
}
