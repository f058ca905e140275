//! What the staff's page of everybody's use calls.

use contract::billing::{BillingQuery, BillingUsage, LedgerCheck, LedgerLine, LedgerQuery};
use contract::{ApiError, Page};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::door;

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
