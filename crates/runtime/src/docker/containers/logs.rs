//! What a container says, line by line.
//!
//! An engine sends pieces: 8 bytes of head (which of the two it is, and how long), then a time, a space, and text. A line is
//! one piece, or several where it is longer than 16 KiB; the last one ends with a line end. What is read back is what the
//! program wrote, with any bytes in it. Of a line without an end an engine tells no more than such pieces, so that a progress bar
//! is seen in steps.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::Containers;
use super::events::seconds;
use super::lifecycle::path;
use super::refusal::{Doing, refusal};
use super::wire::{Ask, Flow, QUICK};
use crate::docker::{Fault, FaultKind};

/// Bytes of a line that are kept: least and most of what can be asked for.
const LINE: std::ops::RangeInclusive<usize> = 64..=(1 << 20);
/// Bytes of a piece that are kept, however little of a line is: engines send 16 KiB at most.
const PIECE: usize = 32 << 10;
/// A time and the space behind it, bytes.
const TIME: usize = 40;
/// After this long without a line the connection may have died without a word.
const SILENCE: Duration = Duration::from_secs(600);
/// A line may stand behind one that is this much later, nanoseconds.
const SLACK: i64 = 1_000_000_000;
/// So many lines are remembered at most while one is open, and otherwise.
const MAX_SEEN: usize = 1 << 16;
const HALF_SEEN: usize = 1 << 12;
/// Where a piece of no program begins: the engine itself has something to say.
const ENGINES_OWN: u8 = 3;

/// Which lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logs {
    pub of: LogsOf,
    pub start: LogStart,
    /// Goes on with what is said until the container ends.
    pub follow: bool,
    /// Bytes of a line; what is longer is cut, unless a carriage return writes over it: then the oldest goes. 64 to 1 MiB.
    pub max_line: usize,
}

/// Whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogsOf {
    Both,
    One(LogStream),
}

/// What a program says, and what it complains about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    Out,
    Err,
}

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStart {
    /// From the oldest that the engine kept.
    Oldest,
    /// From so many lines before the end.
    Tail(u32),
    /// After a line that was seen, asked for in the same way.
    After(LogMark),
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub of: LogStream,
    pub at: Option<DateTime<Utc>>,
    /// Without its end. What is no UTF-8 is shown as U+FFFD; everything else is as it was written, colours and cursors too.
    pub text: String,
    /// There was more of it.
    pub is_cut: bool,
    /// It had no end yet when there was no more to read, or to be told of it meanwhile.
    pub is_open: bool,
    /// Where to go on after it.
    pub mark: LogMark,
}

/// What is told to who looks on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogStep {
    Line(LogLine),
    /// What there is of a line that has no end yet; it takes the place of what was told of it before.
    Unfinished(LogLine),
}

/// Which lines were seen: so many of those from a time on.
///
/// A container's two streams are written down side by side, so that a line may stand behind one of a later time. The time
/// here is therefore well before that of the newest line, and who comes back passes over what was seen since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogMark {
    /// The engine's time, nanoseconds since 1970.
    since: i64,
    lines: u32,
    /// The time of the first of them: a log that was turned over does not begin with it.
    first: i64,
}

/// To be kept: `1795732552992219865-1-1795732552992219865`.
impl std::fmt::Display for LogMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.since, self.lines, self.first)
    }
}

impl FromStr for LogMark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |part: &&str| part.bytes().all(|c| c.is_ascii_digit());
        let parts: Vec<&str> = text.split('-').filter(plain).collect();
        let [since, lines, first] = parts[..] else { return Err(()) };
        match (since.parse(), lines.parse(), first.parse()) {
            (Ok(since), Ok(lines), Ok(first)) if text.matches('-').count() == 2 => Ok(Self { since, lines, first }),
            _ => Err(()),
        }
    }
}

/// Lines as they come.
pub struct LogLines {
    flow: Flow,
    reader: Reader,
    silence: Duration,
    ended: bool,
    /// Said last, after what was whole before it.
    fault: Option<Fault>,
}

impl Containers {
    /// What it says and said. A log goes with its container.
    ///
    /// # Errors
    /// As everything here.
    pub async fn logs(&self, id: &str, logs: Logs) -> Result<LogLines, Fault> {
        let own = self.own(id).await?;
        let ask = Ask::get(path(&own, "/logs"))
            .with("stdout", logs.of != LogsOf::One(LogStream::Err))
            .with("stderr", logs.of != LogsOf::One(LogStream::Out))
            .with("follow", logs.follow)
            .with("timestamps", true);
        let ask = match logs.start {
            LogStart::Oldest => ask,
            LogStart::Tail(lines) => ask.with("tail", lines),
            LogStart::After(mark) => ask.with("since", seconds(mark.since)),
        };
        let flow = self.wire.flow(ask).await?.map_err(|answer| refusal(Doing::Other, &answer))?;
        let silence = if logs.follow { SILENCE } else { QUICK };
        Ok(LogLines { flow, reader: Reader::new(logs.max_line, logs.start), silence, ended: false, fault: None })
    }
}

impl LogLines {
    /// The next one. `None` when there is no more, and after a fault.
    pub async fn next(&mut self) -> Option<Result<LogLine, Fault>> {
        loop {
            match self.step().await? {
                Ok(LogStep::Line(line)) => return Some(Ok(line)),
                Ok(LogStep::Unfinished(_)) => {}
                Err(fault) => return Some(Err(fault)),
            }
        }
    }

    /// The same, with what becomes of lines before they end.
    pub async fn step(&mut self) -> Option<Result<LogStep, Fault>> {
        loop {
            if let Some(line) = self.reader.ready.pop_front() {
                return Some(Ok(LogStep::Line(line)));
            }
            if let Some(line) = self.reader.unfinished() {
                return Some(Ok(LogStep::Unfinished(line)));
            }
            if self.ended {
                return self.fault.take().map(Err);
            }
            match timeout(self.silence, self.flow.next()).await {
                Ok(Some(Ok(bytes))) => self.note(|reader| reader.push(&bytes)),
                Ok(Some(Err(fault))) => self.note(|_| Err(fault)),
                Ok(None) => {
                    self.ended = true;
                    self.note(Reader::end);
                }
                Err(_) => {
                    let words = format!("nothing was said for {} s", self.silence.as_secs());
                    self.note(|_| Err(Fault::new(FaultKind::Timeout, words)));
                }
            }
        }
    }

    fn note(&mut self, step: impl FnOnce(&mut Reader) -> Result<(), Fault>) {
        if let Err(fault) = step(&mut self.reader) {
            self.ended = true;
            self.fault = Some(fault);
        }
    }
}

/// Bytes to lines.
pub(super) struct Reader {
    max_line: usize,
    /// What there is of a piece's head.
    head: Vec<u8>,
    piece: Option<Piece>,
    /// What there is of a line, of each of the two.
    open: [Option<Open>; 2],
    /// Of which there is more than was told.
    grown: [bool; 2],
    seen: Seen,
    /// What was seen over another connection; `None` once the first line has shown whether it is still there.
    before: Option<LogMark>,
    /// So many lines were seen before.
    skip: u32,
    pub(super) ready: VecDeque<LogLine>,
}

struct Piece {
    of: u8,
    left: usize,
    size: usize,
    /// As much as there is room for.
    kept: Vec<u8>,
    last: u8,
}

struct Open {
    at: Option<DateTime<Utc>>,
    text: Vec<u8>,
    is_cut: bool,
}

impl Open {
    /// More of the line. Of a progress bar, which begins anew all the time, the newest is kept.
    fn add(&mut self, mut text: &[u8], max_line: usize) {
        if self.is_cut {
            // Something is missing behind what is kept: only what begins later is whole.
            let Some(at) = anew(text, text.len().saturating_sub(max_line)) else { return };
            text = &text[at + 1..];
            self.text.clear();
            self.is_cut = false;
        }
        self.text.extend_from_slice(text);
        let over = self.text.len().saturating_sub(max_line);
        if over > 0
            && let Some(at) = anew(&self.text, over)
        {
            self.text.drain(..=at);
        }
        if self.text.len() > max_line {
            self.text.truncate(max_line);
            self.is_cut = true;
        }
    }
}

/// The first carriage return from there on, else the last before, that something follows: there a line begins anew.
fn anew(text: &[u8], from: usize) -> Option<usize> {
    let last = text.iter().rposition(|byte| *byte != b'\r')?;
    let (before, after) = text[..last].split_at(from.min(last));
    let later = after.iter().position(|byte| *byte == b'\r').map(|at| before.len() + at);
    later.or_else(|| before.iter().rposition(|byte| *byte == b'\r'))
}

impl Reader {
    pub(super) fn new(max_line: usize, start: LogStart) -> Self {
        let before = if let LogStart::After(mark) = start { Some(mark) } else { None };
        Self {
            max_line: max_line.clamp(*LINE.start(), *LINE.end()),
            head: Vec::new(),
            piece: None,
            open: [None, None],
            grown: [false; 2],
            seen: Seen::new(start),
            before,
            skip: 0,
            ready: VecDeque::new(),
        }
    }

    /// # Errors
    /// These are no logs, or the engine says that it cannot go on.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let Some(piece) = &mut self.piece else {
                let (head, rest) = bytes.split_at(bytes.len().min(8 - self.head.len()));
                self.head.extend_from_slice(head);
                bytes = rest;
                self.piece = self.begin()?;
                continue;
            };
            let (part, rest) = bytes.split_at(bytes.len().min(piece.left));
            let room = self.max_line.max(PIECE) + TIME - piece.kept.len();
            piece.kept.extend_from_slice(&part[..part.len().min(room)]);
            piece.last = part.last().copied().unwrap_or(piece.last);
            piece.left -= part.len();
            bytes = rest;
            if piece.left == 0
                && let Some(piece) = self.piece.take()
            {
                self.take(piece)?;
            }
        }
        Ok(())
    }

    /// What a head says, where it is whole.
    fn begin(&mut self) -> Result<Option<Piece>, Fault> {
        let Ok(head) = <[u8; 8]>::try_from(&self.head[..]) else { return Ok(None) };
        self.head.clear();
        let [of, 0, 0, 0, size @ ..] = head else {
            return Err(Fault::new(FaultKind::NotEngine, "these are no logs"));
        };
        let size = u32::from_be_bytes(size) as usize;
        match of {
            0..=ENGINES_OWN if size > 0 => Ok(Some(Piece { of, left: size, size, kept: Vec::new(), last: 0 })),
            0..=ENGINES_OWN => Ok(None),
            _ => Err(Fault::new(FaultKind::NotEngine, "these are no logs")),
        }
    }

    fn take(&mut self, piece: Piece) -> Result<(), Fault> {
        if piece.of == ENGINES_OWN {
            return Err(Fault::new(FaultKind::Other, String::from_utf8_lossy(&piece.kept)));
        }
        let (at, text) = stamped(&piece.kept);
        let is_over = piece.size > piece.kept.len();
        let is_whole = piece.last == b'\n';
        let text = if is_over { text } else { text.strip_suffix(b"\n").unwrap_or(text) };
        let of = usize::from(piece.of == 2);
        // The pieces of a line have one time. The driver `local` of old engines lost the line end of the last one.
        if self.open[of].as_ref().is_some_and(|open| open.at != at) {
            self.close(of, false);
        }
        let max_line = self.max_line;
        let open = self.open[of].get_or_insert_with(|| Open { at, text: Vec::new(), is_cut: false });
        open.add(text, max_line);
        open.is_cut |= is_over;
        self.grown[of] = true;
        if is_whole {
            self.close(of, false);
        }
        Ok(())
    }

    /// A line without an end of which there is more than was told; what was told whole over another connection is not begun anew.
    pub(super) fn unfinished(&mut self) -> Option<LogLine> {
        if self.skip > 0 || self.before.is_some() {
            return None;
        }
        let of = self.grown.iter().position(|grown| *grown)?;
        self.grown[of] = false;
        let open = self.open[of].as_ref()?;
        Some(line(of, open, true, LogMark::default()))
    }

    fn close(&mut self, of: usize, is_open: bool) {
        self.grown[of] = false;
        let Some(open) = self.open[of].take() else { return };
        let nanos = |open: &Open| open.at.and_then(|at| at.timestamp_nanos_opt());
        let at = nanos(&open);
        if let Some(before) = self.before.take()
            && at == Some(before.first)
        {
            self.skip = before.lines;
        }
        let mark = self.seen.note(at, self.open[1 - of].as_ref().and_then(nanos));
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.ready.push_back(line(of, &open, is_open, mark));
    }

    /// There is no more: what is left without a line end is a line.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        if self.piece.is_some() || !self.head.is_empty() {
            return Err(Fault::new(FaultKind::Closed, "the logs ended within a piece"));
        }
        (0..2).for_each(|of| self.close(of, true));
        Ok(())
    }
}

fn line(of: usize, open: &Open, is_open: bool, mark: LogMark) -> LogLine {
    LogLine {
        of: if of == 0 { LogStream::Out } else { LogStream::Err },
        at: open.at,
        text: shown(&open.text, open.is_cut),
        is_cut: open.is_cut,
        is_open,
        mark,
    }
}

/// The times of the lines that were told, from a time on that follows the newest.
struct Seen {
    since: Option<i64>,
    times: VecDeque<i64>,
    newest: i64,
    /// How far the first time is before that of the first line.
    slack: i64,
}

impl Seen {
    fn new(start: LogStart) -> Self {
        let (since, slack) = match start {
            LogStart::Oldest => (None, SLACK),
            // What is before the first line was not told.
            LogStart::Tail(_) => (None, 0),
            LogStart::After(mark) => (Some(mark.since), SLACK),
        };
        Self { since, times: VecDeque::new(), newest: 0, slack }
    }

    /// One more was told; `open` is the time of one that is not whole yet, and has to be told to who comes back.
    fn note(&mut self, at: Option<i64>, open: Option<i64>) -> LogMark {
        if let Some(at) = at {
            let since = *self.since.get_or_insert((at - self.slack).max(0));
            self.newest = self.newest.max(at);
            if at >= since {
                self.times.push_back(at);
            }
            let middle = self.times.get(self.times.len() / 2).copied().unwrap_or(since);
            let next = match self.times.len() {
                MAX_SEEN.. => Some(middle),
                HALF_SEEN.. => Some(middle.min(open.unwrap_or(middle))),
                _ if self.newest - since > 2 * SLACK => Some((self.newest - SLACK).min(open.unwrap_or(i64::MAX))),
                _ => None,
            };
            if let Some(next) = next.filter(|next| *next > since) {
                self.since = Some(next);
                self.times.retain(|time| *time >= next);
            }
        }
        let lines = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        let first = self.times.front().copied().unwrap_or_default();
        LogMark { since: self.since.unwrap_or_default(), lines, first }
    }
}

/// The time before a piece's text.
fn stamped(piece: &[u8]) -> (Option<DateTime<Utc>>, &[u8]) {
    let end = piece.iter().take(TIME).position(|byte| *byte == b' ');
    let read = end.and_then(|end| {
        let at = DateTime::parse_from_rfc3339(std::str::from_utf8(&piece[..end]).ok()?).ok()?;
        Some((Some(at.with_timezone(&Utc)), &piece[end + 1..]))
    });
    read.unwrap_or((None, piece))
}

/// As text of one line that can be stored.
fn shown(text: &[u8], is_cut: bool) -> String {
    // A letter that the cut went through is not shown as a broken one.
    let broken = text.utf8_chunks().last().map_or(0, |last| last.invalid().len());
    let text = if is_cut { &text[..text.len() - broken] } else { text };
    String::from_utf8_lossy(text).replace(['\0', '\n'], "\u{fffd}")
}

#[cfg(test)]
mod tests;
