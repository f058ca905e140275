//! A connection to a client that has to take what it asked for.

use std::future::Future as _;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Breaks off when nothing of what is written is taken for so long. Who reads nothing would else hold, for as long as they like,
/// what is held for their request: nobody asks the body of an answer for its next piece meanwhile.
pub(super) struct Patient<T> {
    io: T,
    patience: Duration,
    waits: Option<Pin<Box<Sleep>>>,
}

impl<T: Unpin> Patient<T> {
    pub(super) fn new(io: T, patience: Duration) -> Self {
        Self { io, patience, waits: None }
    }

    fn io(&mut self) -> Pin<&mut T> {
        Pin::new(&mut self.io)
    }

    /// What became of a try to write, unless it is waited for too long.
    fn judged<R>(&mut self, cx: &mut Context<'_>, tried: Poll<Result<R>>) -> Poll<Result<R>> {
        if tried.is_ready() {
            self.waits = None;
            return tried;
        }
        let patience = self.patience;
        let waits = self.waits.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        match waits.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client does not read"))),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.io().poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let tried = self.io().poll_write(cx, bytes);
        self.judged(cx, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let tried = self.io().poll_write_vectored(cx, pieces);
        self.judged(cx, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let tried = self.io().poll_flush(cx);
        self.judged(cx, tried)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let tried = self.io().poll_shutdown(cx);
        self.judged(cx, tried)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_left() {
        let (near, _far) = duplex(16);
        let mut patient = Patient::new(near, PATIENCE);
        let before = tokio::time::Instant::now();
        let said = patient.write_all(&[0; 64]).await.expect_err("nobody takes it");
        assert_eq!((said.kind(), before.elapsed().as_secs()), (ErrorKind::TimedOut, PATIENCE.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_not() {
        let (near, mut far) = duplex(16);
        let mut patient = Patient::new(near, PATIENCE);
        let reads = async move {
            let mut got = [0; 8];
            for _ in 0..8 {
                tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
                far.read_exact(&mut got).await.unwrap();
            }
            far
        };
        let (wrote, _far) = tokio::join!(patient.write_all(&[0; 64]), reads);
        wrote.unwrap();
    }
}
