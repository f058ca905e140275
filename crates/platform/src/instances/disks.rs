//! How much of its disks an instance takes. Storage drivers mostly refuse nothing, so none is asked to: what was written in its
//! container and on its data disk is measured by its engine now and then, its people are told at nine tenths and at all of
//! what its spec has, and a setting stops who stays beyond it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::MachineId;
use contract::instances::{DiskState, InstanceDisks, InstanceSpec, Observed};
use runtime::docker::containers::Sizes;

use super::store::{self, AskedDisks, DiskRow, Measured, Row};
use super::work::{self, Trouble};
use super::{halt, made_of, notices, worker};
use crate::{Platform, Result, engines, settings};

/// Between two times that a machine's instances are measured: an engine reads through all that was written for it.
const EVERY: TimeDelta = TimeDelta::minutes(10);
/// What was not measured for so long may have had room meanwhile.
const GAP: TimeDelta = TimeDelta::minutes(20);
/// And what was known then says nothing of now.
const STALE: TimeDelta = TimeDelta::minutes(30);
/// How long an engine may take for each of the two questions.
const PATIENCE: Duration = Duration::from_secs(120);
/// As disks are sold.
const GB: u64 = 1_000_000_000;
/// From here on it is full, percent.
const FULL: u64 = 100;
/// And nearly.
const NEAR: u64 = 90;
/// Below this it is told anew: who is right at a limit is not told again and again.
const FREE: u64 = 80;

/// Machines where it is time to measure, at most so many, those that wait longest first. Engines that did not say it last are
/// left alone for a while: they keep nobody else waiting.
pub(super) async fn due(platform: &Platform, limit: usize) -> Result<Vec<MachineId>> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let due = store::due_disks(&mut tx, platform.server_id(), (ctx.now() - EVERY, ctx.now()), limit).await?;
    tx.commit().await?;
    Ok(due)
}

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
        Err(Trouble::Engine(fault)) => Sizes { fault: Some(fault), ..Sizes::default() },
    };
    if let Some(fault) = &sizes.fault {
        tracing::warn!(machine = machine.0, %fault, "an engine does not say how much its instances take");
    }
    let mut tx = platform.db().begin(&ctx).await?;
    let fault = sizes.fault.as_ref().map(|fault| fault.kind.code());
    engines::measured_in_tx(&mut tx, machine, fault, ctx.now()).await?;
    tx.commit().await?;
    let patience = settings::disk_patience(platform).await;
    for asked in due {
        note(platform, &asked, &sizes, patience).await?;
    }
    Ok(())
}

async fn sizes(platform: &Platform, machine: MachineId) -> Result<Sizes, Trouble> {
    let engine = work::connect(platform, machine).await?;
    Ok(engine.sizes(PATIENCE).await?)
}

/// What was measured of one, and what follows, in one transaction under its lock.
async fn note(platform: &Platform, asked: &AskedDisks, sizes: &Sizes, patience: Option<TimeDelta>) -> Result<()> {
    let (ctx, id) = (worker(platform), asked.id);
    let name = made_of::name(platform, &ctx, id).await?;
    let mut tx = platform.db().begin(&ctx).await?;
    let Some(row) = store::lock(&mut tx, id).await?.filter(|row| row.deleted_at.is_none()) else { return Ok(()) };
    // Of the container that it has now and is of its spec; one that is to be made anew goes with what is in it.
    let is_same = (row.container.as_ref(), row.remakes_done) == (asked.container.as_ref(), asked.remakes)
        && !row.is_of_another_spec();
    let system = sizes.written.get(&id.to_string()).copied().filter(|_| is_same);
    let data = sizes.volumes.get(&made_of::data_volume(&name)).copied();
    let run = row.started_at.filter(|_| row.observed == Observed::Running);
    let after = after(&row.spec, &row.disks, (system, data), (run, ctx.now(), patience));
    store::set_disks(&mut tx, id, &after.now).await?;
    let percent = percent(&row.spec, &after.now);
    if let Some(stop_at) = after.stops_at {
        notices::disks(platform, &mut tx, &ctx, &row, ("disk-stops", percent, Some(stop_at))).await?;
    } else if after.tells {
        let made = if after.now.told == DiskState::Full { "disk-full" } else { "disk-near" };
        notices::disks(platform, &mut tx, &ctx, &row, (made, percent, None)).await?;
    }
    let mut stopped = false;
    if after.stops {
        stopped = halt::halt_in_tx(&mut tx, &ctx, &row, ("disk-full", &format!("{percent} %"))).await?;
        if stopped {
            store::set_disks(&mut tx, id, &DiskRow { stop_at: None, ..after.now }).await?;
            notices::disks(platform, &mut tx, &ctx, &row, ("disk-stopped", percent, None)).await?;
        }
    }
    tx.commit().await?;
    if stopped {
        platform.bell().notify_one();
    }
    Ok(())
}

/// What follows from what was measured.
struct After {
    now: DiskRow,
    /// Its people are told how full it is.
    tells: bool,
    /// They are told that it is stopped then.
    stops_at: Option<DateTime<Utc>>,
    /// That is now.
    stops: bool,
}

/// What is known after this was measured of a run, or while it stands still. What nobody knows now stays what it was: it makes
/// no room, and stops nothing. Who is stopped is told when, and has all of that time since, measured all along: in each run
/// anew, since the rule was set, and after nobody could measure for a while.
fn after(
    spec: &InstanceSpec,
    before: &DiskRow,
    (system, data): (Option<u64>, Option<u64>),
    (run, at, patience): (Option<DateTime<Utc>>, DateTime<Utc>, Option<TimeDelta>),
) -> After {
    let known = |bytes: Option<u64>, last: Option<Measured>| bytes.map(|bytes| (bytes, at)).or(last);
    let mut now = DiskRow {
        at: Some(at),
        system: known(system, before.system),
        data: known(data, before.data),
        run,
        ..before.clone()
    };
    let percent = percent(spec, &now);
    let state = state(percent);
    let tells = rank(state) > rank(now.told);
    // What was told counts until there is room again.
    if tells || percent < FREE || (now.told == DiskState::Full && state == DiskState::Near) {
        now.told = state;
    }
    let is_full = full_at(spec, &now) == Some(at);
    let goes_on = before.run == run && full_at(spec, before).is_some_and(|seen| at - seen <= GAP);
    now.stop_at = match patience.filter(|_| run.is_some()) {
        Some(patience) if is_full => before.stop_at.filter(|_| goes_on).or(Some(at + patience)),
        Some(_) if state == DiskState::Full => before.stop_at.filter(|_| before.run == run),
        _ => None,
    };
    let stops_at = now.stop_at.filter(|_| now.stop_at != before.stop_at);
    let stops = is_full && now.stop_at.is_some_and(|stop_at| stop_at <= at);
    After { now, tells, stops_at, stops }
}

/// When one of its disks was seen to be full last, of what was known last.
fn full_at(spec: &InstanceSpec, disks: &DiskRow) -> Option<DateTime<Utc>> {
    let of = |disk: Option<Measured>, gb: u32| disk.filter(|(bytes, _)| part(*bytes, gb) >= FULL).map(|(_, at)| at);
    of(disks.system, spec.system_disk_gb).max(of(disks.data, spec.data_disk_gb))
}

/// Percent of so many GB; none of nothing.
fn part(bytes: u64, gb: u32) -> u64 {
    bytes.saturating_mul(100).checked_div(u64::from(gb) * GB).unwrap_or(0)
}

/// Of the fuller one of its disks; more than a hundred where it is beyond.
fn percent(spec: &InstanceSpec, disks: &DiskRow) -> u64 {
    let of = |disk: Option<Measured>, gb: u32| disk.map_or(0, |(bytes, _)| part(bytes, gb));
    of(disks.system, spec.system_disk_gb).max(of(disks.data, spec.data_disk_gb))
}

fn state(percent: u64) -> DiskState {
    match percent {
        FULL.. => DiskState::Full,
        NEAR.. => DiskState::Near,
        _ => DiskState::Fine,
    }
}

fn rank(state: DiskState) -> u8 {
    match state {
        DiskState::Unknown | DiskState::Fine => 0,
        DiskState::Near => 1,
        DiskState::Full => 2,
    }
}

/// GB that are used on its data disk, begun ones too, as far as anybody knows.
pub(super) fn data_gb(row: &Row) -> Option<u64> {
    row.disks.data.map(|(bytes, _)| bytes.div_ceil(GB))
}

/// As people see it; nothing while it was not measured. What was measured long ago says nothing of now.
pub(super) fn view(row: &Row, now: DateTime<Utc>) -> Option<InstanceDisks> {
    let at = row.disks.at?;
    let disks = [(row.disks.system, row.spec.system_disk_gb), (row.disks.data, row.spec.data_disk_gb)];
    let had = disks.iter().filter(|(_, gb)| *gb > 0).map(|(disk, _)| disk.map(|(_, at)| at));
    let is_known = had.clone().all(|known| known == Some(at)) && now - at <= STALE;
    Some(InstanceDisks {
        measured_at: had.flatten().min().unwrap_or(at),
        state: if is_known { state(percent(&row.spec, &row.disks)) } else { DiskState::Unknown },
        system_bytes: row.disks.system.map(|(bytes, _)| bytes),
        system_limit_bytes: u64::from(row.spec.system_disk_gb) * GB,
        data_bytes: row.disks.data.map(|(bytes, _)| bytes),
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

    const NOTHING: DiskRow =
        DiskRow { at: None, system: None, data: None, told: DiskState::Fine, run: None, stop_at: None };
    const PATIENCE: Option<TimeDelta> = Some(TimeDelta::minutes(30));

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
            let after = after(&spec(), &row, (Some(percent * GB / 10), None), (None, at(0), PATIENCE));
            assert_eq!((after.now.told, after.tells), (told, tells), "{percent} %");
            assert_eq!(after.now.stop_at, None, "it does not run");
            row = after.now;
        }
    }

    fn look(row: &DiskRow, percent: Option<u64>, run: Option<i64>, now: i64, patience: Option<TimeDelta>) -> After {
        let system = percent.map(|percent| percent * GB / 10);
        after(&spec(), row, (system, None), (run.map(at), at(now), patience))
    }

    #[test]
    fn who_is_stopped_was_told_when_and_was_full_all_along_in_one_run() {
        let by = |after: &After| (after.now.stop_at, after.stops_at, after.stops);
        let off = look(&NOTHING, Some(110), Some(0), 10, None);
        assert_eq!(by(&off), (None, None, false), "there is no rule");
        let first = look(&off.now, Some(110), Some(0), 20, PATIENCE);
        assert_eq!(by(&first), (Some(at(50)), Some(at(50)), false), "time before the rule does not count");
        let second = look(&first.now, Some(130), Some(0), 40, PATIENCE);
        assert_eq!(by(&second), (Some(at(50)), None, false), "that was told");
        assert_eq!(by(&look(&second.now, Some(130), Some(0), 50, PATIENCE)), (Some(at(50)), None, true));
        assert_eq!(by(&look(&second.now, Some(99), Some(0), 50, PATIENCE)), (None, None, false));
        assert_eq!(by(&look(&second.now, Some(130), None, 50, PATIENCE)), (None, None, false));
        assert_eq!(by(&look(&second.now, Some(130), Some(0), 50, None)), (None, None, false));
        let again = (Some(at(80)), Some(at(80)), false);
        assert_eq!(by(&look(&second.now, Some(130), Some(5), 50, PATIENCE)), again, "another run");
        // Also one that seems older: an engine's clock is not a server's.
        assert_eq!(by(&look(&second.now, Some(130), Some(-5), 50, PATIENCE)), again);
        let late = by(&look(&second.now, Some(130), Some(0), 61, PATIENCE));
        assert_eq!(late, (Some(at(91)), Some(at(91)), false), "nobody measured meanwhile");
    }

    #[test]
    fn what_is_not_known_is_neither_empty_nor_full() {
        let full = look(&NOTHING, Some(110), Some(0), 10, PATIENCE).now;
        let unknown = look(&full, None, Some(0), 40, PATIENCE);
        assert_eq!(unknown.now, DiskRow { at: Some(at(40)), ..full.clone() }, "what was known stays as it was");
        assert!(!unknown.tells && !unknown.stops && unknown.stops_at.is_none());
        assert_eq!(unknown.now.system, Some((11 * GB, at(10))));
        // The time in between does not count.
        assert_eq!(look(&unknown.now, Some(110), Some(0), 50, PATIENCE).stops_at, Some(at(80)));
        let none = look(&NOTHING, None, Some(0), 10, PATIENCE);
        assert_eq!((none.now.told, none.tells, none.now.stop_at), (DiskState::Fine, false, None));
    }

    #[test]
    fn what_nobody_has_is_in_nobodys_way() {
        let none = after(&spec(), &NOTHING, (Some(0), Some(500 * GB)), (Some(at(0)), at(10), PATIENCE));
        assert_eq!((none.now.told, none.now.stop_at, none.tells), (DiskState::Fine, None, false));
    }
}
