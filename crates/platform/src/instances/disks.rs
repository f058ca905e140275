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
    let run = row.started_at.filter(|_| row.observed == Observed::Running);
    let (now, tells) = after(&row.spec, &row.disks, (system, data), (run, ctx.now()));
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

/// What is known after this was measured of a run, or while it stands still, and whether its people are to be told.
fn after(
    spec: &InstanceSpec,
    before: &DiskRow,
    (system, data): (Option<u64>, Option<u64>),
    (run, at): (Option<DateTime<Utc>>, DateTime<Utc>),
) -> (DiskRow, bool) {
    let mut now = DiskRow { at: Some(at), system, data, ..before.clone() };
    let percent = percent(spec, &now);
    let state = state(percent);
    let tells = rank(state) > rank(now.told);
    // What was told counts until there is room again.
    if tells || percent < FREE || (now.told == DiskState::Full && state == DiskState::Near) {
        now.told = state;
    }
    // Each run has its time anew: who was stopped for it has to be able to make room.
    let run = run.filter(|_| state == DiskState::Full);
    now.full_since = run.map(|run| now.full_since.filter(|since| run <= *since).unwrap_or(at));
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

#[cfg(test)]
mod tests {
    use contract::SpecId;
    use contract::specs::GpuUse;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn spec() -> InstanceSpec {
        InstanceSpec {
            id: SpecId(1),
            name: "Ten and none".to_owned(),
            gpu_model: None,
            gpu_count: 0,
            gpu_memory_gb: None,
            gpu_use: GpuUse::Whole,
            cpu_cores: 1,
            memory_gb: 1,
            system_disk_gb: 10,
            data_disk_gb: 0,
            price_per_hour: "1".to_owned(),
            currency: "CNY".to_owned(),
        }
    }

    const NOTHING: DiskRow = DiskRow { at: None, system: None, data: None, told: DiskState::Fine, full_since: None };

    #[test]
    fn each_limit_is_told_once_until_there_is_room_again() {
        use DiskState as D;
        let mut row = NOTHING;
        for (percent, told, tells) in [
            (85, D::Fine, false),
            (90, D::Near, true),
            (99, D::Near, false),
            (85, D::Near, false),
            (92, D::Near, false),
            (100, D::Full, true),
            (300, D::Full, false),
            (95, D::Near, false),
            (101, D::Full, true),
            (79, D::Fine, false),
            (120, D::Full, true),
        ] {
            let (now, said) = after(&spec(), &row, (Some(percent * GB / 10), None), (None, at(0)));
            assert_eq!((now.told, said), (told, tells), "{percent} %");
            assert_eq!(now.full_since, None, "it does not run");
            row = now;
        }
    }

    #[test]
    fn time_beyond_is_of_one_run() {
        let look = |row: &DiskRow, percent: u64, run: Option<i64>, now: i64| {
            after(&spec(), row, (Some(percent * GB / 10), None), (run.map(at), at(now))).0
        };
        let first = look(&NOTHING, 110, Some(0), 10);
        assert_eq!(first.full_since, Some(at(10)));
        assert_eq!(look(&first, 130, Some(0), 20).full_since, Some(at(10)));
        assert_eq!(look(&first, 99, Some(0), 20).full_since, None);
        assert_eq!(look(&first, 130, None, 20).full_since, None);
        assert_eq!(look(&first, 130, Some(15), 20).full_since, Some(at(20)), "it was started again");
    }

    #[test]
    fn what_nobody_has_or_measures_is_in_nobodys_way() {
        let none = after(&spec(), &NOTHING, (None, Some(500 * GB)), (Some(at(0)), at(10)));
        assert_eq!((none.0.told, none.0.full_since, none.1), (DiskState::Fine, None, false));
    }
}
