//! /api/customer/machines: the machines one's customer has.

use axum::response::Response;
use contract::allocations::{AllocationDetail, AllocationQuery, AllocationView, RenewalRequestCreate};
use contract::machines::SshAccess;
use contract::metrics::{History, HistoryQuery, MachineLive, ProcessView};
use contract::{Envelope, Page};
use platform::allocations;

use crate::rest::{Body, Params, Part, Rest};

/// What one's customer has, had and will have.
#[utoipa::path(get, path = "/api/customer/machines", tag = "customer machines", params(AllocationQuery),
    responses((status = 200, body = Envelope<Page<AllocationView>>)))]
pub async fn list(rest: Rest, Params(query): Params<AllocationQuery>) -> Response {
    rest.answer(allocations::mine(&rest.platform, &rest.ctx, &query).await).await
}

/// The allocation of one machine, with its history: the one that is not over, or the last that is.
#[utoipa::path(get, path = "/api/customer/machines/{code}", tag = "customer machines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn get(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(allocations::of_machine(&rest.platform, &rest.ctx, &code).await).await
}

/// The newest figures, while one has the machine.
#[utoipa::path(get, path = "/api/customer/machines/{code}/monitoring", tag = "customer machines",
    params(("code" = String, Path)), responses((status = 200, body = Envelope<MachineLive>)))]
pub async fn monitoring(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(allocations::machine_live(&rest.platform, &rest.ctx, &code).await).await
}

/// The processes on its GPUs.
#[utoipa::path(get, path = "/api/customer/machines/{code}/processes", tag = "customer machines",
    params(("code" = String, Path)), responses((status = 200, body = Envelope<Vec<ProcessView>>)))]
pub async fn processes(rest: Rest, Part(code): Part<String>) -> Response {
    let live = allocations::machine_live(&rest.platform, &rest.ctx, &code).await;
    rest.answer(live.map(|live| live.processes)).await
}

/// History within one's own period.
#[utoipa::path(get, path = "/api/customer/machines/{code}/history", tag = "customer machines",
    params(("code" = String, Path), HistoryQuery), responses((status = 200, body = Envelope<History>)))]
pub async fn history(rest: Rest, Part(code): Part<String>, Params(query): Params<HistoryQuery>) -> Response {
    rest.answer(allocations::history(&rest.platform, &rest.ctx, &code, &query).await).await
}

/// How to get onto it: address, port, user and the line to paste. Never a secret.
#[utoipa::path(get, path = "/api/customer/machines/{code}/ssh", tag = "customer machines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<SshAccess>)))]
pub async fn ssh(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(allocations::ssh(&rest.platform, &rest.ctx, &code).await).await
}

/// Takes back the open request for more time; for owners.
#[utoipa::path(post, path = "/api/customer/machines/{code}/renewal-requests/withdraw", tag = "customer machines",
    params(("code" = String, Path)),
    responses((status = 200, body = Envelope<AllocationDetail>),
        (status = 422, description = "1402: nothing is asked for, or it was answered")))]
pub async fn withdraw_renewal(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(allocations::withdraw_renewal(&rest.platform, &rest.ctx, &code).await).await
}

/// Asks for more time; for owners.
#[utoipa::path(post, path = "/api/customer/machines/{code}/renewal-requests", tag = "customer machines",
    params(("code" = String, Path)), request_body = RenewalRequestCreate,
    responses((status = 201, body = Envelope<AllocationDetail>)))]
pub async fn request_renewal(rest: Rest, Part(code): Part<String>, Body(body): Body<RenewalRequestCreate>) -> Response {
    let result = allocations::request_renewal(&rest.platform, &rest.ctx, &code, body).await;
    rest.created(result, |made| format!("/api/customer/machines/{}", made.allocation.machine)).await
}
