//! /api/admin/billing: what everybody used and what it costs, and the ledger that it comes of.

use axum::response::Response;
use contract::billing::{BillingQuery, BillingUsage, LedgerCheck, LedgerLine, LedgerQuery};
use contract::{Envelope, Page};
use platform::billing;

use crate::rest::workbook::{AsWorkbook, download};
use crate::rest::{Params, Rest, billing_sheets};

/// Everybody's use, added up by hours, days or months of the reader's time zone, by people, machines, specs or instances.
#[utoipa::path(get, path = "/api/admin/billing/usage", tag = "billing", params(BillingQuery),
    responses((status = 200, body = Envelope<BillingUsage>)))]
pub async fn usage(rest: Rest, wanted: AsWorkbook, Params(query): Params<BillingQuery>) -> Response {
    if wanted.0 {
        return export_usage(rest, Params(query)).await;
    }
    rest.answer(billing::usage(&rest.platform, &rest.ctx, &query).await).await
}

/// The same as a workbook; who takes it away is in the log.
#[utoipa::path(get, path = "/api/admin/billing/usage/export", tag = "billing", params(BillingQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export_usage(rest: Rest, Params(query): Params<BillingQuery>) -> Response {
    let built = async {
        let usage = billing::export_usage(&rest.platform, &rest.ctx, &query).await?;
        billing_sheets::usage(rest.ctx.language(), usage)
    };
    download(&rest, built.await, "usage").await
}

/// The rows of the ledger that lie in the period, the newest first.
#[utoipa::path(get, path = "/api/admin/billing/ledger", tag = "billing", params(LedgerQuery),
    responses((status = 200, body = Envelope<Page<LedgerLine>>)))]
pub async fn ledger(rest: Rest, wanted: AsWorkbook, Params(query): Params<LedgerQuery>) -> Response {
    if wanted.0 {
        return export_ledger(rest, Params(query)).await;
    }
    rest.answer(billing::ledger(&rest.platform, &rest.ctx, &query).await).await
}

/// All of them as a workbook; who takes it away is in the log.
#[utoipa::path(get, path = "/api/admin/billing/ledger/export", tag = "billing", params(LedgerQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export_ledger(rest: Rest, Params(query): Params<LedgerQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let mut list = billing_sheets::ledger(language)?;
        let cut = billing::export_ledger(&rest.platform, &rest.ctx, &query, |row| {
            billing_sheets::line(language, &mut list, row)
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "ledger").await
}

/// Whether the ledger says what the engines say now: every machine with instances is asked, and where they differ is listed,
/// in seconds.
#[utoipa::path(get, path = "/api/admin/billing/check", tag = "billing",
    responses((status = 200, body = Envelope<LedgerCheck>)))]
pub async fn check(rest: Rest) -> Response {
    rest.answer(platform::instances::compare(&rest.platform, &rest.ctx).await).await
}
