//! What is written on: lines that wait, and the place in the store where they go, packed and sealed.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use runtime::docker::containers::TerminalSize;
use tokio::time::Instant;
use uuid::Uuid;

use super::cast::{self, Letters};
use crate::files::Appender;
use crate::instances::store::Figures;
use crate::secrets::Keyring;
use crate::{Error, Result};

/// Bytes of lines that are written before their time.
const FRAME: usize = 64 << 10;
/// Most bytes of lines in a frame: what says to be longer is none of ours.
const MAX_LINES: u64 = 16 << 20;

/// What happened, to be written down.
pub(super) enum Said {
    Output(Vec<u8>),
    Input(Vec<u8>),
    Size(TerminalSize),
    Over(Option<i32>),
}

/// Where frames go.
pub(super) trait Paper: Send + 'static {
    /// Writes one behind the others; in the store for good where that is asked for.
    fn append(&mut self, frame: Vec<u8>, sync: bool) -> impl Future<Output = Result<()>> + Send;
}

impl Paper for Appender {
    async fn append(&mut self, frame: Vec<u8>, sync: bool) -> Result<()> {
        Appender::append(self, &frame, sync).await
    }
}

/// See the module.
pub(super) struct Sheet<P> {
    paper: P,
    keyring: Keyring,
    id: Uuid,
    begun: Instant,
    output: Letters,
    input: Letters,
    size: TerminalSize,
    lines: String,
    /// With those that wait.
    bytes: u64,
    most: u64,
    written: Figures,
}

impl<P: Paper> Sheet<P> {
    /// With its first line, which is in the store when this is back.
    pub(super) async fn begin(
        (paper, keyring): (P, Keyring),
        id: Uuid,
        (size, first): (TerminalSize, String),
        most: u64,
    ) -> Result<Self> {
        let mut sheet = Self {
            paper,
            keyring,
            id,
            begun: Instant::now(),
            output: Letters::default(),
            input: Letters::default(),
            size,
            bytes: first.len() as u64,
            lines: first,
            most,
            written: Figures::default(),
        };
        sheet.flush(true).await?;
        Ok(sheet)
    }

    /// Goes on where another one is full: a letter may have been cut there.
    pub(super) fn after(&mut self, before: &Self) {
        (self.output, self.input) = (before.output.clone(), before.input.clone());
    }

    /// How much of it is in the store.
    pub(super) fn written(&self) -> Figures {
        self.written
    }

    /// False when it is full: then nothing of it was taken.
    pub(super) async fn take(&mut self, said: &Said) -> Result<bool> {
        let after = self.begun.elapsed();
        let before = (self.output.clone(), self.input.clone());
        let line = match said {
            Said::Output(bytes) => cast::event(after, cast::OUTPUT, &self.output.read(bytes)),
            Said::Input(bytes) => cast::event(after, cast::INPUT, &self.input.read(bytes)),
            Said::Size(size) if *size == self.size => return Ok(true),
            Said::Size(size) => cast::event(after, cast::SIZE, &format!("{}x{}", size.cols(), size.rows())),
            Said::Over(_) => return Ok(true),
        };
        if self.bytes + line.len() as u64 > self.most {
            (self.output, self.input) = before;
            return Ok(false);
        }
        if let Said::Size(size) = said {
            self.size = *size;
        }
        self.write(&line);
        if self.lines.len() >= FRAME {
            self.flush(false).await?;
        }
        Ok(true)
    }

    /// A word of ours, which whoever plays it puts into words.
    pub(super) fn mark(&mut self, word: &str) {
        let line = cast::event(self.begun.elapsed(), cast::MARKER, word);
        self.write(&line);
    }

    fn write(&mut self, line: &str) {
        self.bytes += line.len() as u64;
        self.lines.push_str(line);
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self, sync: bool) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let packed = pack(self.lines.as_bytes())?;
        let sealed = self.keyring.seal(&context(self.id, self.written.frames), &packed);
        let stored = sealed.len() as u64;
        self.paper.append(sealed, sync).await?;
        self.lines.clear();
        let Figures { frames, stored: before, .. } = self.written;
        self.written = Figures { bytes: self.bytes, frames: frames + 1, stored: before + stored };
        Ok(())
    }
}

/// What a frame is sealed for: its place in its recording, so that none is put elsewhere, or left out between others.
fn context(id: Uuid, frame: u32) -> String {
    format!("recordings.content:{id}:{frame}")
}

fn pack(lines: &[u8]) -> Result<Vec<u8>> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(lines).map_err(Error::internal)?;
    packer.finish().map_err(Error::internal)
}

/// The lines of a frame.
pub(super) fn open(keyring: &Keyring, (id, frame): (Uuid, u32), sealed: &[u8]) -> Result<Vec<u8>> {
    let packed = keyring.open(&context(id, frame), sealed)?;
    let mut lines = Vec::new();
    DeflateDecoder::new(&packed[..]).take(MAX_LINES).read_to_end(&mut lines).map_err(Error::internal)?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Paper for Memory {
        async fn append(&mut self, frame: Vec<u8>, _: bool) -> Result<()> {
            self.0.lock().unwrap().push(frame);
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_frame_is_packed_and_opens_in_its_own_place_alone() {
        let (memory, id) = (Memory::default(), Uuid::new_v4());
        let keyring = Keyring::from_bytes([3; 32]);
        let first = (TerminalSize::default(), "first\n".to_owned());
        let mut sheet = Sheet::begin((memory.clone(), keyring.clone()), id, first, 1 << 20).await.unwrap();
        assert!(sheet.take(&Said::Output(vec![0; 50_000])).await.unwrap());
        sheet.flush(true).await.unwrap();
        let frames = memory.0.lock().unwrap().clone();
        assert!(frames.len() == 2 && frames[1].len() < 10_000, "300 kB of zeros are few bytes: {}", frames[1].len());
        let stored = frames.iter().map(|frame| frame.len() as u64).sum();
        let lines = open(&keyring, (id, 1), &frames[1]).unwrap();
        assert!(lines.len() > 300_000 && lines.starts_with(b"["));
        assert_eq!(sheet.written(), Figures { bytes: 6 + lines.len() as u64, frames: 2, stored });
        assert_eq!(open(&keyring, (id, 0), &frames[0]).unwrap(), b"first\n");
        assert!(
            open(&keyring, (id, 0), &frames[1]).is_err() && open(&keyring, (Uuid::new_v4(), 1), &frames[1]).is_err()
        );
    }

    #[tokio::test]
    async fn what_does_not_fit_is_taken_whole_by_the_next_one() {
        let keyring = Keyring::from_bytes([3; 32]);
        let begin = async || {
            let first = (TerminalSize::default(), "first\n".to_owned());
            Sheet::begin((Memory::default(), keyring.clone()), Uuid::new_v4(), first, 60).await.unwrap()
        };
        let mut one = begin().await;
        assert!(one.take(&Said::Output(b"abc\xe4\xb8".to_vec())).await.unwrap());
        let rest = Said::Output(b"\xad and so much more that it cannot hold".to_vec());
        assert!(!one.take(&rest).await.unwrap());
        let mut next = begin().await;
        next.after(&one);
        next.most = 1000;
        assert!(next.take(&rest).await.unwrap());
        assert!(next.lines.contains("\u{4e2d} and so much"), "the letter that was cut is whole: {}", next.lines);
    }
}
