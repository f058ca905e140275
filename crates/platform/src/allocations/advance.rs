//! Time passes: allocations begin, end, run out of grace, and remind. Run every few seconds by the job queue; idempotent,
//! each allocation in a transaction of its own, so that one that fails holds up no other.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AllocationId;
use contract::allocations::{AllocationState, WaitReason};
use contract::machines::ServiceState;

use super::{event, health, keep, notices, reclaim, record, store};
use crate::authz::UpdateAllocation;
use crate::db::Tx;
use crate::{OpContext, Platform, Result, SystemActor, machines};

/// Days before the end at which a reminder goes out.
pub const REMINDERS: [i32; 4] = [30, 14, 7, 1];

/// How long a lease waits for the one before without anybody being told: taking a machine back takes a while.
const HANDOVER: TimeDelta = TimeDelta::minutes(15);

/// The last reminder that an end so near has passed: what was agreed inside of it needs no reminding.
pub(super) fn reached(ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<i32> {
    let left = (ends_at - now).num_seconds();
    REMINDERS.into_iter().rev().find(|days| left <= i64::from(*days) * 86_400)
}

/// Does what is due; returns how many allocations moved.
pub async fn advance(platform: &Platform) -> Result<usize> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let due = store::due(&mut tx, ctx.now(), &REMINDERS).await?;
    let swept = store::sweep_door_keys(&mut tx).await?;
    if swept > 0 {
        tracing::warn!(swept, "keys of the SSH door outlived their leases: they are forgotten");
    }
    tx.commit().await?;
    let mut moved = 0;
    for id in due {
        match step(platform, &ctx, id).await {
            Ok(true) => moved += 1,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, allocation = id.0, "an allocation could not be moved on"),
        }
    }
    health::take_handovers(platform).await?;
    Ok(moved)
}

async fn step(platform: &Platform, ctx: &OpContext, id: AllocationId) -> Result<bool> {
    let mut tx = platform.db().begin(ctx).await?;
    let Some(row) = store::lock(&mut tx, id).await? else { return Ok(false) };
    let now = ctx.now();
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    match row.state {
        AllocationState::Scheduled if row.starts_at <= now => {
            if row.ends_at <= now {
                // Its whole time has gone by: nobody is let in after their end.
                store::close(&mut tx, &granted, AllocationState::Cancelled, now).await?;
                event(&mut tx, ctx, id, "cancelled", None, None, None).await?;
                notices::taken_back(platform, &mut tx, ctx, &row).await?;
            } else if let Some(why) = hindrance(&mut tx, &row).await? {
                return wait(platform, ctx, tx, &row, why).await;
            } else {
                store::begin(&mut tx, &granted, now).await?;
                event(&mut tx, ctx, id, "started", None, None, None).await?;
                let begun = store::Row { state: AllocationState::Active, ..row.clone() };
                notices::given(platform, &mut tx, ctx, &begun).await?;
            }
        }
        AllocationState::Active if row.ends_at <= now && row.grace_days > 0 => {
            store::set_state(&mut tx, &granted, AllocationState::Grace).await?;
            event(&mut tx, ctx, id, "grace", None, None, None).await?;
            notices::grace(platform, &mut tx, ctx, &row).await?;
        }
        AllocationState::Active if row.ends_at <= now => reclaim::begin(platform, &mut tx, ctx, &row, None).await?,
        AllocationState::Grace if row.grace_ends_at() <= now => {
            reclaim::begin(platform, &mut tx, ctx, &row, None).await?;
        }
        AllocationState::Reclaiming => return reclaim::work(platform, ctx, tx, &row).await,
        AllocationState::Active => {
            let due = reached(row.ends_at, now).filter(|days| row.reminded_days.is_none_or(|last| last > *days));
            let Some(days) = due else { return Ok(false) };
            store::set_reminded(&mut tx, &granted, days).await?;
            event(&mut tx, ctx, id, "reminded", None, None, Some(&days.to_string())).await?;
            notices::ending(platform, &mut tx, ctx, &row).await?;
            tx.commit().await?;
            return Ok(true);
        }
        _ => return Ok(false),
    }
    let after = store::get(&mut tx, id).await?.unwrap_or(row.clone());
    record(&mut tx, ctx, "allocations:advance", Some(&row), &after).await?;
    keep(platform, tx).await?;
    Ok(true)
}

/// Why it does not begin: the one before may still be on its way out, and nobody is let onto a machine that is out of service.
async fn hindrance(tx: &mut Tx, row: &store::Row) -> Result<Option<WaitReason>> {
    if store::is_occupied(tx, row.machine).await? {
        return Ok(Some(WaitReason::Occupied));
    }
    Ok(match machines::service_states(tx, &[row.machine.0]).await?.remove(&row.machine.0) {
        None | Some(ServiceState::InService) => None,
        Some(ServiceState::Maintenance) => Some(WaitReason::Maintenance),
        Some(_) => Some(WaitReason::OutOfService),
    })
}

/// It begins when the machine is there for it. Who was to have it and who may do something about it are told so once for
/// every reason.
async fn wait(platform: &Platform, ctx: &OpContext, mut tx: Tx, row: &store::Row, why: WaitReason) -> Result<bool> {
    let now = ctx.now();
    let is_usual = why == WaitReason::Occupied && now < row.starts_at + HANDOVER;
    if is_usual || row.waits_for == Some(why) {
        return Ok(false);
    }
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    store::set_waiting(&mut tx, &granted, now, why).await?;
    event(&mut tx, ctx, row.id, "delayed", None, None, None).await?;
    notices::waits(platform, &mut tx, ctx, row, why).await?;
    let after = store::get(&mut tx, row.id).await?.unwrap_or(row.clone());
    record(&mut tx, ctx, "allocations:advance", Some(row), &after).await?;
    keep(platform, tx).await?;
    Ok(true)
}
