//! /api/admin/audits.

use axum::response::Response;
use contract::audit::{AuditQuery, AuditView};
use contract::{Envelope, Page};
use platform::audit;

use super::exports;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Params, Rest};

/// The audit log, newest first.
#[utoipa::path(get, path = "/api/admin/audits", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Envelope<Page<AuditView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<AuditQuery>) -> Response {
    if wanted.0 {
        return exports::audits(rest, Params(query)).await;
    }
    rest.answer(audit::list(&rest.platform, &rest.ctx, &query).await).await
}
