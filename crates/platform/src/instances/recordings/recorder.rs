//! Somebody who writes down what a screen shows while it shows it.
//!
//! Invariants: what waits to be written is bounded, and who brings it waits for room; what was brought is in the store half
//! a second later, whatever becomes of this process; a recording that is as long as it may be, or cannot be written on, ends,
//! and what was recorded goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::access::RecordingEnding;
use runtime::docker::containers::TerminalSize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, timeout};
use uuid::Uuid;

use super::cast::{self, Letters};
use super::{renew, write_end};
use crate::files::Appender;
use crate::secrets::Keyring;
use crate::{Error, Platform, Result};

/// How often what came is written.
const FLUSH: Duration = Duration::from_millis(500);
/// Bytes that are written before that.
const FRAME: usize = 64 << 10;
/// Pieces that wait.
const WAITING: usize = 16;
/// How long who brings something waits for room: a store that hangs holds up no shell.
const STUCK: Duration = Duration::from_secs(10);
/// How often it is said that it goes on.
const RENEW: Duration = Duration::from_secs(20);
/// Tries to write that it ended.
const TRIES: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_secs(2);

enum Said {
    Output(Vec<u8>),
    Input(Vec<u8>),
    Size(TerminalSize),
    Over(Option<i32>),
}

/// See the module. When it is dropped, what it wrote down ends there.
pub struct Recorder {
    said: mpsc::Sender<Said>,
    written: JoinHandle<()>,
    with_input: bool,
    screen: bool,
    /// Something was not taken in time.
    deaf: AtomicBool,
}

impl Recorder {
    pub(super) fn begin(platform: &Platform, id: Uuid, sheet: Option<Sheet>, with_input: bool) -> Self {
        let (said, heard) = mpsc::channel(WAITING);
        let screen = sheet.is_some();
        let written = tokio::spawn(write(platform.clone(), id, heard, sheet));
        Self { said, written, with_input, screen, deaf: AtomicBool::new(false) }
    }

    /// What was shown.
    pub async fn output(&self, bytes: &[u8]) {
        self.bring(|| Said::Output(bytes.to_vec())).await;
    }

    /// What was typed; left out where the policy does not want it.
    pub async fn input(&self, bytes: &[u8]) {
        if self.with_input {
            self.bring(|| Said::Input(bytes.to_vec())).await;
        }
    }

    /// Its size from now on.
    pub async fn size(&self, size: TerminalSize) {
        self.bring(|| Said::Size(size)).await;
    }

    async fn bring(&self, said: impl FnOnce() -> Said) {
        if !self.screen || self.said.is_closed() || self.deaf.load(Ordering::Relaxed) {
            return;
        }
        // One that has ended takes nothing, which is as well.
        if timeout(STUCK, self.said.send(said())).await.is_err() {
            tracing::error!("the store takes nothing: a recording was given up");
            self.deaf.store(true, Ordering::Relaxed);
        }
    }

    /// It is over, with this exit code where it is known; back when that is written.
    pub async fn over(self, code: Option<i32>) {
        let _ = timeout(STUCK, self.said.send(Said::Over(code))).await;
        self.left().await;
    }

    /// It is over, and nobody knows how; back when that is written.
    pub async fn left(self) {
        let Self { said, written, .. } = self;
        drop(said);
        // A store that hangs, or a database that is away, holds up the end of nothing else.
        let _ = timeout(STUCK, written).await;
    }
}

/// What is written on: lines that wait, and the file.
pub(super) struct Sheet {
    file: Appender,
    keyring: Keyring,
    id: Uuid,
    begun: Instant,
    output: Letters,
    input: Letters,
    size: TerminalSize,
    lines: String,
    frames: u32,
    bytes: u64,
    most: u64,
}

impl Sheet {
    /// With its first line, which is in the store when this is back.
    pub(super) async fn begin(
        (file, keyring): (Appender, Keyring),
        id: Uuid,
        (size, first): (TerminalSize, String),
        most: u64,
    ) -> Result<Self> {
        let mut sheet = Self {
            file,
            keyring,
            id,
            begun: Instant::now(),
            output: Letters::default(),
            input: Letters::default(),
            size,
            bytes: first.len() as u64,
            lines: first,
            frames: 0,
            most,
        };
        sheet.flush(true).await?;
        Ok(sheet)
    }

    /// False when it is full.
    async fn take(&mut self, said: Said) -> Result<bool> {
        let after = self.begun.elapsed();
        let line = match said {
            Said::Output(bytes) => cast::event(after, cast::OUTPUT, &self.output.read(&bytes)),
            Said::Input(bytes) => cast::event(after, cast::INPUT, &self.input.read(&bytes)),
            Said::Size(size) if size == self.size => return Ok(true),
            Said::Size(size) => {
                self.size = size;
                cast::event(after, cast::SIZE, &format!("{}x{}", size.cols(), size.rows()))
            }
            Said::Over(_) => return Ok(true),
        };
        if self.bytes + line.len() as u64 > self.most {
            let end = cast::event(after, cast::MARKER, "The recording ends here: it is as long as one may be.");
            self.lines.push_str(&end);
            self.bytes += end.len() as u64;
            return Ok(false);
        }
        self.bytes += line.len() as u64;
        self.lines.push_str(&line);
        if self.lines.len() >= FRAME {
            self.flush(false).await?;
        }
        Ok(true)
    }

    async fn flush(&mut self, sync: bool) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let sealed = self.keyring.seal(&context(self.id, self.frames), self.lines.as_bytes());
        self.file.append(&sealed, sync).await?;
        self.lines.clear();
        self.frames += 1;
        Ok(())
    }
}

/// What a frame is sealed for: its place in its recording, so that none is put elsewhere, or left out between others.
pub(super) fn context(id: Uuid, frame: u32) -> String {
    format!("recordings.content:{id}:{frame}")
}

async fn write(platform: Platform, id: Uuid, mut heard: mpsc::Receiver<Said>, mut sheet: Option<Sheet>) {
    let (ending, code) = listen(&platform, id, &mut heard, sheet.as_mut()).await;
    // Nothing more is taken: who brings something does not wait for the end to be written.
    drop(heard);
    let bytes = sheet.as_ref().map_or(0, |sheet| sheet.bytes);
    let ending = match sheet.as_mut() {
        Some(sheet) if ending != RecordingEnding::Failed => match sheet.flush(true).await {
            Ok(()) => ending,
            Err(error) => failed(id, &error),
        },
        _ => ending,
    };
    for _ in 0..TRIES {
        match write_end(&platform, id, (ending, code), bytes).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, %id, "the end of a recording was not written"),
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

async fn listen(
    platform: &Platform,
    id: Uuid,
    heard: &mut mpsc::Receiver<Said>,
    mut sheet: Option<&mut Sheet>,
) -> (RecordingEnding, Option<i32>) {
    let mut flush = interval(FLUSH);
    flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewal = interval_at(Instant::now() + RENEW, RENEW);
    loop {
        tokio::select! {
            said = heard.recv() => match (said, sheet.as_deref_mut()) {
                (None, _) => return (RecordingEnding::Over, None),
                (Some(Said::Over(code)), _) => return (RecordingEnding::Over, code),
                (Some(_), None) => {}
                (Some(said), Some(sheet)) => match sheet.take(said).await {
                    Ok(true) => {}
                    Ok(false) => return (RecordingEnding::Limit, None),
                    Err(error) => return (failed(id, &error), None),
                },
            },
            _ = flush.tick() => if let Some(sheet) = sheet.as_deref_mut()
                && let Err(error) = sheet.flush(true).await
            {
                return (failed(id, &error), None);
            },
            _ = renewal.tick() => {
                let bytes = sheet.as_ref().map_or(0, |sheet| sheet.bytes);
                if let Err(error) = renew(platform, id, bytes).await {
                    tracing::debug!(%error, %id, "no sign of life of a recording could be written");
                }
            }
        }
    }
}

fn failed(id: Uuid, error: &Error) -> RecordingEnding {
    tracing::error!(%error, %id, "a recording could not be written on");
    RecordingEnding::Failed
}
