//! What instances use now.

use std::time::Duration;

use contract::instances::{InstanceState, InstanceStats};
use contract::{ErrorCode, InstanceId};
use runtime::docker::{Fault, FaultKind};

use super::store::Row;
use super::work::{Trouble, connect};
use super::{own_row, staff_row};
use crate::{Error, OpContext, Platform, Result};

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
        Ok(Some(stats)) => Ok(stats),
        Ok(None) => Err(Error::new(ErrorCode::WrongState).with_key("error-instance-ended")),
        Err(Trouble::Engine(fault)) if fault.kind == FaultKind::NotFound => {
            Err(Error::new(ErrorCode::WrongState).with_key("error-instance-ended"))
        }
        Err(trouble) => Err(trouble.told()),
    }
}

/// Nothing where it does not run.
async fn sample(platform: &Platform, row: &Row, container: &str) -> Result<Option<InstanceStats>, Trouble> {
    let engine = connect(platform, row.machine).await?;
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
    }))
}
