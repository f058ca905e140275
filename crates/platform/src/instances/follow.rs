//! What an instance says, as it is said, for an open socket.
//!
//! At first the end of it, then what comes, after a mark: a server that stops, an engine that is started anew and a container
//! that was made again lose no line that the engine kept. Each follower holds a connection to an engine; there are so many
//! of them and no more.

use std::sync::Arc;
use std::time::Duration;

use contract::instances::{InstanceLogLine, InstanceLogQuery, InstanceLogs, InstanceState, LogsMessage};
use contract::{ErrorCode, InstanceId};
use runtime::docker::containers::{LogLine, LogLines, LogMark, LogStart, LogStep, LogStream, Logs, LogsOf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::logs::{MAX_LINE, line, said, start};
use super::store::{self, Row};
use super::work::{Trouble, reach};
use super::{own_row, worker};
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result};

/// Followers that one server has at a time.
pub(crate) const MOST: usize = 2000;
/// Between two looks whether there is something to follow.
const LOOK: Duration = Duration::from_secs(2);
/// Lines that come within this time are one message.
const TOGETHER: Duration = Duration::from_millis(100);
/// Lines, and bytes, of one message.
const MOST_LINES: usize = 500;
const MOST_BYTES: usize = 256 << 10;

/// An open subscription. Dropping it ends it.
pub struct LogWatch {
    platform: Platform,
    row: Row,
    topic: String,
    epoch: String,
    seq: u64,
    mark: Option<LogMark>,
    /// What the reader begins with, until it was said.
    begin: Option<InstanceLogs>,
    lines: Option<LogLines>,
    /// Something may have been said since, also where it runs no more.
    rest: bool,
    /// What was said last of a line that has no end yet, of each of its outputs.
    unfinished: [Option<InstanceLogLine>; 2],
    _place: OwnedSemaphorePermit,
}

/// Begins to follow one of one's own; it goes on until the instance is gone, or the caller's session.
///
/// # Errors
/// As [`super::logs`], and `RateLimited` where too many are followed from this server.
pub async fn watch_logs(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    query: &InstanceLogQuery,
) -> Result<LogWatch> {
    let row = own_row(platform, ctx, id).await?;
    let start = start(Wrong::new(), query)?;
    let place = platform.followers().try_acquire_owned();
    let place = place.map_err(|_| Error::new(ErrorCode::RateLimited).with_key("error-too-many-followers"))?;
    let begin = said(platform, &row, start).await?;
    let mark = begin.mark.as_deref().and_then(|mark| mark.parse().ok());
    let open = |error: bool| begin.unfinished.iter().find(|line| line.error == error).cloned();
    let unfinished = [open(false), open(true)];
    Ok(LogWatch {
        platform: platform.clone(),
        row,
        topic: format!("instance/{id}/logs"),
        epoch: uuid::Uuid::new_v4().simple().to_string(),
        seq: 0,
        mark,
        begin: Some(begin),
        lines: None,
        rest: true,
        unfinished,
        _place: place,
    })
}

impl LogWatch {
    /// The next encoded [`LogsMessage`]: the end of what was said, then what comes. `None` when the instance is gone.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        if let Some(begin) = self.begin.take() {
            return Some(self.encoded(begin));
        }
        loop {
            if self.lines.is_none() && !self.open().await? {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let before = self.unfinished.clone();
            let gathered = self.gather().await;
            if let Some(last) = gathered.last() {
                self.mark = Some(last.mark);
            }
            if !gathered.is_empty() || self.unfinished != before {
                let mark = self.mark.map(|mark| mark.to_string());
                let lines = gathered.into_iter().map(line).collect();
                let unfinished = self.unfinished.iter().flatten().cloned().collect();
                return Some(self.encoded(InstanceLogs { lines, unfinished, mark, ..Default::default() }));
            }
        }
    }

    /// Whether there is something to follow now; `None` when there never will be.
    async fn open(&mut self) -> Option<bool> {
        match self.reread().await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                tracing::debug!(%error, "an instance that is followed could not be read");
                return Some(false);
            }
        }
        let Some(container) = self.row.container.clone() else { return Some(false) };
        // What has stopped meanwhile is read to its end, once.
        let runs = self.row.state() == InstanceState::Running;
        if !runs && !self.rest {
            return Some(false);
        }
        self.rest = runs;
        let start = self.mark.map_or(LogStart::Oldest, LogStart::After);
        let opened = async {
            let engine = reach(&self.platform, self.row.machine).await?;
            let asked = Logs { of: LogsOf::Both, start, follow: true, max_line: MAX_LINE };
            Ok::<_, Trouble>(engine.logs(&container, asked).await?)
        };
        match opened.await {
            Ok(lines) => self.lines = Some(lines),
            // An engine that is away now is asked again.
            Err(trouble) => tracing::debug!(error = %trouble.told(), "an instance could not be followed"),
        }
        Some(self.lines.is_some())
    }

    /// False when it is gone.
    async fn reread(&mut self) -> Result<bool> {
        let mut tx = self.platform.db().begin(&worker(&self.platform)).await?;
        let row = store::find(&mut tx, self.row.id).await?;
        tx.commit().await?;
        match row.filter(|row| row.deleted_at.is_none()) {
            Some(row) => self.row = row,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// What comes next, with what comes right after it; nothing when there is no more to follow for now.
    async fn gather(&mut self) -> Vec<LogLine> {
        let Some(lines) = &mut self.lines else { return Vec::new() };
        let mut gathered = Vec::new();
        let mut bytes = 0;
        let mut until = None;
        while gathered.len() < MOST_LINES && bytes < MOST_BYTES {
            let next = match until {
                None => lines.step().await,
                Some(until) => match timeout_at(until, lines.step()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            match next {
                Some(Ok(step)) => {
                    until = until.or_else(|| Some(Instant::now() + TOGETHER));
                    match step {
                        LogStep::Line(line) => {
                            self.unfinished[usize::from(line.of == LogStream::Err)] = None;
                            bytes += line.text.len();
                            gathered.push(line);
                        }
                        LogStep::Unfinished(open) => {
                            let stream = usize::from(open.of == LogStream::Err);
                            self.unfinished[stream] = Some(line(open));
                        }
                    }
                }
                // It is opened anew: silence, an engine that went away, and an end look the same.
                Some(Err(_)) | None => {
                    self.lines = None;
                    break;
                }
            }
        }
        gathered
    }

    fn encoded(&mut self, data: InstanceLogs) -> Arc<str> {
        let (topic, epoch, seq) = (self.topic.clone(), self.epoch.clone(), self.seq);
        self.seq += 1;
        let message = match seq {
            0 => LogsMessage::Snapshot { topic, epoch, seq, data },
            _ => LogsMessage::Delta { topic, epoch, seq, data },
        };
        serde_json::to_string(&message).expect("live messages have string keys only").into()
    }
}
