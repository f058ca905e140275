//! /api/admin/audits.

use axum::response::Response;
use contract::audit::{AuditQuery, AuditView};
use contract::{Envelope, Page};
use platform::audit;

use crate::rest::{Params, Rest};

/// The audit log, newest first.
#[utoipa::path(get, path = "/api/admin/audits", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Envelope<Page<AuditView>>)))]
pub async fn list(rest: Rest, Params(query): Params<AuditQuery>) -> Response {
    rest.answer(audit::list(&rest.platform, &rest.ctx, &query).await).await
}
