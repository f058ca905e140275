//! What the platform itself stops: the ordinary stop, with the reason in its history.

use contract::instances::{InstanceAction, InstanceEventKind, InstanceWish};
use contract::{CustomerId, InstanceId};

use super::store::{self, Event, Row};
use super::{entry, facts, wake, worker};
use crate::authz::OperateInstance;
use crate::db::Tx;
use crate::{OpContext, Platform, Result, audit};

/// Whether something of a customer's runs, or is to.
pub(crate) async fn runs_for(tx: &mut Tx, customer: CustomerId) -> Result<bool> {
    Ok(!store::wanted_running(tx, customer).await?.is_empty())
}

/// What of a customer's runs, or is to.
pub(crate) async fn running_of(platform: &Platform, customer: CustomerId) -> Result<Vec<InstanceId>> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let ids = store::wanted_running(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(ids)
}

/// Stops one and commits; one that is not to run any more stays as it is. `reason` is a word of `instance-failure-…`.
pub(crate) async fn halt(
    platform: &Platform,
    mut tx: Tx,
    ctx: &OpContext,
    id: InstanceId,
    reason: &'static str,
    detail: &str,
) -> Result<()> {
    if let Some(row) = store::lock(&mut tx, id).await? {
        halt_in_tx(&mut tx, ctx, &row, (reason, detail)).await?;
    }
    tx.commit().await?;
    platform.bell().notify_one();
    Ok(())
}

/// The same in the transaction of what it follows from, under the lock of its row; false where there is nothing to stop.
pub(super) async fn halt_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    before: &Row,
    (reason, detail): (&'static str, &str),
) -> Result<bool> {
    if before.wanted != InstanceWish::Running || !before.state().allows(InstanceAction::Stop) {
        return Ok(false);
    }
    let granted = ctx.authorize(OperateInstance, &before.of_staff())?;
    let row = Row { wanted: InstanceWish::Stopped, trying_since: None, restarting_seen: 0, ..before.clone() };
    store::save_wish(tx, &granted, &row).await?;
    let event = Event { reason: Some(reason), detail: Some(detail), ..Event::of(InstanceEventKind::StopWanted) };
    store::note(tx, ctx, row.id, event).await?;
    wake(tx, ctx, &row).await?;
    let mut after = facts(&row);
    after["reason"] = reason.into();
    audit::record_in_tx(tx, ctx, entry("instances:stop", &row, Some(facts(before)), Some(after))).await?;
    Ok(true)
}
