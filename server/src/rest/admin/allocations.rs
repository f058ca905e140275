//! /api/admin/allocations and what staff do with a machine's lease.

use axum::response::Response;
use contract::allocations::{
    AllocationCreate, AllocationDetail, AllocationEnd, AllocationQuery, AllocationRenew, AllocationView,
    ReclaimStepView, RenewalApproval, RenewalDecision, RenewalQuery, RenewalRefusal, RenewalRequestView,
};
use contract::{AllocationId, Envelope, Page, RenewalRequestId};
use platform::allocations;

use super::exports;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, MaybeBody, Params, Part, Rest};

/// Allocations; those that end first on top, those that are over last.
#[utoipa::path(get, path = "/api/admin/allocations", tag = "allocations", params(AllocationQuery),
    responses((status = 200, body = Envelope<Page<AllocationView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<AllocationQuery>) -> Response {
    if wanted.0 {
        return exports::allocations(rest, Params(query)).await;
    }
    rest.answer(allocations::list(&rest.platform, &rest.ctx, &query).await).await
}

/// Lends a machine.
#[utoipa::path(post, path = "/api/admin/machines/{code}/allocate", tag = "allocations",
    params(("code" = String, Path)), request_body = AllocationCreate,
    responses((status = 201, body = Envelope<AllocationDetail>),
        (status = 409, description = "1400: somebody has the machine in that period; the field says who and until when"),
        (status = 422, description = "1402: the machine is shared or not in service")))]
pub async fn create(rest: Rest, Part(code): Part<String>, Body(body): Body<AllocationCreate>) -> Response {
    let result = allocations::create(&rest.platform, &rest.ctx, &code, body).await;
    rest.created(result, |made| format!("/api/admin/allocations/{}", made.allocation.id)).await
}

/// One allocation with its history and check-list.
#[utoipa::path(get, path = "/api/admin/allocations/{id}", tag = "allocations", params(("id" = AllocationId, Path)),
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn get(rest: Rest, Part(id): Part<AllocationId>) -> Response {
    rest.answer(allocations::get(&rest.platform, &rest.ctx, id).await).await
}

/// Moves its end, later or earlier.
#[utoipa::path(post, path = "/api/admin/allocations/{id}/renew", tag = "allocations",
    params(("id" = AllocationId, Path)), request_body = AllocationRenew,
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn renew(rest: Rest, Part(id): Part<AllocationId>, Body(body): Body<AllocationRenew>) -> Response {
    rest.answer(allocations::renew(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes the machine back now; what has not begun is called off.
#[utoipa::path(post, path = "/api/admin/allocations/{id}/reclaim", tag = "allocations",
    params(("id" = AllocationId, Path)), request_body = Option<AllocationEnd>,
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn reclaim(rest: Rest, Part(id): Part<AllocationId>, MaybeBody(body): MaybeBody<AllocationEnd>) -> Response {
    rest.answer(allocations::end(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes a machine back from whoever has it now.
#[utoipa::path(post, path = "/api/admin/machines/{code}/reclaim", tag = "allocations",
    params(("code" = String, Path)), request_body = Option<AllocationEnd>,
    responses((status = 200, body = Envelope<AllocationDetail>), (status = 422, description = "1402: nobody has it")))]
pub async fn reclaim_machine(
    rest: Rest,
    Part(code): Part<String>,
    MaybeBody(body): MaybeBody<AllocationEnd>,
) -> Response {
    rest.answer(allocations::end_of_machine(&rest.platform, &rest.ctx, &code, body).await).await
}

/// The check-list of taking it back; empty until that begins.
#[utoipa::path(get, path = "/api/admin/allocations/{id}/checklist", tag = "allocations",
    params(("id" = AllocationId, Path)), responses((status = 200, body = Envelope<Vec<ReclaimStepView>>)))]
pub async fn checklist(rest: Rest, Part(id): Part<AllocationId>) -> Response {
    rest.answer(allocations::get(&rest.platform, &rest.ctx, id).await.map(|detail| detail.steps)).await
}

/// Leaves a waiting step of the check-list out.
#[utoipa::path(post, path = "/api/admin/allocations/{id}/checklist/{step}/skip", tag = "allocations",
    params(("id" = AllocationId, Path), ("step" = String, Path)),
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn skip_step(rest: Rest, Part((id, step)): Part<(AllocationId, String)>) -> Response {
    rest.answer(allocations::skip_step(&rest.platform, &rest.ctx, id, &step).await).await
}

/// Customers' wishes for more time, open ones first.
#[utoipa::path(get, path = "/api/admin/renewal-requests", tag = "allocations",
    params(RenewalQuery), responses((status = 200, body = Envelope<Page<RenewalRequestView>>)))]
pub async fn renewals(rest: Rest, Params(query): Params<RenewalQuery>) -> Response {
    rest.answer(allocations::page_of_renewals(&rest.platform, &rest.ctx, &query).await).await
}

/// Grants one, for the end that was asked for or another.
#[utoipa::path(post, path = "/api/admin/renewal-requests/{id}/approve", tag = "allocations",
    params(("id" = RenewalRequestId, Path)), request_body = RenewalApproval,
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn approve(rest: Rest, Part(id): Part<RenewalRequestId>, Body(body): Body<RenewalApproval>) -> Response {
    let decision = RenewalDecision { approve: true, ends_at: body.ends_at, answer: body.answer };
    rest.answer(allocations::decide_renewal(&rest.platform, &rest.ctx, id, decision).await).await
}

/// Refuses one, with a word to the customer.
#[utoipa::path(post, path = "/api/admin/renewal-requests/{id}/refuse", tag = "allocations",
    params(("id" = RenewalRequestId, Path)), request_body = RenewalRefusal,
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn refuse(rest: Rest, Part(id): Part<RenewalRequestId>, Body(body): Body<RenewalRefusal>) -> Response {
    let decision = RenewalDecision { approve: false, ends_at: None, answer: body.answer };
    rest.answer(allocations::decide_renewal(&rest.platform, &rest.ctx, id, decision).await).await
}

/// Grants, changes or refuses one.
#[utoipa::path(post, path = "/api/admin/renewal-requests/{id}/decide", tag = "allocations",
    params(("id" = RenewalRequestId, Path)), request_body = RenewalDecision,
    responses((status = 200, body = Envelope<AllocationDetail>)))]
pub async fn decide(rest: Rest, Part(id): Part<RenewalRequestId>, Body(body): Body<RenewalDecision>) -> Response {
    rest.answer(allocations::decide_renewal(&rest.platform, &rest.ctx, id, body).await).await
}
