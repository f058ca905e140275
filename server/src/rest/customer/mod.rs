//! /api/customer: what people see of their own customer.

pub mod machines;
pub mod members;
pub mod ssh_keys;

use axum::response::Response;
use contract::Envelope;
use contract::customers::{CustomerView, MemberView};
use contract::reports::{CustomerDashboard, CustomerUsage, MyMachine};
use platform::{customers, reports};

use crate::rest::Rest;

/// The customer one acts for.
#[utoipa::path(get, path = "/api/customer", tag = "customers", responses((status = 200, body = Envelope<CustomerView>)))]
pub async fn mine(rest: Rest) -> Response {
    rest.answer(customers::mine(&rest.platform, &rest.ctx).await).await
}

/// Its people; for owners.
#[utoipa::path(get, path = "/api/customer/members", tag = "customers",
    responses((status = 200, body = Envelope<Vec<MemberView>>)))]
pub async fn members(rest: Rest) -> Response {
    rest.answer(customers::members(&rest.platform, &rest.ctx).await).await
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
