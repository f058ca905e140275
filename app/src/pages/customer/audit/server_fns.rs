//! A customer's own part of the audit log.

use contract::audit::{OwnAuditQuery, OwnAuditView};
use contract::{ApiError, Page};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::door;

/// A page of it, newest first.
#[server]
pub async fn list_own_audits(#[server(default)] query: OwnAuditQuery) -> Result<Page<OwnAuditView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::audit::list_own(&platform, &ctx, &query).await).await
}
