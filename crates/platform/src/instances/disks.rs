//! How much of its disks an instance takes. Storage drivers mostly refuse nothing, so none is asked to: what was written in its
//! container and on its data disk is measured by its engine now and then, its people are told at nine tenths and at all of
//! what its spec has, and a setting stops who stays beyond it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::{DiskState, InstanceDisks, InstanceSpec, Observed};
use contract::{InstanceId, MachineId};
use runtime::docker::containers::Sizes;

use super::store::{self, DiskRow, Row};
use super::work::{self, Trouble};
use super::{halt, made_of, notices, worker};
use crate::{Platform, Result, settings};

/// Between two times that a machine's instances are measured: an engine reads through all that was written for it.
const EVERY: TimeDelta = TimeDelta::minutes(10);
/// How long an engine may take for each of the two questions.
const PATIENCE: Duration = Duration::from_secs(120);
/// As disks are sold.
const GB: u64 = 1_000_000_000;
/// From here on it is nearly full, percent.
const NEAR: u64 = 90;
/// Below this it is told anew: who is right at a limit is not told again and again.
const FREE: u64 = 80;

/// Measures the instances of a machine where it is time to, tells of those that are nearly full or full, and stops those that
/// were full for as long as is set. It may be dropped anywhere; what an engine does not say is asked again later.
///
/// # Errors
/// What is wrong on this side.
pub async fn measure_disks(platform: &Platform, machine: MachineId) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let due = store::claim_disks(&mut tx, machine, ctx.now() - EVERY, ctx.now()).await?;
    tx.commit().await?;
    if due.is_empty() {
        return Ok(());
    }
    let sizes = match sizes(platform, machine).await {
        Ok(sizes) => sizes,
        Err(Trouble::Ours(error)) => return Err(error),
        Err(Trouble::Engine(fault)) => {
            tracing::debug!(machine = machine.0, %fault, "an engine does not say how much its instances take");
            return Ok(());
        }
    };
    let patience = settings::disk_patience(platform).await;
    for id in due {
        note(platform, id, &sizes, patience).await?;
    }
    Ok(())
}

async fn sizes(platform: &Platform, machine: MachineId) -> Result<Sizes, Trouble> {
    let engine = work::connect(platform, machine).await?;
    Ok(engine.sizes(PATIENCE).await?)
}

/// What was measured of one, and what follows, in one transaction under its lock.
async fn note(platform: &Platform, id: InstanceId, sizes: &Sizes, patience: Option<TimeDelta>) -> Result<()> {
    let ctx = worker(platform);
    let name = made_of::name(platform, &ctx, id).await?;
    let mut tx = platform.db().begin(&ctx).await?;
    let Some(row) = store::lock(&mut tx, id).await?.filter(|row| row.deleted_at.is_none()) else { return Ok(()) };
    let system = sizes.written.get(&id.to_string()).copied();
    let data = sizes.volumes.get(&made_of::data_volume(&name)).copied();
    let (now, tells) = after(&row, (system, data), ctx.now());
    store::set_disks(&mut tx, id, &now).await?;
    let percent = percent(&row.spec, &now);
    if tells {
        let made = if now.told == DiskState::Full { "disk-full" } else { "disk-near" };
        notices::disks(platform, &mut tx, &ctx, &row, (made, percent)).await?;
    }
    let lasts = now.full_since.map(|since| ctx.now() - since);
    let mut stopped = false;
    if lasts.zip(patience).is_some_and(|(lasts, patience)| lasts >= patience) {
        stopped = halt::halt_in_tx(&mut tx, &ctx, &row, ("disk-full", &format!("{percent} %"))).await?;
        if stopped {
            store::set_disks(&mut tx, id, &DiskRow { full_since: None, ..now }).await?;
            notices::disks(platform, &mut tx, &ctx, &row, ("disk-stopped", percent)).await?;
        }
    }
    tx.commit().await?;
    if stopped {
        platform.bell().notify_one();
    }
    Ok(())
}

/// What is known after this was measured, and whether its people are to be told.
fn after(row: &Row, (system, data): (Option<u64>, Option<u64>), at: DateTime<Utc>) -> (DiskRow, bool) {
    let mut now = DiskRow { at: Some(at), system, data, ..row.disks.clone() };
    let percent = percent(&row.spec, &now);
    let state = state(percent);
    let tells = rank(state) > rank(now.told);
    // What was told counts until there is room again.
    if tells || percent < FREE || (now.told == DiskState::Full && state == DiskState::Near) {
        now.told = state;
    }
    let runs = row.observed == Observed::Running && state == DiskState::Full;
    // Each run has its time anew: who was stopped for it has to be able to make room.
    let begun = now.full_since.filter(|since| row.started_at.is_none_or(|run| run <= *since));
    now.full_since = runs.then(|| begun.unwrap_or(at));
    (now, tells)
}

/// Of the fuller one of its disks; more than a hundred where it is beyond.
fn percent(spec: &InstanceSpec, disks: &DiskRow) -> u64 {
    let of = |bytes: Option<u64>, gb: u32| match (bytes, gb) {
        (Some(bytes), gb) if gb > 0 => bytes.saturating_mul(100) / (u64::from(gb) * GB),
        _ => 0,
    };
    of(disks.system, spec.system_disk_gb).max(of(disks.data, spec.data_disk_gb))
}

fn state(percent: u64) -> DiskState {
    match percent {
        100.. => DiskState::Full,
        NEAR.. => DiskState::Near,
        _ => DiskState::Fine,
    }
}

fn rank(state: DiskState) -> u8 {
    match state {
        DiskState::Fine => 0,
        DiskState::Near => 1,
        DiskState::Full => 2,
    }
}

/// As people see it; nothing while it was not measured.
pub(super) fn view(row: &Row) -> Option<InstanceDisks> {
    Some(InstanceDisks {
        measured_at: row.disks.at?,
        state: state(percent(&row.spec, &row.disks)),
        system_bytes: row.disks.system,
        system_limit_bytes: u64::from(row.spec.system_disk_gb) * GB,
        data_bytes: row.disks.data,
        data_limit_bytes: u64::from(row.spec.data_disk_gb) * GB,
    })
}
