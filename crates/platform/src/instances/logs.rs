//! What instances say: the end of it, what was said since, and what was kept of those that are gone.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::TimeDelta;
use contract::InstanceId;
use contract::instances::{
    InstanceLogLine, InstanceLogQuery, InstanceLogs, InstanceState, MAX_LOG_LINES, StaffLogQuery,
};
use runtime::docker::containers::{Containers, LogLine, LogMark, LogStart, LogStream, Logs, LogsOf};
use runtime::docker::{Fault, FaultKind};
use serde_json::json;

use super::store::{self, Row};
use super::work::{Trouble, reach};
use super::{entry, own_row, staff_row};
use crate::authz::OperateInstance;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// Lines where nobody says how many.
const USUAL: u32 = 200;
/// Bytes of a line; what is longer is cut.
pub(super) const MAX_LINE: usize = 8 << 10;
/// Bytes of all lines together.
const MAX_BYTES: usize = 1 << 20;
/// How long an engine may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the last lines of those that are gone are kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// What one of one's own says. Nothing while it never ran.
///
/// # Errors
/// `NotFound` where there is none, `Validation` for too many lines or a mark that is none, `NodeUnreachable` where its machine
/// cannot be asked, `EngineFailed` where it does not say.
pub async fn logs(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    query: &InstanceLogQuery,
) -> Result<InstanceLogs> {
    let row = own_row(platform, ctx, id).await?;
    let start = start(Wrong::new(), query)?;
    said(platform, &row, start).await
}

/// The same of anybody's, for staff; its customer reads in their own log who read it, and why.
///
/// # Errors
/// As [`logs`], and `Validation` without a reason that says something.
pub async fn logs_of_any(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    query: StaffLogQuery,
) -> Result<InstanceLogs> {
    let ctx = &ctx.trying_on("instances:read-logs", "instance", id);
    let row = staff_row(platform, ctx, id).await?;
    ctx.authorize(OperateInstance, &row.of_staff())?;
    let mut wrong = Wrong::new();
    let reason = wrong.reason(Some(query.reason));
    let start = start(wrong, &InstanceLogQuery { tail: query.tail, after: query.after })?;
    let mut tx = platform.db().begin(ctx).await?;
    let read = entry("instances:read-logs", &row, None, Some(json!({ "name": row.name, "reason": reason })));
    audit::record_in_tx(&mut tx, ctx, read).await?;
    tx.commit().await?;
    said(platform, &row, start).await
}

pub(super) fn start(mut wrong: Wrong, query: &InstanceLogQuery) -> Result<LogStart> {
    wrong.number("tail", query.tail, MAX_LOG_LINES);
    let after = query.after.as_deref().map(str::parse::<LogMark>);
    if matches!(after, Some(Err(()))) {
        wrong.add("after", "field-log-mark");
    }
    wrong.into_result()?;
    Ok(match after {
        Some(Ok(mark)) => LogStart::After(mark),
        _ => LogStart::Tail(query.tail.unwrap_or(USUAL)),
    })
}

pub(super) async fn said(platform: &Platform, row: &Row, start: LogStart) -> Result<InstanceLogs> {
    if row.deleted_at.is_some() {
        return kept(platform, row.id, start).await;
    }
    let Some(container) = &row.container else { return Ok(InstanceLogs::default()) };
    let read = async {
        let engine = reach(platform, row.machine).await?;
        let goes_on = row.state() == InstanceState::Running;
        Ok::<_, Trouble>(read(&engine, container, start, goes_on).await?)
    };
    let late = || Trouble::Engine(Fault::new(FaultKind::Timeout, ""));
    match tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| Err(late())) {
        Ok(logs) => Ok(logs),
        // Somebody took it away, and what it said with it.
        Err(Trouble::Engine(fault)) if fault.kind == FaultKind::NotFound => Ok(InstanceLogs::default()),
        Err(trouble) => Err(trouble.told()),
    }
}

async fn kept(platform: &Platform, id: InstanceId, start: LogStart) -> Result<InstanceLogs> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let kept = store::kept_logs(&mut tx, id).await?;
    tx.commit().await?;
    let Some((at, mut lines)) = kept else { return Ok(InstanceLogs::default()) };
    match start {
        LogStart::Tail(tail) => drop(lines.drain(..lines.len().saturating_sub(tail as usize))),
        // Who listened until its end has heard them.
        LogStart::After(_) => lines.clear(),
        LogStart::Oldest => {}
    }
    Ok(InstanceLogs { lines, kept_at: Some(at), ..InstanceLogs::default() })
}

/// Where it `goes_on`, a line that has no end yet is not taken for one: who comes back gets it whole.
async fn read(engine: &Containers, container: &str, start: LogStart, goes_on: bool) -> Result<InstanceLogs, Fault> {
    let asked = Logs { of: LogsOf::Both, start, follow: false, max_line: MAX_LINE };
    let mut said = engine.logs(container, asked).await?;
    let mut list: VecDeque<LogLine> = VecDeque::new();
    let (mut bytes, mut more) = (0, false);
    let over = |list: &VecDeque<LogLine>, bytes| bytes > MAX_BYTES || list.len() > MAX_LOG_LINES as usize;
    while let Some(line) = said.next().await {
        let line = line?;
        bytes += line.text.len();
        list.push_back(line);
        // Of the end the newest, of what was said since the oldest: the rest is asked for next.
        while over(&list, bytes) && !matches!(start, LogStart::After(_)) {
            bytes -= list.pop_front().map_or(0, |line| line.text.len());
        }
        if over(&list, bytes) {
            list.pop_back();
            more = true;
            break;
        }
    }
    let newest = list.back().map(|line| line.mark);
    let whole = list.iter().rposition(|line| !(goes_on && line.is_open)).map_or(0, |last| last + 1);
    let unfinished = list.split_off(whole);
    let before = match start {
        LogStart::After(mark) => Some(mark),
        _ => newest,
    };
    let mark = list.back().map(|line| line.mark).or(before).map(|mark| mark.to_string());
    let lines = list.into_iter().map(line).collect();
    Ok(InstanceLogs { lines, unfinished: unfinished.into_iter().map(line).collect(), mark, more, kept_at: None })
}

pub(super) fn line(line: LogLine) -> InstanceLogLine {
    InstanceLogLine { at: line.at, error: line.of == LogStream::Err, text: line.text, cut: line.is_cut }
}

/// Keeps the last that it said, before its container goes.
pub(super) async fn keep(
    platform: &Platform,
    engine: &Containers,
    id: InstanceId,
    container: &str,
) -> Result<(), Trouble> {
    let logs = read(engine, container, LogStart::Tail(MAX_LOG_LINES), false).await?;
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::keep_logs(&mut tx, id, &logs.lines, ctx.now()).await?;
    tx.commit().await.map_err(Error::from)?;
    Ok(())
}

/// Comes round by the clock: forgets what was kept long enough of those that are gone, and of shells that are over.
///
/// # Errors
/// Whatever keeps the database from doing it.
pub async fn clean(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::forget_logs(&mut tx, ctx.now() - KEPT).await?;
    store::forget_terminals(&mut tx, ctx.now() - KEPT).await?;
    store::tidy_visits(&mut tx, ctx.now() - KEPT).await?;
    store::tidy_apps(&mut tx, ctx.now(), ctx.now() - KEPT).await?;
    store::tidy_watches(&mut tx).await?;
    tx.commit().await?;
    super::recordings::clean(platform).await
}
