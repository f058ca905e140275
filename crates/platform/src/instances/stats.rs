//! What instances use now.

use std::time::Duration;

use contract::instances::{InstanceGpuStats, InstanceState, InstanceStats};
use contract::machines::Presence;
use contract::metrics::MachineLive;
use contract::{ErrorCode, InstanceId};
use runtime::docker::{Fault, FaultKind};

use super::store::{self, HeldCard, Row};
use super::work::{Trouble, reach};
use super::{own_row, staff_row, worker};
use crate::{Error, OpContext, Platform, Result, metrics};

/// Between the two looks of which a share of time is made.
const BETWEEN: Duration = Duration::from_millis(500);
/// How long an engine may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What one of one's own uses now.
///
/// # Errors
/// `NotFound` where there is none, `WrongState` while it does not run, `NodeUnreachable` where its machine cannot be asked,
/// `EngineFailed` where it does not say.
pub async fn stats(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<InstanceStats> {
    used(platform, &own_row(platform, ctx, id).await?).await
}

/// The same of anybody's, for staff.
///
/// # Errors
/// As [`stats`].
pub async fn stats_of_any(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<InstanceStats> {
    used(platform, &staff_row(platform, ctx, id).await?).await
}

async fn used(platform: &Platform, row: &Row) -> Result<InstanceStats> {
    let not_running = || {
        let state = row.state().code();
        Error::new(ErrorCode::WrongState).with_key("error-instance-state").with_arg("state", state)
    };
    let Some(container) = row.container.as_deref().filter(|_| row.state() == InstanceState::Running) else {
        return Err(not_running());
    };
    let late = || Trouble::Engine(Fault::new(FaultKind::Timeout, ""));
    let asked = tokio::time::timeout(PATIENCE, sample(platform, row, container)).await;
    match asked.unwrap_or_else(|_| Err(late())) {
        Ok(Some(stats)) => {
            let disks = super::disks::view(row, worker(platform).now());
            Ok(InstanceStats { gpus: gpus(platform, row, container).await?, disks, ..stats })
        }
        Ok(None) => Err(Error::new(ErrorCode::WrongState).with_key("error-instance-ended")),
        Err(Trouble::Engine(fault)) if fault.kind == FaultKind::NotFound => {
            Err(Error::new(ErrorCode::WrongState).with_key("error-instance-ended"))
        }
        Err(trouble) => Err(trouble.told()),
    }
}

/// Nothing where it does not run.
async fn sample(platform: &Platform, row: &Row, container: &str) -> Result<Option<InstanceStats>, Trouble> {
    let engine = reach(platform, row.machine).await?;
    let Some(first) = engine.sample(container).await? else { return Ok(None) };
    tokio::time::sleep(BETWEEN).await;
    let Some(now) = engine.sample(container).await? else { return Ok(None) };
    Ok(Some(InstanceStats {
        at: now.at,
        cpu_percent: now.cpu_percent_since(&first),
        memory_usage: now.memory,
        memory_limit: now.memory_limit,
        memory_percent: now.memory_percent(),
        network_rx: now.received,
        network_tx: now.sent,
        block_read: now.read,
        block_write: now.written,
        pids: now.pids,
        disks: None,
        gpus: Vec::new(),
    }))
}

/// Its GPUs, where an agent measures them now.
async fn gpus(platform: &Platform, row: &Row, container: &str) -> Result<Vec<InstanceGpuStats>> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let held = store::held_cards(&mut tx, row.id).await?;
    tx.commit().await?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    match metrics::live_of_machine(platform, &ctx, &row.machine_code).await {
        Ok(live) if live.presence == Presence::Online => Ok(of_cards(&held, &live, container)),
        Ok(_) => Ok(Vec::new()),
        Err(error) if error.code == ErrorCode::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn of_cards(held: &[HeldCard], live: &MachineLive, container: &str) -> Vec<InstanceGpuStats> {
    let own = |index: u32| {
        let own = live.processes.iter().filter(|it| it.container.as_deref() == Some(container) && it.gpus == [index]);
        own.filter_map(|it| it.gpu_memory_bytes).sum::<u64>()
    };
    let of = |card: &HeldCard| {
        let now = live.gpus.iter().find(|gpu| gpu.uuid == card.uuid && !gpu.lost)?;
        let share = card.share_mib.map(|mib| mib.unsigned_abs() << 20);
        Some(InstanceGpuStats {
            index: now.index,
            model: now.model.clone(),
            shared: share.is_some(),
            util_percent: now.util_percent,
            // Only whose processes are listed is it known what is whose.
            memory_used_bytes: match share {
                None => now.memory_used_bytes,
                Some(_) => live.processes_at.map(|_| own(now.index)),
            },
            memory_limit_bytes: share.or(now.memory_total_bytes),
        })
    };
    held.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use contract::metrics::{GpuFigures, ProcessView};

    use super::*;

    #[test]
    fn a_share_counts_its_own_programs_and_a_whole_card_everybodys() {
        let gpu = |index: u32| GpuFigures {
            index,
            uuid: format!("GPU-{index}"),
            util_percent: Some(40.0),
            memory_used_bytes: Some(30 << 30),
            memory_total_bytes: Some(80 << 30),
            ..GpuFigures::default()
        };
        let process = |container: &str, gpus: &[u32]| ProcessView {
            pid: 1,
            gpus: gpus.to_vec(),
            user: None,
            command: None,
            container: Some(container.to_owned()),
            gpu_memory_bytes: Some(3 << 30),
            started_at: None,
            stray: false,
        };
        let mut live = MachineLive {
            id: "host-001".to_owned(),
            presence: Presence::Online,
            monitored: true,
            at: None,
            host: Default::default(),
            gpus: vec![gpu(0), gpu(1), GpuFigures { lost: true, ..gpu(2) }],
            processes: vec![
                process("ours", &[1]),
                process("ours", &[1]),
                process("theirs", &[1]),
                process("ours", &[0]),
            ],
            processes_at: Some(chrono::Utc::now()),
        };
        let card = |index: u32, share_mib| HeldCard { uuid: format!("GPU-{index}"), share_mib };
        let held = [card(0, None), card(1, Some(8192)), card(2, None), card(3, None)];
        let memory = |live: &MachineLive| {
            let of = of_cards(&held, live, "ours").into_iter();
            of.map(|it| (it.index, it.shared, it.memory_used_bytes, it.memory_limit_bytes)).collect::<Vec<_>>()
        };
        let whole = (0, false, Some(30 << 30), Some(80 << 30));
        assert_eq!(memory(&live), [whole, (1, true, Some(6 << 30), Some(8 << 30))]);
        live.processes_at = None;
        assert_eq!(memory(&live), [whole, (1, true, None, Some(8 << 30))]);
    }
}
