//! Roll-ups: raw rows → 1 minute → 10 minutes → 1 hour, each step computed whole and written over what was there, so
//! that a late row only means doing its step again.

use chrono::{TimeDelta, Utc};

use super::store::{self, Tier};
use crate::{OpContext, Platform, Result};

/// Steps of one transaction.
const BATCH: i64 = 30;
/// How long after its end a step is first computed: late rows of a live agent are in by then.
const SETTLE: TimeDelta = TimeDelta::seconds(5);

/// Computes every step that has new rows and has ended; returns how many. Safe on any number of servers at once.
pub async fn roll_up(platform: &Platform, ctx: &OpContext) -> Result<usize> {
    let mut done = 0;
    for tier in [Tier::Minute, Tier::TenMinutes, Tier::Hour] {
        loop {
            let mut tx = platform.db().begin(ctx).await?;
            let before = ctx.now() - SETTLE - TimeDelta::seconds(tier.seconds());
            // Deleted first: a step whose mark a writer holds now is left for the next time; a writer that comes after
            // waits for this transaction and marks it anew.
            let steps = store::take_pending(&mut tx, tier, before, BATCH).await?;
            if steps.is_empty() {
                break;
            }
            store::roll_up(&mut tx, tier, &steps).await?;
            if let Some(coarser) = tier.coarser() {
                store::mark_pending(&mut tx, coarser, &steps).await?;
            }
            tx.commit().await?;
            done += steps.len();
            if (steps.len() as i64) < BATCH {
                break;
            }
        }
    }
    Ok(done)
}

/// Makes the partitions of the next days and drops what is older than its table keeps.
pub async fn keep_partitions(platform: &Platform, ctx: &OpContext) -> Result<()> {
    let mut tx = platform.db().begin(ctx).await?;
    // Real time beside the context's: PostgreSQL's clock stamps rows too.
    let now = ctx.now().max(Utc::now());
    let made = store::ensure_partitions(&mut tx, now - TimeDelta::days(1), now + TimeDelta::days(3)).await?;
    let dropped = store::drop_expired_partitions(&mut tx, Utc::now()).await?;
    tx.commit().await?;
    if made > 0 || !dropped.is_empty() {
        tracing::info!(made, ?dropped, "partitions");
    }
    Ok(())
}
