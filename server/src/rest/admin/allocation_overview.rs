//! /api/admin/allocations/…: many at once, the time line, the hand-over.

use axum::response::Response;
use contract::allocations::{AllocationBulk, AllocationQuery, AllocationView, HandoverView, Timeline, TimelineQuery};
use contract::{AllocationId, BulkOutcome, Envelope, Page};
use platform::allocations;

use super::exports;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, Params, Part, Rest};

/// Renews or reclaims many; each stands for itself.
#[utoipa::path(post, path = "/api/admin/allocations/bulk", tag = "allocations", request_body = AllocationBulk,
    responses((status = 200, body = Envelope<Vec<BulkOutcome>>)))]
pub async fn bulk(rest: Rest, Body(body): Body<AllocationBulk>) -> Response {
    let result = match allocations::act_on_many(&rest.platform, &rest.ctx, body).await {
        Ok(outcomes) => {
            let named = outcomes.into_iter().map(|(id, outcome)| (id.to_string(), outcome)).collect();
            Ok(app::door::outcomes(&rest.platform, &rest.ctx, named).await)
        }
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Machines down, months across.
#[utoipa::path(get, path = "/api/admin/allocations/timeline", tag = "allocations", params(TimelineQuery),
    responses((status = 200, body = Envelope<Timeline>)))]
pub async fn timeline(rest: Rest, Params(query): Params<TimelineQuery>) -> Response {
    rest.answer(allocations::timeline(&rest.platform, &rest.ctx, &query).await).await
}

/// Those that end within `days` (30 when absent).
#[utoipa::path(get, path = "/api/admin/allocations/expiring", tag = "allocations", params(AllocationQuery),
    responses((status = 200, body = Envelope<Page<AllocationView>>)))]
pub async fn expiring(rest: Rest, wanted: AsWorkbook, Params(query): Params<AllocationQuery>) -> Response {
    let days = query.days.or(Some(contract::allocations::ENDING_SOON_DAYS as u32));
    let query = AllocationQuery { days, ..query };
    if wanted.0 {
        return exports::allocations(rest, Params(query)).await;
    }
    rest.answer(allocations::list(&rest.platform, &rest.ctx, &query).await).await
}

/// How the machine was at the hand-over and when it came back, with the check-list.
#[utoipa::path(get, path = "/api/admin/allocations/{id}/handover", tag = "allocations",
    params(("id" = AllocationId, Path)), responses((status = 200, body = Envelope<HandoverView>)))]
pub async fn handover(rest: Rest, Part(id): Part<AllocationId>) -> Response {
    rest.answer(allocations::handover(&rest.platform, &rest.ctx, id).await).await
}
