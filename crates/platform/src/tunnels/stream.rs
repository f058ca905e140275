//! The two ends of a tunnel inside this server: who uses the engine has the near one, the door that carries bytes to and
//! from the agent the far one. What is between them is bounded.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use runtime::docker::{Bytes, Fault, FaultKind};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use super::Slot;
use super::cuts::Cut;

/// Bytes held for each way.
const BETWEEN: usize = 64 * 1024;

/// Both ends of a new tunnel, with what ends it where its agent was asked from here.
pub(super) fn pair(slot: Slot, cut: Option<Arc<Cut>>) -> (NearEnd, FarEnd) {
    let (near, far) = tokio::io::duplex(BETWEEN);
    let (whole, gone) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let held = Held { whole: Arc::clone(&whole), gone: gone.clone(), cut, slot };
    (NearEnd { bytes: near, whole, _gone: gone.drop_guard() }, FarEnd { bytes: far, held })
}

/// What an engine's client reads and writes.
pub(super) struct NearEnd {
    bytes: DuplexStream,
    /// The engine has ended what it says; without that, an end of the bytes is a connection that broke.
    whole: Arc<AtomicBool>,
    _gone: DropGuard,
}

/// What is carried to and from the agent.
pub struct FarEnd {
    pub bytes: DuplexStream,
    pub held: Held,
}

/// The tunnel's place; it is free again when this is dropped.
pub struct Held {
    whole: Arc<AtomicBool>,
    gone: CancellationToken,
    cut: Option<Arc<Cut>>,
    slot: Slot,
}

impl Held {
    /// The engine has said everything. To be called before the bytes are ended.
    pub fn ended(&self) {
        self.whole.store(true, Ordering::Release);
    }

    /// When nobody uses the near end any more.
    pub async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// When the machine's agent, which was asked from here, is linked to another server.
    pub async fn moved(&self) {
        match &self.cut {
            Some(cut) => cut.token().cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the machine's agent is linked to this server.
    pub fn is_linked(&self) -> bool {
        self.slot.tunnels.state().links.contains_key(&self.slot.machine)
    }
}

impl AsyncRead for NearEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.bytes).poll_read(cx, buf);
        let ended = matches!(done, Poll::Ready(Ok(()))) && buf.filled().len() == before && buf.remaining() > 0;
        if ended && !self.whole.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::Error::other(Fault::new(FaultKind::Closed, "the tunnel broke"))));
        }
        done
    }
}

impl AsyncWrite for NearEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(cx)
    }
}

/// Bytes that end when somebody says so, whoever waits for them.
pub(super) struct Cuttable {
    bytes: Box<dyn Bytes>,
    /// One for each way: each wakes only who asked it last.
    reads: Pin<Box<WaitForCancellationFutureOwned>>,
    writes: Pin<Box<WaitForCancellationFutureOwned>>,
    _cut: Arc<Cut>,
}

impl Cuttable {
    pub(super) fn new(bytes: Box<dyn Bytes>, cut: Arc<Cut>) -> Self {
        let cancelled = || Box::pin(cut.token().clone().cancelled_owned());
        Self { bytes, reads: cancelled(), writes: cancelled(), _cut: cut }
    }
}

/// An error once it is cut; who asked is woken by it.
fn is_whole(cut: &mut Pin<Box<WaitForCancellationFutureOwned>>, cx: &mut Context<'_>) -> io::Result<()> {
    match cut.as_mut().poll(cx) {
        Poll::Ready(()) => Err(io::Error::other(Fault::new(FaultKind::Closed, "the way to the machine is over"))),
        Poll::Pending => Ok(()),
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        is_whole(&mut self.reads, cx)?;
        Pin::new(&mut self.bytes).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        is_whole(&mut self.writes, cx)?;
        Pin::new(&mut self.bytes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        is_whole(&mut self.writes, cx)?;
        Pin::new(&mut self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use contract::MachineId;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::tunnels::Tunnels;
    use crate::tunnels::cuts::Which;

    #[tokio::test]
    async fn a_way_that_is_cut_ends_for_who_waits() {
        let (near, mut far) = tokio::io::duplex(64);
        let tunnels = Arc::new(Tunnels::default());
        let cut = Cut::of(&tunnels, MachineId(1), Which::Sshd);
        let mut way = Cuttable::new(Box::new(near), cut);
        far.write_all(b"ping").await.unwrap();
        let mut heard = [0; 4];
        way.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"ping");
        let (mut reading, mut writing) = tokio::io::split(way);
        let read = tokio::spawn(async move { reading.read(&mut [0; 4]).await.map_err(|error| error.kind()) });
        let write = tokio::spawn(async move { writing.write_all(&[0; 200]).await.map_err(|error| error.kind()) });
        // Both wait: for the far end to say something, and to take what it is sent.
        let mut taken = [0; 64];
        far.read_exact(&mut taken).await.unwrap();
        Cut::all(&tunnels, MachineId(1), Which::Sshd);
        assert!(read.await.unwrap().is_err());
        assert!(write.await.unwrap().is_err());
    }
}
