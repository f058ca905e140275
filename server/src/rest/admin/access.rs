//! /api/admin/access: who is, or was, in instances.

use axum::response::Response;
use contract::access::{AccessQuery, AccessSession};
use contract::{Envelope, Page};
use platform::instances;

use crate::rest::{Params, Part, Rest};

/// By SSH, by the browser's terminal and to applications, in the instances of everybody; the newest first.
#[utoipa::path(get, path = "/api/admin/access/sessions", tag = "access", params(AccessQuery),
    responses((status = 200, body = Envelope<Page<AccessSession>>)))]
pub async fn list(rest: Rest, Params(query): Params<AccessQuery>) -> Response {
    rest.answer(instances::list_all_access(&rest.platform, &rest.ctx, &query).await).await
}

/// Ends one: it is closed within seconds. One that is over stays so.
#[utoipa::path(delete, path = "/api/admin/access/sessions/{id}", tag = "access", params(("id" = String, Path)),
    responses((status = 200, description = "Ended")))]
pub async fn end(rest: Rest, Part(id): Part<String>) -> Response {
    rest.answer(instances::end_any_access(&rest.platform, &rest.ctx, &id).await).await
}
