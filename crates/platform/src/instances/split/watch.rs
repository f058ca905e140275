//! Compares what the driver counts of an instance's programs with its share, and tells of who breaks it.

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::Observed;
use contract::specs::GpuUse;
use contract::{InstanceId, Permission};

use super::super::store::{self, HeldCard, Row, SplitRow};
use super::super::{notices, worker};
use super::Setup;
use crate::metrics::{GpuProgram, GpuPrograms};
use crate::{OpContext, Platform, Result, accounts, metrics, settings};

/// What the driver counts of a program beside what the program asks for: its context, the code of its kernels and of the
/// libraries it loads. The library leaves out what it cannot see of that, so that a program may be beyond its share by it
/// without having broken anything. Measured on an H100 (driver 580.159): 518 MiB for a context alone, up to 862 MiB for
/// PyTorch with cuBLAS, cuDNN, cuFFT and cuSOLVER loaded (docs/benchmarks.md).
const BESIDE: u64 = 1 << 30;
/// So long it has to be beyond its share: the driver counts what is just being freed.
const LONG: TimeDelta = TimeDelta::seconds(15);
/// A list of programs that is older is none of now.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// How often what was measured is written where nothing else changed.
const WRITTEN: TimeDelta = TimeDelta::seconds(60);
/// Who is at the limit and breaks it again and again is told of that no more often.
const TOLD: TimeDelta = TimeDelta::minutes(10);

/// What was measured of an instance at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measured {
    /// Nothing where the driver does not say it of each program.
    bytes: Option<u64>,
    over: bool,
    bare: bool,
}

/// Whether it is known that a share is not kept.
pub(in crate::instances) fn is_broken(row: &SplitRow, now: DateTime<Utc>) -> bool {
    row.broken_since.is_some_and(|since| row.bare || now - since >= LONG)
}

fn measure(cards: &[HeldCard], programs: &[GpuProgram], container: &str) -> Measured {
    let own = |uuid: &str| {
        let uuid = uuid.to_owned();
        programs.iter().filter(move |it| it.gpu_uuid == uuid && it.container.as_deref() == Some(container))
    };
    let mut all = Measured { bytes: Some(0), over: false, bare: false };
    for card in cards {
        let (mut bytes, mut count) = (0_u64, 0_u64);
        for program in own(&card.uuid) {
            count += 1;
            all.bare |= program.preloaded == Some(false);
            match program.bytes {
                Some(more) => bytes = bytes.saturating_add(more),
                None => all.bytes = None,
            }
        }
        all.bytes = all.bytes.map(|sum| sum.saturating_add(bytes));
        let most = card.share_mib.map(|mib| (mib.unsigned_abs() << 20).saturating_add(count.saturating_mul(BESIDE)));
        all.over |= most.is_some_and(|most| bytes > most);
    }
    all
}

/// What is known after this was measured.
fn after(before: &SplitRow, measured: Measured, at: DateTime<Utc>) -> SplitRow {
    // Without the library no program can be past it.
    let bare = measured.bare && before.setup == Some(Setup::Held);
    let broken = measured.over || bare;
    SplitRow {
        bytes: measured.bytes,
        at: Some(at),
        peak: before.peak.max(measured.bytes),
        bare,
        broken_since: broken.then(|| before.broken_since.unwrap_or(at)),
        ..before.clone()
    }
}

fn is_news(before: &SplitRow, now: &SplitRow) -> bool {
    let due = match (before.at, now.at) {
        (Some(before), Some(now)) => now - before >= WRITTEN,
        (before, now) => before.is_some() || now.is_some(),
    };
    due || (before.bare, before.broken_since) != (now.bare, now.broken_since) || before.peak < now.peak
}

/// Writes what the agent measured of the instances of a machine, tells of those that break their share, and gives back those
/// that are to be stopped for it.
pub(in crate::instances) async fn watch(platform: &Platform, rows: &[Row]) -> Result<Vec<InstanceId>> {
    let ctx = worker(platform);
    let with_gpus: Vec<&Row> = rows.iter().filter(|row| row.spec.gpu_count > 0 && row.made_at.is_some()).collect();
    let Some(first) = with_gpus.first() else { return Ok(Vec::new()) };
    let known = metrics::gpu_programs(platform, &ctx, &first.machine_code).await?;
    let known = known.filter(|known| ctx.now() - known.at < FRESH);
    let patience = settings::split_patience(platform).await;
    let mut to_stop = Vec::new();
    for row in with_gpus {
        if follow(platform, &ctx, row, known.as_ref(), patience).await? {
            to_stop.push(row.id);
        }
    }
    Ok(to_stop)
}

/// True for one that is to be stopped.
async fn follow(
    platform: &Platform,
    ctx: &OpContext,
    row: &Row,
    known: Option<&GpuPrograms>,
    patience: Option<TimeDelta>,
) -> Result<bool> {
    let mut tx = platform.db().begin(ctx).await?;
    let cards = store::held_cards(&mut tx, row.id).await?;
    let Some(mut now) = found(row, &cards, known) else { return Ok(false) };
    let runs = row.observed == Observed::Running;
    if is_news(&row.split, &now) || breach(row, &now, ctx.now()).is_some_and(|breach| breach.is_untold) {
        // What was found out elsewhere meanwhile counts: the ledger may have begun another row.
        let Some(fresh) = store::lock(&mut tx, row.id).await?.filter(|fresh| fresh.container == row.container) else {
            return Ok(false);
        };
        let Some(again) = found(&fresh, &cards, known).filter(|_| runs == (fresh.observed == Observed::Running)) else {
            return Ok(false);
        };
        now = again;
        let tells = breach(&fresh, &now, ctx.now()).is_some_and(|breach| breach.is_untold);
        if tells {
            now.told_at = Some(ctx.now());
            let staff = accounts::holders(&mut tx, Permission::InstancesOperate).await?;
            notices::share_broken(platform, &mut tx, ctx, &fresh, &staff).await?;
        }
        store::set_measured(&mut tx, row.id, &now).await?;
    }
    tx.commit().await?;
    let lasts = breach(row, &now, ctx.now()).map(|breach| ctx.now() - breach.since);
    Ok(lasts.zip(patience).is_some_and(|(lasts, patience)| lasts >= patience))
}

/// What is known now; nothing where nobody says, and what was said before gets old.
fn found(row: &Row, cards: &[HeldCard], known: Option<&GpuPrograms>) -> Option<SplitRow> {
    match (row.container.as_deref().filter(|_| row.observed == Observed::Running), known) {
        (Some(container), Some(known)) => Some(after(&row.split, measure(cards, &known.list, container), known.at)),
        (Some(_), None) => None,
        (None, _) => Some(SplitRow { bytes: None, at: None, bare: false, broken_since: None, ..row.split.clone() }),
    }
}

/// A share that is not kept.
struct Breach {
    since: DateTime<Utc>,
    is_untold: bool,
}

fn breach(row: &Row, split: &SplitRow, now: DateTime<Utc>) -> Option<Breach> {
    let since = split.broken_since.filter(|_| row.spec.gpu_use == GpuUse::Share && is_broken(split, now))?;
    let is_told = split.told_at.is_some_and(|told| told >= since || now - told < TOLD);
    Some(Breach { since, is_untold: !is_told })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn program(container: &str, gpu: &str, mib: Option<u64>, preloaded: Option<bool>) -> GpuProgram {
        GpuProgram {
            container: Some(container.to_owned()),
            gpu_uuid: gpu.to_owned(),
            bytes: mib.map(|mib| mib * MIB),
            preloaded,
        }
    }

    fn card(gpu: &str, share_mib: Option<i64>) -> HeldCard {
        HeldCard { uuid: gpu.to_owned(), share_mib }
    }

    /// Figures as they were read on an H100, MiB.
    #[test]
    fn a_share_is_broken_by_what_is_beyond_it_and_not_by_a_context() {
        let share = [card("GPU-1", Some(8192))];
        let of = |programs: &[GpuProgram]| measure(&share, programs, "ours");
        for (mib, over) in [(518, false), (8710, false), (8820, false), (9216, false), (9217, true), (9518, true)] {
            let found = of(&[program("ours", "GPU-1", Some(mib), Some(true))]);
            assert_eq!((found.bytes, found.over, found.bare), (Some(mib * MIB), over, false), "{mib}");
        }
        // Each program has a context of its own.
        let two = |each| [program("ours", "GPU-1", Some(each), None), program("ours", "GPU-1", Some(each), None)];
        assert!(!of(&two(5000)).over && of(&two(5518)).over);
        let strangers = [program("theirs", "GPU-1", Some(70_000), None), program("ours", "GPU-2", Some(70_000), None)];
        assert_eq!(of(&strangers), Measured { bytes: Some(0), over: false, bare: false });
        let unsaid = of(&[program("ours", "GPU-1", None, None), program("ours", "GPU-1", Some(20_000), None)]);
        assert_eq!((unsaid.bytes, unsaid.over), (None, true), "what is said is enough to be beyond it");
        // Several GPUs count each for itself, and whole ones have no limit.
        let cards = [card("GPU-1", Some(8192)), card("GPU-2", Some(8192)), card("GPU-3", None)];
        let one_sided = [program("ours", "GPU-1", Some(12_000), None), program("ours", "GPU-3", Some(80_000), None)];
        let found = measure(&cards, &one_sided, "ours");
        assert_eq!((found.bytes, found.over), (Some(92_000 * MIB), true));
    }

    #[test]
    fn a_breach_has_a_begin_and_an_end() {
        let at = |seconds: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let held = SplitRow { setup: Some(Setup::Held), ..SplitRow::default() };
        let said = |mib: u64, over, bare| Measured { bytes: Some(mib * MIB), over, bare };
        let first = after(&held, said(9000, true, false), at(0));
        assert!(!is_broken(&first, at(14)) && is_broken(&first, at(15)));
        let second = after(&first, said(8000, true, false), at(20));
        assert_eq!((second.broken_since, second.peak, second.bytes), (Some(at(0)), Some(9000 * MIB), Some(8000 * MIB)));
        let mended = after(&second, said(100, false, false), at(25));
        assert!(!is_broken(&mended, at(100)) && mended.peak == Some(9000 * MIB));
        // A program without the library is seen at once, unless there is none to be without.
        let bare = after(&held, said(1, false, true), at(0));
        assert!(is_broken(&bare, at(0)));
        let advisory = SplitRow { setup: Some(Setup::Image), ..SplitRow::default() };
        assert!(!is_broken(&after(&advisory, said(1, false, true), at(0)), at(100)));
        // Little is written while nothing happens.
        assert!(is_news(&held, &first) && is_news(&second, &mended));
        let quiet = after(&mended, said(90, false, false), at(30));
        assert!(!is_news(&mended, &quiet) && is_news(&mended, &SplitRow { at: Some(at(85)), ..quiet }));
    }
}
