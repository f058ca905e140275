//! What the staff's page of everybody's use calls.

use contract::billing::{BillingQuery, BillingUsage, LedgerCheck, LedgerLine, LedgerQuery};
use contract::budgets::{BudgetQuery, BudgetView};
use contract::{ApiError, BudgetId, CustomerId, Page};
use leptos::prelude::*;

use crate::pages::customer::billing::budget_form::BudgetForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Everybody's use.
#[server]
pub async fn read_billing_usage(#[server(default)] query: BillingQuery) -> Result<BillingUsage, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::billing::usage(&platform, &ctx, &query).await).await
}

/// The rows that it comes of.
#[server]
pub async fn read_billing_ledger(#[server(default)] query: LedgerQuery) -> Result<Page<LedgerLine>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::billing::ledger(&platform, &ctx, &query).await).await
}

/// Whether they are what the engines say.
#[server]
pub async fn check_ledger() -> Result<LedgerCheck, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::compare(&platform, &ctx).await).await
}

/// Everybody's budgets.
#[server]
pub async fn list_budgets(#[server(default)] query: BudgetQuery) -> Result<Page<BudgetView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::billing::budgets::list(&platform, &ctx, &query).await).await
}

/// Sets one of a customer, or changes it.
#[server]
pub async fn save_budget(#[server(default)] form: BudgetForm) -> Result<(), ApiError> {
    use platform::billing::budgets;
    let (platform, ctx) = door::door();
    let result = match (form.read(), form.budget()) {
        (Ok(body), None) => budgets::create(&platform, &ctx, body).await,
        (Ok(body), Some(id)) => budgets::update(&platform, &ctx, id, body).await,
        // Who may not do it at all hears that first.
        (Err(error), _) => door::must_hold(&ctx, contract::Permission::BillingManage).and(Err(error)),
    };
    let page = form.customer().map_or_else(|| paths::BILLING.to_owned(), paths::customer);
    let next = |_| format!("{page}#budgets");
    door::form_answer((&platform, &ctx), result, next, &page, form.typed()).await
}

/// Takes one away.
#[server]
pub async fn delete_budget(id: BudgetId, customer_id: CustomerId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::billing::budgets::delete(&platform, &ctx, id).await;
    let page = paths::customer(customer_id);
    door::form_answer((&platform, &ctx), result, |()| format!("{page}#budgets"), &page, Vec::new()).await
}

/// Has it hold nobody up for the rest of the month.
#[server]
pub async fn lift_budget(
    id: BudgetId,
    customer_id: CustomerId,
    #[server(default)] because: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let body = contract::budgets::BudgetLift { because };
    let result = platform::billing::budgets::lift(&platform, &ctx, id, body).await;
    let page = paths::customer(customer_id);
    door::form_answer((&platform, &ctx), result, |_| format!("{page}#budgets"), &page, Vec::new()).await
}
