//! The customer's people.

use contract::ApiError;
use contract::customers::MemberView;
use leptos::prelude::*;

/// The people of the customer one acts for; for its owners.
#[server]
pub async fn list_members() -> Result<Vec<MemberView>, ApiError> {
    let (platform, ctx) = crate::door::door();
    crate::door::answer(&platform, &ctx, platform::customers::members(&platform, &ctx).await).await
}
