//! /api/customer/billing/budgets: what one's customer means to spend in a month.

use axum::response::Response;
use contract::budgets::{BudgetQuery, BudgetView, BudgetWrite};
use contract::{BudgetId, Envelope, Page};
use platform::billing::budgets;

use crate::rest::workbook::{AsWorkbook, download};
use crate::rest::{Body, Params, Part, Rest, billing_sheets};

/// Those of one's customer, for its owners, with what is spent this month.
#[utoipa::path(get, path = "/api/customer/billing/budgets", tag = "billing", params(BudgetQuery),
    responses((status = 200, body = Envelope<Page<BudgetView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<BudgetQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(budgets::list_own(&rest.platform, &rest.ctx, &query).await).await
}

/// All of them as a workbook; who takes it away is in the log.
#[utoipa::path(get, path = "/api/customer/billing/budgets/export", tag = "billing", params(BudgetQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<BudgetQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let mut list = billing_sheets::budgets(language)?;
        let cut = budgets::export_own(&rest.platform, &rest.ctx, &query, |row| {
            billing_sheets::budget(language, &mut list, row)
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "budgets").await
}

/// Sets one of one's own customer.
#[utoipa::path(post, path = "/api/customer/billing/budgets", tag = "billing", request_body = BudgetWrite,
    responses((status = 201, body = Envelope<BudgetView>), (status = 409, description = "1401: the name is taken")))]
pub async fn create(rest: Rest, Body(body): Body<BudgetWrite>) -> Response {
    let result = budgets::create_own(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |_| "/api/customer/billing/budgets".to_owned()).await
}

/// Replaces what may change about one of one's own; those that staff set stay.
#[utoipa::path(put, path = "/api/customer/billing/budgets/{id}", tag = "billing", params(("id" = BudgetId, Path)),
    request_body = BudgetWrite,
    responses((status = 200, body = Envelope<BudgetView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<BudgetId>, Body(body): Body<BudgetWrite>) -> Response {
    rest.answer(budgets::update_own(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes one of one's own away; those that staff set stay.
#[utoipa::path(delete, path = "/api/customer/billing/budgets/{id}", tag = "billing", params(("id" = BudgetId, Path)),
    responses((status = 200, description = "It is gone")))]
pub async fn delete(rest: Rest, Part(id): Part<BudgetId>) -> Response {
    rest.answer(budgets::delete_own(&rest.platform, &rest.ctx, id).await).await
}
