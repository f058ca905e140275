//! What shows that an instance is used: the load of the GPUs it holds, as agents measured it every second, and where it has
//! none, the time of processors that its engine counted since the look before. An open page or shell shows nothing.

use std::time::Duration;

use chrono::TimeDelta;
use contract::instances::IdleReason;
use contract::machines::Presence;
use contract::metrics::MachineLive;
use runtime::docker::containers::Sample;

use super::judge::Seen;
use crate::instances::store::{self, HeldCard, Row};
use crate::instances::work;
use crate::{OpContext, Platform, Result, metrics};

/// So far back is looked: agents that were cut off send up to ten minutes late.
const BACK: TimeDelta = TimeDelta::minutes(12);
/// A figure that old says nothing of now.
const FRESH: TimeDelta = TimeDelta::seconds(90);
/// How long an engine may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// From which load on it is used, percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thresholds {
    pub gpu: u32,
    pub cpu: u32,
}

/// One look.
pub(super) async fn look(
    platform: &Platform,
    ctx: &OpContext,
    row: &Row,
    before: Option<&Sample>,
    thresholds: Thresholds,
) -> Result<Seen> {
    match row.spec.gpu_count {
        0 => Ok(processors(platform, ctx, row, before, thresholds.cpu).await),
        _ => cards(platform, ctx, row, thresholds.gpu).await,
    }
}

fn unknown(reason: IdleReason) -> Seen {
    Seen { unknown: Some(reason), ..Seen::default() }
}

async fn cards(platform: &Platform, ctx: &OpContext, row: &Row, threshold: u32) -> Result<Seen> {
    let mut tx = platform.db().begin(ctx).await?;
    let ids = store::cards_of(&mut tx, row.id).await?;
    let held = store::held_cards(&mut tx, row.id).await?;
    let since = ctx.now() - BACK;
    let used = metrics::gpu_activity(&mut tx, &ids, (since, ctx.now()), f64::from(threshold) as f32).await?;
    tx.commit().await?;
    let live = metrics::live_of_machine(platform, ctx, &row.machine_code).await.ok();
    let online = live.as_ref().is_some_and(|live| live.presence == Presence::Online);
    // Every one of them has to speak: one that is silent may be the one that works.
    let fresh = |id: &i64| used.iter().any(|it| it.gpu == *id && ctx.now() - it.seen_at <= FRESH);
    if ids.is_empty() || !ids.iter().all(fresh) {
        return Ok(unknown(if online { IdleReason::NotMeasured } else { IdleReason::NotReported }));
    }
    let own = live.as_ref().filter(|_| online).and_then(|live| own_memory(live, row.container.as_deref()?));
    // On a shared card the load is everybody's: of who has no program there it is none.
    let foreign = held.iter().all(|card: &HeldCard| card.share_mib.is_some()) && own == Some(0);
    Ok(Seen {
        active_at: used.iter().filter_map(|it| it.active_at).max().filter(|_| !foreign),
        gpu_percent: used.iter().filter_map(|it| it.recent_percent).reduce(f32::max),
        gpu_memory: own.and_then(|bytes| i64::try_from(bytes).ok()),
        ..Seen::default()
    })
}

/// GPU memory of its own programs, where they are listed.
fn own_memory(live: &MachineLive, container: &str) -> Option<u64> {
    live.processes_at?;
    let own = live.processes.iter().filter(|it| it.container.as_deref() == Some(container));
    // One whose memory is not known is there all the same.
    Some(own.map(|it| it.gpu_memory_bytes.unwrap_or(1)).sum())
}

async fn processors(platform: &Platform, ctx: &OpContext, row: &Row, before: Option<&Sample>, threshold: u32) -> Seen {
    let Some(container) = row.container.as_deref() else { return unknown(IdleReason::NotReached) };
    let asked = tokio::time::timeout(PATIENCE, async {
        let engine = work::reach(platform, row.machine).await.ok()?;
        engine.sample(container).await.ok()?
    });
    let Ok(Some(now)) = asked.await else { return unknown(IdleReason::NotReached) };
    let percent = before.and_then(|before| now.cpu_percent_since(before));
    let Some(percent) = percent else { return Seen { counters: Some(now), ..unknown(IdleReason::FirstLook) } };
    Seen {
        active_at: (percent >= f64::from(threshold)).then_some(ctx.now()),
        cpu_percent: Some(percent as f32),
        counters: Some(now),
        ..Seen::default()
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use contract::metrics::ProcessView;

    use super::*;

    #[test]
    fn only_its_own_programs_are_its_own() {
        let process = |container: &str, bytes| ProcessView {
            pid: 1,
            gpus: vec![0],
            user: None,
            command: None,
            container: Some(container.to_owned()),
            gpu_memory_bytes: bytes,
            started_at: None,
            stray: false,
        };
        let mut live = MachineLive {
            id: "host-001".to_owned(),
            presence: Presence::Online,
            monitored: true,
            at: None,
            host: Default::default(),
            gpus: Vec::new(),
            processes: vec![process("theirs", Some(5)), process("ours", Some(7)), process("ours", None)],
            processes_at: Some(Utc::now()),
        };
        assert_eq!((own_memory(&live, "ours"), own_memory(&live, "nobody's")), (Some(8), Some(0)));
        live.processes_at = None;
        assert_eq!(own_memory(&live, "ours"), None, "what is not listed is not known");
    }
}
