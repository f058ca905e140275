//! The server's side: starts the child, takes its rows, tells why it died.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::child::OPTIONS_VARIABLE;
use crate::{End, ReadOptions, Refusal, Row};

/// First argument with which the host binary is started to call [`crate::child_main`].
pub const SUBCOMMAND: &str = "read-sheet";

/// Longest line taken from the child: the most text in a row, all of it written as `\u0000`, and some room.
const MAX_LINE: u64 = 8 << 20;
/// Tells mimalloc, when it is the host's allocator, to reserve nothing ahead (1 GiB otherwise): see the child's limit.
const RESERVE_NOTHING: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "0");
/// How long a child that said its last word may take to exit.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Status of a Rust program that panicked.
const PANICKED: i32 = 101;

/// The bytes of a workbook.
pub enum Source {
    /// A file open for reading; its position is moved.
    File(File),
    /// The bytes themselves; they are put into a temporary file.
    Bytes(Vec<u8>),
}

impl From<File> for Source {
    fn from(file: File) -> Self {
        Self::File(file)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// Why there is no next row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The workbook is not read: for the person who sent it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The child did not work as it should, whatever the workbook: for the operator.
    #[error("the program that reads workbooks failed: {0}")]
    Child(String),
}

/// The rows of a workbook, as the child reads them. Dropping it ends the child.
pub struct Rows {
    child: Child,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    /// How long the child may still be waited for.
    left: Duration,
    options: ReadOptions,
    outcome: Option<Result<End, ReadError>>,
}

#[derive(Deserialize)]
pub(crate) struct Line {
    pub row: Option<u32>,
    pub cells: Option<Vec<String>>,
    pub end: Option<End>,
    pub refused: Option<Refusal>,
}

/// Starts `exe read-sheet` on a workbook. An error here is about starting it; what is wrong with the workbook comes
/// from [`Rows::next`].
///
/// The child gets none of this process's environment, which may hold secrets.
pub async fn read_in_child(exe: &Path, source: impl Into<Source>, options: &ReadOptions) -> io::Result<Rows> {
    let file = match source.into() {
        Source::File(file) => file,
        Source::Bytes(bytes) => tokio::task::spawn_blocking(move || {
            let mut file = tempfile::tempfile()?;
            file.write_all(&bytes)?;
            Ok::<_, io::Error>(file)
        })
        .await
        .map_err(io::Error::other)??,
    };
    let mut child = Command::new(exe)
        .arg(SUBCOMMAND)
        .env_clear()
        .env(RESERVE_NOTHING.0, RESERVE_NOTHING.1)
        .env(OPTIONS_VARIABLE, serde_json::to_string(options)?)
        .stdin(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or_else(|| io::Error::other("the child has no output"))?;
    Ok(Rows {
        child,
        output: BufReader::with_capacity(64 << 10, output),
        line: Vec::new(),
        left: options.patience,
        options: options.clone(),
        outcome: None,
    })
}

impl Rows {
    /// The next row that is not blank; `None` after the last.
    ///
    /// After a refusal, the rows told before it are no whole sheet and are not to be used. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<Row>, ReadError> {
        match &self.outcome {
            Some(Ok(_)) => return Ok(None),
            Some(Err(error)) => return Err(error.clone()),
            None => {}
        }
        let outcome = match self.line().await {
            Ok(Line { row: Some(row), cells: Some(cells), .. }) => return Ok(Some(Row { row, cells })),
            Ok(Line { end: Some(end), .. }) => Ok(end),
            Ok(Line { refused: Some(refusal), .. }) => Err(refusal.into()),
            Ok(_) => Err(ReadError::Child("a line of an unknown kind".to_owned())),
            Err(error) => Err(error),
        };
        if timeout(LAST_WORDS, self.child.wait()).await.is_err() {
            // It is killed when dropped, too; nothing to be done about an error.
            let _ = self.child.start_kill();
        }
        self.outcome = Some(outcome.clone());
        outcome.map(|_| None)
    }

    /// What was read, once [`Rows::next`] has returned `None`.
    pub fn end(&self) -> Option<&End> {
        self.outcome.as_ref()?.as_ref().ok()
    }

    /// How much longer the child may keep its reader waiting: what is left for another sheet of the same workbook.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// Ends the child, whatever is left of the sheet, and waits until it is gone: another one may read the same file then.
    pub async fn stop(mut self) {
        // One that is gone already is what is wanted.
        let _ = self.child.kill().await;
    }

    /// Process number of the child while it runs.
    pub fn child_id(&self) -> Option<u32> {
        self.child.id()
    }

    async fn line(&mut self) -> Result<Line, ReadError> {
        let room = MAX_LINE.saturating_sub(self.line.len() as u64);
        let begun = Instant::now();
        let read = timeout(self.left, (&mut self.output).take(room).read_until(b'\n', &mut self.line)).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        let Ok(read) = read else {
            let _ = self.child.start_kill();
            return Err(Refusal::TooSlow { seconds: self.options.patience.as_secs() }.into());
        };
        read.map_err(|error| ReadError::Child(error.to_string()))?;
        if self.line.last() != Some(&b'\n') {
            return Err(self.death().await);
        }
        let line = serde_json::from_slice(&self.line).map_err(|error| ReadError::Child(error.to_string()));
        self.line.clear();
        line
    }

    /// The child stopped talking in the middle: by the way it died, why.
    async fn death(&mut self) -> ReadError {
        if self.line.len() as u64 >= MAX_LINE {
            let _ = self.child.start_kill();
            return ReadError::Child("a line too long".to_owned());
        }
        match timeout(LAST_WORDS, self.child.wait()).await {
            Ok(Ok(status)) => self.cause(status),
            Ok(Err(error)) => ReadError::Child(error.to_string()),
            Err(_) => ReadError::Child("it closed its output and goes on".to_owned()),
        }
    }

    fn cause(&self, status: ExitStatus) -> ReadError {
        let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
        match (signal, status.code()) {
            (Some(Signal::SIGXCPU), _) => Refusal::TooSlow { seconds: self.options.cpu_seconds }.into(),
            // Memory refused ends a Rust program with SIGABRT, or the stack with SIGSEGV.
            (Some(Signal::SIGABRT | Signal::SIGSEGV | Signal::SIGBUS), _) => {
                Refusal::TooHeavy { mebibytes: self.options.memory >> 20 }.into()
            }
            (_, Some(PANICKED)) => Refusal::damaged("the parser gave up").into(),
            _ => ReadError::Child(status.to_string()),
        }
    }
}
