//! A program in a container: with a terminal of its own, or with its output and its errors apart, byte for byte.
//!
//! Invariants: what is run is a list of words, and no shell of ours reads them; nothing an engine says is gathered whole.

use bytes::{Buf as _, Bytes, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::Containers;
use super::refusal::{Doing, refusal};
use super::spec::is_word;
use super::terminal::{MARK, TerminalSize};
use super::wire::Ask;
use crate::docker::{Fault, FaultKind};

/// Most bytes that are read at once.
const PIECE: usize = 32 << 10;
/// Bytes before each part of a stream that holds several.
const HEAD: usize = 8;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The program and its words.
    pub words: &'a [&'a str],
    /// `NAME=value`.
    pub env: &'a [String],
    /// A word by which it is found again ([`Containers::hang_up`]).
    pub mark: &'a str,
    /// With a terminal of this size; output and errors are one then.
    pub terminal: Option<TerminalSize>,
}

/// A program that was started.
pub struct Program {
    /// The engine's name of it.
    pub exec: String,
    pub output: ProgramOutput,
    pub input: ProgramInput,
}

/// What a program wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Output(Bytes),
    Errors(Bytes),
}

/// What it writes, as it comes.
pub struct ProgramOutput {
    bytes: ReadHalf<TokioIo<Upgraded>>,
    parts: Option<Parts>,
}

/// Takes apart what an engine sends of a program without a terminal.
#[derive(Debug, Default)]
struct Parts {
    waiting: BytesMut,
    /// Bytes of the part that is being read, and whether they are errors.
    left: usize,
    errors: bool,
}

impl Parts {
    /// The next bytes of what was read.
    fn next(&mut self) -> Result<Option<Piece>, Fault> {
        while self.left == 0 {
            if self.waiting.len() < HEAD {
                return Ok(None);
            }
            let kind = self.waiting.get_u32() >> 24;
            self.left = self.waiting.get_u32() as usize;
            self.errors = match kind {
                0 | 1 => false,
                2 => true,
                _ => return Err(Fault::new(FaultKind::NotEngine, "a stream of no known kind")),
            };
        }
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let bytes = self.waiting.split_to(self.left.min(self.waiting.len())).freeze();
        self.left -= bytes.len();
        Ok(Some(if self.errors { Piece::Errors(bytes) } else { Piece::Output(bytes) }))
    }
}

impl ProgramOutput {
    /// At most 32 KiB; `None` when there is no more. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Piece, Fault>> {
        loop {
            if let Some(parts) = &mut self.parts {
                match parts.next() {
                    Ok(Some(piece)) => return Some(Ok(piece)),
                    Ok(None) => {}
                    Err(fault) => return Some(Err(fault)),
                }
            }
            let mut fresh = BytesMut::new();
            let buffer = self.parts.as_mut().map_or(&mut fresh, |parts| &mut parts.waiting);
            buffer.reserve(PIECE);
            match self.bytes.read_buf(buffer).await {
                Ok(0) => return None,
                Ok(_) if self.parts.is_none() => return Some(Ok(Piece::Output(fresh.freeze()))),
                Ok(_) => {}
                Err(error) => return Some(Err(Fault::of_http(&error))),
            }
        }
    }
}

/// What it reads.
pub struct ProgramInput(WriteHalf<TokioIo<Upgraded>>);

impl ProgramInput {
    /// Waits while it does not read.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn say(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let said = async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        };
        said.await.map_err(|error| Fault::of_http(&error))
    }

    /// There is nothing more to read; what it writes goes on.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn end(&mut self) -> Result<(), Fault> {
        self.0.shutdown().await.map_err(|error| Fault::of_http(&error))
    }
}

impl Containers {
    /// Runs a program in a container that runs, as the container's own user.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] also for what is not ours, [`FaultKind::Busy`] for one that does not run.
    pub async fn run(&self, id: &str, order: Order<'_>) -> Result<Program, Fault> {
        if !is_word(order.mark) {
            return Err(Fault::new(FaultKind::Spec, "a mark is a word"));
        }
        let mut env = order.env.to_vec();
        env.push(format!("{MARK}={}", order.mark));
        let exec = self.exec(id, order.words, &env, true, order.terminal).await?;
        let mut start = json!({ "Detach": false, "Tty": order.terminal.is_some() });
        if let Some(size) = order.terminal {
            start["ConsoleSize"] = json!(size.rows_and_cols());
        }
        let ask = Ask::post(format!("/exec/{exec}/start")).json(&start);
        let bytes = self.wire.hijack(ask).await?.map_err(|answer| refusal(Doing::Start, &answer))?;
        let (output, input) = tokio::io::split(TokioIo::new(bytes));
        let parts = order.terminal.is_none().then(Parts::default);
        Ok(Program { exec, output: ProgramOutput { bytes: output, parts }, input: ProgramInput(input) })
    }
}

/// Output and errors of what comes in pieces of a size; none for what no engine sends. For tests.
pub(super) fn taken_apart(bytes: &[u8], size: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut parts, mut output, mut errors) = (Parts::default(), Vec::new(), Vec::new());
    for bytes in bytes.chunks(size) {
        parts.waiting.extend_from_slice(bytes);
        while let Some(piece) = parts.next().ok()? {
            match piece {
                Piece::Output(bytes) => output.extend(bytes),
                Piece::Errors(bytes) => errors.extend(bytes),
            }
        }
        assert!(parts.waiting.len() < HEAD, "nothing is gathered");
    }
    Some((output, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut part = vec![kind, 0, 0, 0];
        part.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        part.extend(bytes);
        part
    }

    #[test]
    fn output_and_errors_are_told_apart_wherever_they_are_cut() {
        let mut stream = part(1, b"one\0\xff");
        stream.extend(part(2, b""));
        stream.extend(part(2, b"wrong"));
        stream.extend(part(1, &vec![7; 100_000]));
        for step in [1, 3, 7, 8, 9, 1000, 1 << 20] {
            let (output, errors) = taken_apart(&stream, step).unwrap();
            assert!(output.starts_with(b"one\0\xff") && output.len() == 100_005, "{step}");
            assert_eq!(errors, b"wrong", "{step}");
        }
        assert_eq!(taken_apart(&part(9, b"x"), 100), None);
    }
}
