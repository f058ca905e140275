//! /api/customer/access: who is, or was, in instances.

use axum::response::Response;
use contract::access::{AccessQuery, AccessSession};
use contract::{Envelope, Page};
use platform::instances;

use crate::rest::{Params, Part, Rest};

/// By SSH, by the browser's terminal and to applications, in the instances of one's customer, for its owners, or in one's own; the newest first.
#[utoipa::path(get, path = "/api/customer/access/sessions", tag = "access", params(AccessQuery),
    responses((status = 200, body = Envelope<Page<AccessSession>>)))]
pub async fn list(rest: Rest, Params(query): Params<AccessQuery>) -> Response {
    rest.answer(instances::list_access(&rest.platform, &rest.ctx, &query).await).await
}

/// Ends one: it is closed within seconds. One that is over stays so.
#[utoipa::path(delete, path = "/api/customer/access/sessions/{id}", tag = "access", params(("id" = String, Path)),
    responses((status = 200, description = "Ended")))]
pub async fn end(rest: Rest, Part(id): Part<String>) -> Response {
    rest.answer(instances::end_access(&rest.platform, &rest.ctx, &id).await).await
}
