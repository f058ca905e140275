//! What the pages of one's own use call.

use contract::billing::{BillingQuery, BillingUsage, LedgerLine, LedgerQuery};
use contract::budgets::{BudgetQuery, BudgetView};
use contract::{ApiError, BudgetId, Page};
use leptos::prelude::*;

use super::budget_form::BudgetForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// One's customer's use, for its owners, or one's own.
#[server]
pub async fn own_billing_usage(#[server(default)] query: BillingQuery) -> Result<BillingUsage, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::billing::own_usage(&platform, &ctx, &query).await).await
}

/// The rows that it comes of.
#[server]
pub async fn own_billing_ledger(#[server(default)] query: LedgerQuery) -> Result<Page<LedgerLine>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::billing::own_ledger(&platform, &ctx, &query).await).await
}

/// Budgets of one's customer, for its owners.
#[server]
pub async fn list_own_budgets(#[server(default)] query: BudgetQuery) -> Result<Page<BudgetView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::billing::budgets::list_own(&platform, &ctx, &query).await).await
}

/// Sets one, or changes it.
#[server]
pub async fn save_own_budget(#[server(default)] form: BudgetForm) -> Result<(), ApiError> {
    use platform::billing::budgets;
    let (platform, ctx) = door::door();
    let result = match (form.read(), form.budget()) {
        (Ok(body), None) => budgets::create_own(&platform, &ctx, body).await,
        (Ok(body), Some(id)) => budgets::update_own(&platform, &ctx, id, body).await,
        // Who may not do it at all hears that first.
        (Err(error), _) => door::must_hold(&ctx, contract::Permission::BillingManageOwn).and(Err(error)),
    };
    let next = |_| format!("{}#budgets", paths::OWN_BILLING);
    door::form_answer((&platform, &ctx), result, next, paths::OWN_BILLING, form.typed()).await
}

/// Takes one away.
#[server]
pub async fn delete_own_budget(id: BudgetId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::billing::budgets::delete_own(&platform, &ctx, id).await;
    let next = |()| format!("{}#budgets", paths::OWN_BILLING);
    door::form_answer((&platform, &ctx), result, next, paths::OWN_BILLING, Vec::new()).await
}
