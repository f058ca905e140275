//! The end of what an instance says.

use std::time::Duration;

use contract::instances::{InstanceLogLine, InstanceLogQuery, MAX_LOG_LINES};
use contract::{ErrorCode, InstanceId};
use runtime::docker::containers::{LogStart, LogStream, Logs, LogsOf};
use runtime::docker::{Fault, FaultKind};

use super::own_row;
use super::work::{Meaning, Trouble, connect, kind_of};
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result};

/// Lines where nobody says how many.
const USUAL: u32 = 200;
/// Bytes of a line; what is longer is cut.
const MAX_LINE: usize = 8 << 10;
/// Bytes of all lines together.
const MAX_BYTES: usize = 1 << 20;
/// How long an engine may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The last lines of one of one's own, the oldest first. Nothing while it never ran.
///
/// # Errors
/// `NotFound` where there is none, `Validation` for too many lines, `NodeUnreachable` where its machine cannot be asked,
/// `EngineFailed` where it does not say.
pub async fn logs(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    query: &InstanceLogQuery,
) -> Result<Vec<InstanceLogLine>> {
    let row = own_row(platform, ctx, id).await?;
    let mut wrong = Wrong::new();
    wrong.number("tail", query.tail, MAX_LOG_LINES);
    wrong.into_result()?;
    let Some(container) = row.container.filter(|_| row.deleted_at.is_none()) else { return Ok(Vec::new()) };
    let read = read(platform, row.machine, &container, query.tail.unwrap_or(USUAL));
    let late = || Trouble::Engine(Fault::new(FaultKind::Timeout, ""));
    match tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| Err(late())) {
        Ok(lines) => Ok(lines),
        Err(Trouble::Ours(error)) => Err(error),
        // Somebody took it away, and what it said with it.
        Err(Trouble::Engine(fault)) if fault.kind == FaultKind::NotFound => Ok(Vec::new()),
        Err(Trouble::Engine(fault)) => {
            let code = match kind_of(fault.kind) {
                Meaning::Unreachable => ErrorCode::NodeUnreachable,
                Meaning::Wait | Meaning::Final => ErrorCode::EngineFailed,
            };
            Err(Error::new(code).with_cause(fault))
        }
    }
}

async fn read(
    platform: &Platform,
    machine: contract::MachineId,
    container: &str,
    tail: u32,
) -> Result<Vec<InstanceLogLine>, Trouble> {
    let engine = connect(platform, machine).await?;
    let asked = Logs { of: LogsOf::Both, start: LogStart::Tail(tail), follow: false, max_line: MAX_LINE };
    let mut lines = engine.logs(container, asked).await?;
    let (mut list, mut bytes) = (Vec::new(), 0);
    while let Some(line) = lines.next().await {
        let line = line?;
        bytes += line.text.len();
        if bytes > MAX_BYTES || list.len() >= MAX_LOG_LINES as usize {
            break;
        }
        list.push(InstanceLogLine { at: line.at, error: line.of == LogStream::Err, text: line.text });
    }
    Ok(list)
}
