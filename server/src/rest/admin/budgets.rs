//! /api/admin/billing/budgets: what customers mean to spend in a month.

use axum::response::Response;
use contract::budgets::{BudgetLift, BudgetQuery, BudgetView, BudgetWrite};
use contract::{BudgetId, Envelope, Page};
use platform::billing::budgets;

use crate::rest::workbook::{AsWorkbook, download};
use crate::rest::{Body, Params, Part, Rest, billing_sheets};

/// Everybody's, with what is spent this month; of one customer where it is named.
#[utoipa::path(get, path = "/api/admin/billing/budgets", tag = "billing", params(BudgetQuery),
    responses((status = 200, body = Envelope<Page<BudgetView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<BudgetQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(budgets::list(&rest.platform, &rest.ctx, &query).await).await
}

/// All of them as a workbook; who takes it away is in the log.
#[utoipa::path(get, path = "/api/admin/billing/budgets/export", tag = "billing", params(BudgetQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<BudgetQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let mut list = billing_sheets::budgets(language)?;
        let cut =
            budgets::export(&rest.platform, &rest.ctx, &query, |row| billing_sheets::budget(language, &mut list, row))
                .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "budgets").await
}

/// Sets one of a customer, which its owners see and do not change.
#[utoipa::path(post, path = "/api/admin/billing/budgets", tag = "billing", request_body = BudgetWrite,
    responses((status = 201, body = Envelope<BudgetView>), (status = 409, description = "1401: the name is taken")))]
pub async fn create(rest: Rest, Body(body): Body<BudgetWrite>) -> Response {
    let result = budgets::create(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |view| format!("/api/admin/billing/budgets?customerId={}", view.customer_id)).await
}

/// Replaces what may change about it.
#[utoipa::path(put, path = "/api/admin/billing/budgets/{id}", tag = "billing", params(("id" = BudgetId, Path)),
    request_body = BudgetWrite,
    responses((status = 200, body = Envelope<BudgetView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<BudgetId>, Body(body): Body<BudgetWrite>) -> Response {
    rest.answer(budgets::update(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes it away.
#[utoipa::path(delete, path = "/api/admin/billing/budgets/{id}", tag = "billing", params(("id" = BudgetId, Path)),
    responses((status = 200, description = "It is gone")))]
pub async fn delete(rest: Rest, Part(id): Part<BudgetId>) -> Response {
    rest.answer(budgets::delete(&rest.platform, &rest.ctx, id).await).await
}

/// For the rest of the month it holds nobody up: nothing is refused or stopped because of it.
#[utoipa::path(post, path = "/api/admin/billing/budgets/{id}/lift", tag = "billing", params(("id" = BudgetId, Path)),
    request_body = BudgetLift, responses((status = 200, body = Envelope<BudgetView>)))]
pub async fn lift(rest: Rest, Part(id): Part<BudgetId>, Body(body): Body<BudgetLift>) -> Response {
    rest.answer(budgets::lift(&rest.platform, &rest.ctx, id, body).await).await
}
