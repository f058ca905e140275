//! /api/customer: what people see of their own customer.

pub mod access;
pub mod announcements;
pub mod apps;
pub mod audit;
pub mod billing;
pub mod budgets;
pub mod images;
pub mod instances;
pub mod jobs;
pub mod machines;
pub mod members;
pub mod notifications;
pub mod ssh_keys;

use axum::response::Response;
use contract::accounts::{InvitationCreate, InvitationView};
use contract::customers::{CustomerView, MemberQuery, MemberView};
use contract::reports::{CustomerDashboard, CustomerUsage, MyMachine};
use contract::{Envelope, LinkId, Page, PageQuery};
use platform::{accounts, customers, reports};

use crate::rest::admin::exports;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, Params, Part, Rest};

/// The customer one acts for.
#[utoipa::path(get, path = "/api/customer", tag = "customers", responses((status = 200, body = Envelope<CustomerView>)))]
pub async fn mine(rest: Rest) -> Response {
    rest.answer(customers::mine(&rest.platform, &rest.ctx).await).await
}

/// Its people; for owners.
#[utoipa::path(get, path = "/api/customer/members", tag = "customers", params(MemberQuery),
    responses((status = 200, body = Envelope<Page<MemberView>>)))]
pub async fn members(rest: Rest, wanted: AsWorkbook, Params(query): Params<MemberQuery>) -> Response {
    if wanted.0 {
        return exports::people_of(rest, None, query).await;
    }
    rest.answer(customers::members(&rest.platform, &rest.ctx, &query).await).await
}

/// Numbers of the customer's first page.
#[utoipa::path(get, path = "/api/customer/dashboard/stats", tag = "reports",
    responses((status = 200, body = Envelope<CustomerDashboard>)))]
pub async fn dashboard(rest: Rest) -> Response {
    rest.answer(reports::my_dashboard(&rest.platform, &rest.ctx).await).await
}

/// The machines it has now, with their newest figures.
#[utoipa::path(get, path = "/api/customer/dashboard/machines", tag = "reports",
    responses((status = 200, body = Envelope<Vec<MyMachine>>)))]
pub async fn dashboard_machines(rest: Rest) -> Response {
    rest.answer(reports::my_machines(&rest.platform, &rest.ctx).await).await
}

/// What it has had so far.
#[utoipa::path(get, path = "/api/customer/usage", tag = "reports",
    responses((status = 200, body = Envelope<CustomerUsage>)))]
pub async fn usage(rest: Rest) -> Response {
    rest.answer(reports::my_usage(&rest.platform, &rest.ctx).await).await
}

/// Invitations that still work; for owners.
#[utoipa::path(get, path = "/api/customer/members/invitations", tag = "customers",
    params(PageQuery), responses((status = 200, body = Envelope<Page<InvitationView>>)))]
pub async fn invitations(rest: Rest, Params(query): Params<PageQuery>) -> Response {
    rest.answer(accounts::invitations_page(&rest.platform, &rest.ctx, None, &query).await).await
}

/// Invites somebody by mail; for owners.
#[utoipa::path(post, path = "/api/customer/members/invitations", tag = "customers", request_body = InvitationCreate,
    responses((status = 201, body = Envelope<InvitationView>),
        (status = 422, description = "1402: no mail goes out, or only staff make accounts")))]
pub async fn invite(rest: Rest, Body(body): Body<InvitationCreate>) -> Response {
    let result = accounts::invite(&rest.platform, &rest.ctx, None, body).await;
    rest.created(result, |_| "/api/customer/members/invitations".to_owned()).await
}

/// Takes an invitation back; for owners.
#[utoipa::path(delete, path = "/api/customer/members/invitations/{id}", tag = "customers",
    params(("id" = LinkId, Path)), responses((status = 200, description = "Taken back")))]
pub async fn revoke_invitation(rest: Rest, Part(id): Part<LinkId>) -> Response {
    rest.answer(accounts::revoke_invitation(&rest.platform, &rest.ctx, None, id).await).await
}
