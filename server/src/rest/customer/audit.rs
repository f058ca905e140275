//! /api/customer/audits: what concerns one's customer; for owners.

use axum::response::Response;
use contract::audit::{OwnAuditQuery, OwnAuditView};
use contract::{Envelope, Page};
use platform::audit;
use sheets::write::Kind;

use crate::rest::workbook::{AsWorkbook, List, download, say};
use crate::rest::{Params, Rest};

/// The part of the audit log that concerns the customer one acts for, newest first.
#[utoipa::path(get, path = "/api/customer/audits", tag = "audit", params(OwnAuditQuery),
    responses((status = 200, body = Envelope<Page<OwnAuditView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<OwnAuditQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(audit::list_own(&rest.platform, &rest.ctx, &query).await).await
}

/// The same as a workbook; that it was taken away is part of it. Beyond a million events the last row says that there are
/// older ones.
#[utoipa::path(get, path = "/api/customer/audits/export", tag = "audit", params(OwnAuditQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<OwnAuditQuery>) -> Response {
    let built = async {
        audit::note_export_own(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let columns = [
            ("audit-at", 20.0, Kind::DateTime),
            ("audit-actor", 20.0, Kind::Text),
            ("audit-via", 12.0, Kind::Text),
            ("audit-address", 16.0, Kind::Text),
            ("audit-agent", 32.0, Kind::Text),
            ("audit-action", 28.0, Kind::Text),
            ("audit-action-code", 28.0, Kind::Text),
            ("audit-target", 16.0, Kind::Text),
            ("audit-target-id", 20.0, Kind::Text),
            ("audit-target-name", 24.0, Kind::Text),
            ("audit-outcome", 12.0, Kind::Text),
            ("audit-reason", 40.0, Kind::Text),
            ("audit-repeats", 12.0, Kind::Number),
            ("audit-repeats-from", 20.0, Kind::DateTime),
            ("audit-repeats-until", 20.0, Kind::DateTime),
            ("audit-request", 36.0, Kind::Text),
        ];
        let mut list = List::new(language, "own-audit-title", &columns)?;
        let cut = audit::export_own(&rest.platform, &rest.ctx, &query, |row| {
            let kind = row.actor_kind;
            list.row(&[
                row.at.into(),
                row.actor_name.unwrap_or_else(|| say(language, &format!("own-audit-actor-{kind}"), &[])).into(),
                say(language, &format!("audit-via-{}", row.via), &[]).into(),
                row.address.into(),
                row.user_agent.into(),
                texts::audit_action(language, &row.action).into(),
                row.action.into(),
                texts::audit_kind(language, &row.target_kind).into(),
                row.target_id.into(),
                row.target_name.into(),
                say(language, &format!("audit-outcome-{}", row.outcome), &[]).into(),
                row.reason.into(),
                row.repeats.into(),
                row.from.into(),
                row.until.into(),
                row.request_id.into(),
            ])
        })
        .await?;
        list.finish_cut(cut, "audit-export-cut")
    };
    download(&rest, built.await, "audit").await
}
