//! /api/admin/dashboard: the fleet at a glance.

use axum::response::Response;
use contract::audit::{AuditQuery, AuditView};
use contract::reports::{CustomerShare, CustomerUsage, DashboardStats, GpuTrend, MachineStatus, TrendQuery};
use contract::{CustomerId, Envelope, Page};
use platform::{audit, reports};

use crate::rest::{Params, Part, Rest};

/// Machines, GPUs, customers, allocations in numbers.
#[utoipa::path(get, path = "/api/admin/dashboard/stats", tag = "reports",
    responses((status = 200, body = Envelope<DashboardStats>)))]
pub async fn stats(rest: Rest) -> Response {
    rest.answer(reports::dashboard(&rest.platform, &rest.ctx).await).await
}

/// The mean of every GPU's utilisation and memory over time.
#[utoipa::path(get, path = "/api/admin/dashboard/gpu-trend", tag = "reports", params(TrendQuery),
    responses((status = 200, body = Envelope<GpuTrend>)))]
pub async fn gpu_trend(rest: Rest, Params(query): Params<TrendQuery>) -> Response {
    rest.answer(reports::gpu_trend(&rest.platform, &rest.ctx, &query).await).await
}

/// Customers that have machines now, those with most GPUs first.
#[utoipa::path(get, path = "/api/admin/dashboard/customers", tag = "reports",
    responses((status = 200, body = Envelope<Vec<CustomerShare>>)))]
pub async fn customers(rest: Rest) -> Response {
    rest.answer(reports::largest_customers(&rest.platform, &rest.ctx).await).await
}

/// What happened last: the audit log's newest rows.
#[utoipa::path(get, path = "/api/admin/dashboard/activities", tag = "reports", params(AuditQuery),
    responses((status = 200, body = Envelope<Page<AuditView>>)))]
pub async fn activities(rest: Rest, Params(query): Params<AuditQuery>) -> Response {
    rest.answer(audit::list(&rest.platform, &rest.ctx, &query).await).await
}

/// Where a machine stands, and who has it.
#[utoipa::path(get, path = "/api/admin/machines/{code}/status", tag = "machines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<MachineStatus>)))]
pub async fn machine_status(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(reports::machine_status(&rest.platform, &rest.ctx, &code).await).await
}

/// What a customer has had so far.
#[utoipa::path(get, path = "/api/admin/customers/{id}/statistics", tag = "reports", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Envelope<CustomerUsage>)))]
pub async fn customer_usage(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(reports::customer_usage(&rest.platform, &rest.ctx, id).await).await
}
