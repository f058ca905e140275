//! The two ends of a tunnel inside this server: who uses the engine has the near one, the door that carries bytes to and
//! from the agent the far one. What is between them is bounded.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use runtime::docker::{Fault, FaultKind};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Slot;

/// Bytes held for each way.
const BETWEEN: usize = 64 * 1024;

/// Both ends of a new tunnel.
pub(super) fn pair(slot: Slot) -> (NearEnd, FarEnd) {
    let (near, far) = tokio::io::duplex(BETWEEN);
    let (whole, gone) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let held = Held { whole: Arc::clone(&whole), gone: gone.clone(), slot };
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
