//! How a machine was at the hand-over, and what is worse when it comes back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::allocations::{AllocationEventView, GpuHealth, HandoverView, HealthSnapshot};
use contract::machines::{HealthLoss, PassportLease, Presence};
use contract::metrics::MachineLive;
use contract::{AllocationId, MachineId, Permission};

use super::store::{self, Phase};
use super::{find, views};
use crate::authz::{AllocationRef, ManageAllocation, UpdateAllocation};
use crate::db::Tx;
use crate::{OpContext, Platform, Result, SystemActor, machines, metrics};

/// Most snapshots taken in one round.
const MOST: i64 = 200;

/// What is on the page to print.
pub async fn handover(platform: &Platform, ctx: &OpContext, id: AllocationId) -> Result<HandoverView> {
    let mut tx = platform.db().begin(ctx).await?;
    let row = find(&mut tx, ctx, id).await?;
    ctx.authorize(ManageAllocation, &row.resource())?;
    let handed_over = store::health(&mut tx, id, Phase::Handover).await?;
    let returned = store::health(&mut tx, id, Phase::Return).await?;
    let until = row.ended_at.unwrap_or(ctx.now());
    let xid_errors = metrics::xid_errors(&mut tx, row.machine, row.since(), until).await?;
    let steps = store::steps(&mut tx, id).await?;
    let agreed_until = agreed(&store::events(&mut tx, id, true).await?).filter(|agreed| *agreed > row.ends_at);
    let view = views(platform, ctx, &mut tx, vec![row]).await?.into_iter().next();
    tx.commit().await?;
    let allocation = view.ok_or_else(crate::Error::not_found)?;
    Ok(HandoverView { allocation, agreed_until, handed_over, returned, xid_errors, steps })
}

/// The end that was agreed last: taking a machine back moves it without a word about it.
fn agreed(events: &[AllocationEventView]) -> Option<DateTime<Utc>> {
    let agrees = |event: &&AllocationEventView| matches!(event.kind.as_str(), "created" | "renewed" | "shortened");
    events.iter().rev().find(agrees).and_then(|event| event.ends_after)
}

/// Keeps how machines are that were handed over lately; one that is silent is looked at when it speaks.
pub(super) async fn take_handovers(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let rows = store::without_handover(&mut tx, MOST).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.machine.0).collect();
    let briefs = machines::briefs(platform, &mut tx, &ids, ctx.now()).await?;
    tx.commit().await?;
    for row in rows {
        let Some(brief) = briefs.get(&row.machine.0).filter(|brief| brief.presence == Presence::Online) else {
            continue;
        };
        let Some(live) = metrics::live_of_machine(platform, &ctx, &brief.code).await.ok().filter(measured) else {
            continue;
        };
        let mut tx = platform.db().begin(&ctx).await?;
        let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
        let snapshot = snapshot(&mut tx, &ctx, row.machine, &live).await?;
        store::save_health(&mut tx, &granted, Phase::Handover, &snapshot).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// True when the figures say something about every GPU.
fn measured(live: &MachineLive) -> bool {
    live.at.is_some() && live.gpus.iter().all(|gpu| gpu.lost || gpu.memory_total_bytes.is_some())
}

async fn snapshot(tx: &mut Tx, ctx: &OpContext, machine: MachineId, live: &MachineLive) -> Result<HealthSnapshot> {
    let (driver_version, cpu_cores, memory_bytes) = machines::hardware_of(tx, machine).await?;
    let gpus = live.gpus.iter().map(|gpu| GpuHealth {
        index: gpu.index,
        uuid: gpu.uuid.clone(),
        model: gpu.model.clone(),
        lost: gpu.lost,
        memory_bytes: gpu.memory_total_bytes,
        ecc_uncorrected: gpu.ecc_uncorrected,
        temperature_c: gpu.temperature_c,
    });
    Ok(HealthSnapshot { at: ctx.now(), gpus: gpus.collect(), driver_version, cpu_cores, memory_bytes })
}

/// Looks at the machine that comes back: what the check-list shows, and whether nothing is worse than at the hand-over.
pub(super) async fn compare(
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    live: Option<&MachineLive>,
) -> Result<(bool, BTreeMap<String, String>)> {
    let pairs = |pairs: Vec<(&str, String)>| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let Some(live) = live.filter(|live| measured(live)) else {
        return Ok((false, pairs(vec![("reason", "no_figures".to_owned())])));
    };
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    let now = snapshot(tx, ctx, row.machine, live).await?;
    store::save_health(tx, &granted, Phase::Return, &now).await?;
    let xid = metrics::xid_errors(tx, row.machine, row.since(), ctx.now()).await?;
    let Some(before) = store::health(tx, row.id, Phase::Handover).await? else {
        // Nothing to compare with: the machine was silent all the time. That it is as it was, nobody can say but who looks.
        return Ok((false, pairs(vec![("reason", "no_baseline".to_owned()), ("xid", xid.to_string())])));
    };
    let HealthLoss { missing_gpus: missing, ecc_uncorrected: ecc } = loss(&before, &now);
    let good = missing == 0 && ecc == 0 && xid == 0;
    let result = vec![("missing", missing.to_string()), ("ecc", ecc.to_string()), ("xid", xid.to_string())];
    Ok((good, pairs(result)))
}

/// What is worse than it was.
fn loss(before: &HealthSnapshot, now: &HealthSnapshot) -> HealthLoss {
    let found = |uuid: &str| now.gpus.iter().find(|gpu| gpu.uuid == uuid);
    let missing = before.gpus.iter().filter(|gpu| !gpu.lost && found(&gpu.uuid).is_none_or(|now| now.lost)).count();
    let ecc_uncorrected = before
        .gpus
        .iter()
        .filter_map(|gpu| Some(found(&gpu.uuid)?.ecc_uncorrected?.saturating_sub(gpu.ecc_uncorrected?)))
        .sum();
    HealthLoss { missing_gpus: missing as u64, ecc_uncorrected }
}

/// A machine's leases that began, the newest first, for its passport; nothing for who may not see them.
pub(crate) async fn leases(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    machine: MachineId,
    most: u32,
) -> Result<Option<Vec<PassportLease>>> {
    if ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage).is_err() {
        return Ok(None);
    }
    let rows = store::begun(tx, machine, most).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id.0).collect();
    let mut healths = store::healths(tx, &ids).await?;
    let periods: Vec<_> = rows.iter().map(|row| (row.since(), row.ended_at.unwrap_or(ctx.now()))).collect();
    let xid_errors = metrics::xid_errors_of(tx, machine, &periods).await?;
    let allocations = views(platform, ctx, tx, rows).await?;
    let leases = allocations.into_iter().zip(xid_errors).map(|(allocation, xid_errors)| {
        let [handed_over, returned] = healths.remove(&allocation.id.0).unwrap_or_default();
        let worse = handed_over.as_ref().zip(returned.as_ref()).map(|(before, now)| loss(before, now));
        PassportLease { allocation, handed_over, returned, xid_errors, worse }
    });
    Ok(Some(leases.collect()))
}
