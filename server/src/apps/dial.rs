//! Connections to the port of an instance: each is a small program in it, by the same way that SSH takes. A person has so many.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use platform::Platform;
use platform::instances::{AppVisit, Piece, Running};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes of a connection that wait for either side.
const WAITING: usize = 64 << 10;
/// How long a program has to end by itself when nobody sends it anything more.
const GRACE: Duration = Duration::from_secs(1);
/// How long an application may leave unread what it is sent.
const UNREAD: Duration = Duration::from_secs(600);
/// The shell's word for a program that is not there.
const NO_PROGRAM: i32 = 127;

/// What was found out about the port last.
#[derive(Default)]
pub(super) struct Found(AtomicU8);

/// See [`Found`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listening {
    Something,
    Nothing,
    /// The image has nothing to connect with.
    NoProgram,
}

impl Found {
    fn set(&self, found: Listening) {
        self.0.store(found as u8, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Listening {
        [Listening::Something, Listening::Nothing, Listening::NoProgram][usize::from(self.0.load(Ordering::Relaxed))]
    }
}

/// Makes connections for one visit.
#[derive(Clone)]
pub(super) struct Dial {
    pub(super) platform: Platform,
    pub(super) visit: Arc<AppVisit>,
    pub(super) found: Arc<Found>,
    pub(super) over: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// Those that the person may have.
    pub(super) lines: Arc<Semaphore>,
}

impl tower::Service<http::Uri> for Dial {
    type Response = TokioIo<Line>;
    type Error = platform::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, platform::Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), platform::Error>> {
        Poll::Ready(Ok(()))
    }

    /// The address in the request says nothing: a visit knows one port.
    fn call(&mut self, _uri: http::Uri) -> Self::Future {
        let dial = self.clone();
        Box::pin(async move {
            let line = dial.lines.clone().acquire_owned().await.map_err(platform::Error::internal)?;
            let running = dial.visit.connect(&dial.platform).await?;
            let (near, far) = tokio::io::duplex(WAITING);
            let (found, over) = (dial.found.clone(), dial.over.clone());
            dial.tasks.spawn(carry(running, far, found, (over, line)));
            Ok(TokioIo::new(Line(near)))
        })
    }
}

/// Both ways, until either side is done.
async fn carry(
    running: Running,
    far: DuplexStream,
    found: Arc<Found>,
    (over, _line): (CancellationToken, OwnedSemaphorePermit),
) {
    let Running { mut output, mut input, handle } = running;
    let (mut from, mut to) = tokio::io::split(far);
    let mut said = false;
    let down = async {
        while let Some(Ok(piece)) = output.next().await {
            // What the program that connects has to complain of is nobody's.
            let Piece::Output(bytes) = piece else { continue };
            if !said {
                said = true;
                found.set(Listening::Something);
            }
            if to.write_all(&bytes).await.is_err() {
                return false;
            }
        }
        true
    };
    let up = async {
        let mut buffer = vec![0; WAITING / 2];
        loop {
            let read = from.read(&mut buffer).await.unwrap_or_default();
            if read == 0 {
                break;
            }
            match tokio::time::timeout(UNREAD, input.say(&buffer[..read])).await {
                Ok(Ok(())) => {}
                // It reads no more; what it writes goes on.
                Ok(Err(_)) => std::future::pending().await,
                Err(_late) => return,
            }
        }
        let _ = input.end().await;
        tokio::time::sleep(GRACE).await;
    };
    let ended = tokio::select! {
        by_itself = down => by_itself,
        () = up => false,
        () = over.cancelled() => false,
    };
    if !ended {
        // Not waited for by who wrote the last byte.
        drop((from, to));
        handle.hang_up().await;
    } else if !said {
        // Found before the other side sees the end.
        let code = handle.exit_code().await;
        found.set(if code == Some(NO_PROGRAM) { Listening::NoProgram } else { Listening::Nothing });
    }
}

/// A connection.
pub(super) struct Line(DuplexStream);

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
