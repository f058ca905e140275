//! How long the log is kept: whole months are dropped once the newest of their events is older than the settings say, never
//! before half a year, and what remains can still be verified.

use chrono::{TimeDelta, Utc};
use contract::settings::AUDIT_RETENTION_FLOOR_DAYS;

use super::{Entry, record_in_tx, sealer, store};
use crate::authz::{AuditLog, SealAudit};
use crate::{Platform, Result, settings};

/// Drops what is older than it is to be kept, and says so in the log; returns how many events.
pub async fn prune(platform: &Platform) -> Result<u64> {
    let Some(keep) = settings::general(platform).await.audit_retention else { return Ok(0) };
    let ctx = sealer(platform);
    // A clock of ours that is ahead drops nothing too early.
    let before = ctx.now().min(Utc::now()) - keep.max(TimeDelta::days(AUDIT_RETENTION_FLOOR_DAYS));
    let mut tx = platform.db().begin(&ctx).await?;
    let granted = ctx.authorize(SealAudit, &AuditLog)?;
    let Some(pruned) = store::prune(&mut tx, &granted, before).await? else { return Ok(0) };
    let after = serde_json::json!({
        "before": pruned.before,
        "events": pruned.events,
        "position": pruned.position,
        "hash": hex::encode(&pruned.hash),
    });
    let entry = Entry {
        action: "audit:prune",
        target_kind: "audit",
        target_id: None,
        customer: None,
        before: None,
        after: Some(after),
    };
    record_in_tx(&mut tx, &ctx, entry).await?;
    tx.commit().await?;
    tracing::info!(before = %pruned.before, events = pruned.events, "old months of the audit log were dropped");
    Ok(pruned.events.unsigned_abs())
}
