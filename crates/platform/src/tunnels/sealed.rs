//! What two servers of an installation say to each other over a connection that anybody may carry: frames, sealed with keys of
//! this one connection alone, which follow from the secrets key and a nonce of each side.
//!
//! Invariants: what was changed, left out, put elsewhere or said before on another connection does not open; an end is a frame,
//! so that a connection which broke is never taken for one. A frame is its length (two bytes, big endian), and then AES-256-GCM
//! of its kind and its bytes, numbered by counting.

use std::io;

use node_protocol::limits::TUNNEL_CHUNK_BYTES;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as Number, UnboundKey};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::pass::Nonce;
use crate::secrets::{self, Keyring};

const TAG: usize = 16;
/// Longest frame, without its length.
const MOST: usize = 1 + TUNNEL_CHUNK_BYTES + TAG;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes of the tunnel.
    Bytes = 0,
    /// This way has ended.
    End = 1,
    /// A sign of life.
    Alive = 2,
    /// The tunnel is there; from the server that was asked, as are the next two.
    Open = 3,
    /// There is none, and why.
    Refused = 4,
    /// The agent is not linked there.
    NotHere = 5,
}

impl Kind {
    fn of(byte: u8) -> io::Result<Self> {
        let all = [Kind::Bytes, Kind::End, Kind::Alive, Kind::Open, Kind::Refused, Kind::NotHere];
        all.into_iter().find(|kind| *kind as u8 == byte).ok_or_else(|| broken("a frame of no known kind"))
    }
}

pub(super) fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A connection to another server.
pub(super) struct Line<L> {
    pub(super) reading: Reading<ReadHalf<L>>,
    pub(super) writing: Writing<WriteHalf<L>>,
}

impl<L: AsyncRead + AsyncWrite> Line<L> {
    /// The side that asked, with a pass of this nonce.
    pub(super) async fn of_asker(line: L, keyring: &Keyring, nonce: &Nonce) -> io::Result<Self> {
        let (mut reads, writes) = tokio::io::split(line);
        let mut theirs = Nonce::default();
        reads.read_exact(&mut theirs).await?;
        let [there, back] = keys(keyring, nonce, &theirs);
        Ok(Self { reading: Reading::new(reads, back), writing: Writing::new(writes, there) })
    }

    /// The side that was asked.
    pub(super) async fn of_holder(line: L, keyring: &Keyring, nonce: &Nonce) -> io::Result<Self> {
        let (reads, mut writes) = tokio::io::split(line);
        let ours: Nonce = secrets::random_bytes();
        writes.write_all(&ours).await?;
        writes.flush().await?;
        let [there, back] = keys(keyring, nonce, &ours);
        Ok(Self { reading: Reading::new(reads, there), writing: Writing::new(writes, back) })
    }
}

/// One for each way: from who asked, and back.
fn keys(keyring: &Keyring, asker: &Nonce, holder: &Nonce) -> [LessSafeKey; 2] {
    ["there", "back"].map(|way| {
        let purpose = format!("peer tunnel 1 {way} {} {}", hex::encode(asker), hex::encode(holder));
        let key = UnboundKey::new(&AES_256_GCM, &keyring.derive(&purpose)).expect("AES-256 takes 32 bytes");
        LessSafeKey::new(key)
    })
}

/// Each number once: a key is one connection's, and one way's.
fn next(count: &mut u64) -> Number {
    let mut number = [0; 12];
    number[4..].copy_from_slice(&count.to_be_bytes());
    *count += 1;
    Number::assume_unique_for_key(number)
}

/// What is said.
pub(super) struct Writing<W> {
    line: W,
    key: LessSafeKey,
    count: u64,
    frame: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> Writing<W> {
    fn new(line: W, key: LessSafeKey) -> Self {
        Self { line, key, count: 0, frame: Vec::new() }
    }

    /// Says up to [`TUNNEL_CHUNK_BYTES`] bytes.
    pub(super) async fn say(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let length = u16::try_from(1 + bytes.len() + TAG).map_err(io::Error::other)?.to_be_bytes();
        self.frame.clear();
        self.frame.extend_from_slice(&length);
        self.frame.push(kind as u8);
        self.frame.extend_from_slice(bytes);
        let number = next(&mut self.count);
        let tag = self.key.seal_in_place_separate_tag(number, Aad::from(length), &mut self.frame[2..]);
        self.frame.extend_from_slice(tag.map_err(|_| broken("a frame cannot be sealed"))?.as_ref());
        self.line.write_all(&self.frame).await?;
        self.line.flush().await
    }

    /// Says nothing more.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.line.shutdown().await
    }
}

/// What is heard.
pub(super) struct Reading<R> {
    line: R,
    key: LessSafeKey,
    count: u64,
    frame: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reading<R> {
    fn new(line: R, key: LessSafeKey) -> Self {
        Self { line, key, count: 0, frame: Vec::new() }
    }

    /// The next frame; not cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<(Kind, &[u8])> {
        let mut length = [0; 2];
        self.line.read_exact(&mut length).await?;
        let bytes = usize::from(u16::from_be_bytes(length));
        if !(1 + TAG..=MOST).contains(&bytes) {
            return Err(broken("a frame of no possible length"));
        }
        self.frame.resize(bytes, 0);
        self.line.read_exact(&mut self.frame).await?;
        let number = next(&mut self.count);
        let opened = self.key.open_in_place(number, Aad::from(length), &mut self.frame);
        let plain: &[u8] = opened.map_err(|_| broken("a frame that is not this installation's"))?;
        let (kind, said) = plain.split_first().ok_or_else(|| broken("a frame of no kind"))?;
        Ok((Kind::of(*kind)?, said))
    }

    /// To the end of what comes, which nobody wants.
    pub(super) async fn drain(&mut self) {
        self.frame.resize(MOST, 0);
        while self.line.read(&mut self.frame).await.is_ok_and(|read| read > 0) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = [5; 16];

    #[tokio::test]
    async fn only_the_other_side_of_this_connection_is_believed() {
        let keyring = Keyring::from_bytes([7; 32]);
        let (asker, holder) = tokio::io::duplex(1 << 16);
        let (asker, holder) =
            tokio::join!(Line::of_asker(asker, &keyring, &NONCE), Line::of_holder(holder, &keyring, &NONCE));
        let (mut asker, mut holder) = (asker.unwrap(), holder.unwrap());
        for (kind, said) in [(Kind::Bytes, &[9; TUNNEL_CHUNK_BYTES][..]), (Kind::Alive, &[][..]), (Kind::End, &[][..])]
        {
            asker.writing.say(kind, said).await.unwrap();
            assert_eq!(holder.reading.next().await.unwrap(), (kind, said));
            holder.writing.say(kind, said).await.unwrap();
            assert_eq!(asker.reading.next().await.unwrap(), (kind, said));
        }
        // What was said is sealed, and counts in its place alone.
        asker.writing.say(Kind::Bytes, b"secret").await.unwrap();
        let said = asker.writing.frame.clone();
        assert!(!said.windows(6).any(|part| part == b"secret"));
        assert_eq!(holder.reading.next().await.unwrap(), (Kind::Bytes, &b"secret"[..]));
        asker.writing.line.write_all(&said).await.unwrap();
        assert!(holder.reading.next().await.is_err(), "said a second time");
    }

    #[tokio::test]
    async fn another_key_or_another_nonce_opens_nothing() {
        let keyring = Keyring::from_bytes([7; 32]);
        for (theirs, nonce) in [(Keyring::from_bytes([8; 32]), NONCE), (keyring.clone(), [6; 16])] {
            let (asker, holder) = tokio::io::duplex(1 << 10);
            let (asker, holder) =
                tokio::join!(Line::of_asker(asker, &theirs, &nonce), Line::of_holder(holder, &keyring, &NONCE));
            let (mut asker, mut holder) = (asker.unwrap(), holder.unwrap());
            asker.writing.say(Kind::Open, b"").await.unwrap();
            assert!(holder.reading.next().await.is_err());
            holder.writing.say(Kind::Open, b"").await.unwrap();
            assert!(asker.reading.next().await.is_err());
        }
    }

    #[tokio::test]
    async fn no_length_of_a_stranger_takes_memory() {
        let keyring = Keyring::from_bytes([7; 32]);
        for length in [0_u16, 16, u16::MAX] {
            let (mut stranger, holder) = tokio::io::duplex(1 << 10);
            let mut holder = Line::of_holder(holder, &keyring, &NONCE).await.unwrap();
            stranger.write_all(&length.to_be_bytes()).await.unwrap();
            assert!(holder.reading.next().await.is_err(), "{length}");
            assert_eq!(holder.reading.frame.capacity(), 0);
        }
    }
}
