//! What the pages of one's own use call.

use contract::billing::{BillingQuery, BillingUsage, LedgerLine, LedgerQuery};
use contract::{ApiError, Page};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::door;

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
