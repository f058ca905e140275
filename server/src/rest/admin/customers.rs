//! /api/admin/customers.

use axum::response::Response;
use contract::accounts::{InvitationCreate, InvitationView};
use contract::customers::{
    CustomerCreate, CustomerCreated, CustomerQuery, CustomerRow, CustomerUpdate, MemberCreate, MemberQuery,
    MemberSecret, MemberView,
};
use contract::{CustomerId, Envelope, LinkId, Page, PageQuery};
use platform::{accounts, customers};

use super::exports;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, Params, Part, Rest};

/// Customers, by name; the deleted only when asked for.
#[utoipa::path(get, path = "/api/admin/customers", tag = "customers", params(CustomerQuery),
    responses((status = 200, body = Envelope<Page<CustomerRow>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<CustomerQuery>) -> Response {
    if wanted.0 {
        return exports::customers(rest, Params(query)).await;
    }
    rest.answer(customers::list(&rest.platform, &rest.ctx, &query).await).await
}

/// Adds a customer, with its first owner; the only answer that holds the owner's password.
#[utoipa::path(post, path = "/api/admin/customers", tag = "customers", request_body = CustomerCreate,
    responses((status = 201, body = Envelope<CustomerCreated>), (status = 409, description = "1401: a name is taken")))]
pub async fn create(rest: Rest, Body(customer): Body<CustomerCreate>) -> Response {
    let result = customers::create(&rest.platform, &rest.ctx, customer).await;
    rest.created(result, |made| format!("/api/admin/customers/{}", made.customer.id)).await
}

/// One customer, deleted or not.
#[utoipa::path(get, path = "/api/admin/customers/{id}", tag = "customers", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Envelope<CustomerRow>)))]
pub async fn get(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(customers::get(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces what may change about a customer.
#[utoipa::path(put, path = "/api/admin/customers/{id}", tag = "customers", params(("id" = CustomerId, Path)),
    request_body = CustomerUpdate,
    responses((status = 200, body = Envelope<CustomerRow>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<CustomerId>, Body(change): Body<CustomerUpdate>) -> Response {
    rest.answer(customers::update(&rest.platform, &rest.ctx, id, change).await).await
}

/// Ends its people's access within seconds; its data stays.
#[utoipa::path(post, path = "/api/admin/customers/{id}/disable", tag = "customers", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Envelope<CustomerRow>)))]
pub async fn disable(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(customers::set_active(&rest.platform, &rest.ctx, id, false).await).await
}

/// Gives its people their access back.
#[utoipa::path(post, path = "/api/admin/customers/{id}/enable", tag = "customers", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Envelope<CustomerRow>)))]
pub async fn enable(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(customers::set_active(&rest.platform, &rest.ctx, id, true).await).await
}

/// Deletes a customer so that it can be brought back, and ends its people's access within seconds.
#[utoipa::path(delete, path = "/api/admin/customers/{id}", tag = "customers", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Envelope<CustomerRow>),
        (status = 422, description = "1402: it has machines, or will have one")))]
pub async fn delete(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(customers::delete(&rest.platform, &rest.ctx, id).await).await
}

/// Brings a deleted customer back.
#[utoipa::path(post, path = "/api/admin/customers/{id}/restore", tag = "customers", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Envelope<CustomerRow>), (status = 409, description = "1401: the name is taken now")))]
pub async fn restore(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(customers::restore(&rest.platform, &rest.ctx, id).await).await
}

/// Its people.
#[utoipa::path(get, path = "/api/admin/customers/{id}/members", tag = "customers",
    params(("id" = CustomerId, Path), MemberQuery), responses((status = 200, body = Envelope<Page<MemberView>>)))]
pub async fn members(
    rest: Rest,
    Part(id): Part<CustomerId>,
    wanted: AsWorkbook,
    Params(query): Params<MemberQuery>,
) -> Response {
    if wanted.0 {
        return exports::people_of(rest, Some(id), query).await;
    }
    rest.answer(customers::members_of(&rest.platform, &rest.ctx, id, &query).await).await
}

/// Adds a new person, in the only answer that holds the password; or somebody who has an account, who is told.
#[utoipa::path(post, path = "/api/admin/customers/{id}/members", tag = "customers", params(("id" = CustomerId, Path)),
    request_body = MemberCreate, responses((status = 201, body = Envelope<MemberSecret>),
        (status = 403, description = "1200: `existing` takes customers:manage-members of every customer")))]
pub async fn add_member(rest: Rest, Part(id): Part<CustomerId>, Body(member): Body<MemberCreate>) -> Response {
    let result = customers::add_member(&rest.platform, &rest.ctx, id, member).await;
    rest.created(result, |_| format!("/api/admin/customers/{id}/members")).await
}

/// Its invitations that still work.
#[utoipa::path(get, path = "/api/admin/customers/{id}/invitations", tag = "customers",
    params(("id" = CustomerId, Path), PageQuery), responses((status = 200, body = Envelope<Page<InvitationView>>)))]
pub async fn invitations(rest: Rest, Part(id): Part<CustomerId>, Params(query): Params<PageQuery>) -> Response {
    rest.answer(accounts::invitations_page(&rest.platform, &rest.ctx, Some(id), &query).await).await
}

/// Invites somebody by mail.
#[utoipa::path(post, path = "/api/admin/customers/{id}/invitations", tag = "customers",
    params(("id" = CustomerId, Path)), request_body = InvitationCreate,
    responses((status = 201, body = Envelope<InvitationView>),
        (status = 422, description = "1402: no mail goes out, or only staff make accounts")))]
pub async fn invite(rest: Rest, Part(id): Part<CustomerId>, Body(body): Body<InvitationCreate>) -> Response {
    let result = accounts::invite(&rest.platform, &rest.ctx, Some(id), body).await;
    rest.created(result, |_| format!("/api/admin/customers/{id}/invitations")).await
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/api/admin/customers/{id}/invitations/{invitation}", tag = "customers",
    params(("id" = CustomerId, Path), ("invitation" = LinkId, Path)),
    responses((status = 200, description = "Taken back")))]
pub async fn revoke_invitation(rest: Rest, Part((id, invitation)): Part<(CustomerId, LinkId)>) -> Response {
    rest.answer(accounts::revoke_invitation(&rest.platform, &rest.ctx, Some(id), invitation).await).await
}
