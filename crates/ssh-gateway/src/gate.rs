//! What is sent to programs that do not read it.
//!
//! russh lets a client send on as soon as its bytes are taken from the socket, whoever reads them later. Here they are taken
//! at once and wait for their program; when too much waits, nothing more is read from the socket, while what programs write
//! goes out all the same. Where a program waits for its client to take something, a little more is read: the client's word
//! that it did may stand behind what it sent before.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Bytes that wait before no more is read.
const SOFT: usize = 1 << 20;
/// The same where a program waits for its client.
const HARD: usize = 8 << 20;
/// Longest first line of a client (RFC 4253, 4.2).
const MAX_CLIENT: usize = 255;

/// Of one connection.
#[derive(Default)]
pub(crate) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: usize,
    starved: usize,
    cut: bool,
    closed_since: Option<Instant>,
    /// What the client calls itself: its first line.
    client: Vec<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn admits(&self) -> bool {
        self.waiting < SOFT || (self.starved > 0 && self.waiting < HARD)
    }

    fn wake(&mut self) {
        if (self.cut || self.admits())
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics holding this lock")
    }

    fn hold(&self, bytes: usize) {
        self.state().waiting += bytes;
    }

    fn release(&self, bytes: usize) {
        let mut state = self.state();
        state.waiting = state.waiting.saturating_sub(bytes);
        if state.admits() {
            state.closed_since = None;
        }
        state.wake();
    }

    /// While it is kept, a program waits for its client.
    pub(crate) fn starve(self: &Arc<Self>) -> Starved {
        let mut state = self.state();
        state.starved += 1;
        state.wake();
        drop(state);
        Starved(self.clone())
    }

    /// Ends the connection, whatever it waits for.
    pub(crate) fn cut(&self) {
        let mut state = self.state();
        state.cut = true;
        state.wake();
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
    }

    /// What the client calls itself.
    pub(crate) fn client(&self) -> String {
        called(&self.state().client)
    }

    /// For how long nothing was read because of a program.
    pub(crate) fn closed_for(&self) -> Duration {
        self.state().closed_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// What a client calls itself in what it said first.
pub(crate) fn called(said: &[u8]) -> String {
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).into_owned();
    line.trim().trim_start_matches("SSH-2.0-").to_owned()
}

/// See [`Gate::starve`].
pub(crate) struct Starved(Arc<Gate>);

impl Drop for Starved {
    fn drop(&mut self) {
        self.0.state().starved -= 1;
    }
}

/// A socket behind its gate.
pub(crate) struct Paced<S> {
    stream: S,
    gate: Arc<Gate>,
    /// The client has not said yet what it is.
    unnamed: bool,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, gate: Arc<Gate>) -> Self {
        Self { stream, gate, unnamed: true }
    }
}

fn is_cut() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted)
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        {
            let mut state = self.gate.state();
            if state.cut {
                return Poll::Ready(Err(is_cut()));
            }
            state.reader = Some(cx.waker().clone());
            if !state.admits() {
                state.closed_since.get_or_insert_with(Instant::now);
                return Poll::Pending;
            }
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.unnamed {
            let mut state = self.gate.state();
            state.client.extend_from_slice(&buf.filled()[before..]);
            state.client.truncate(MAX_CLIENT);
            let named = state.client.contains(&b'\n') || state.client.len() == MAX_CLIENT;
            drop(state);
            self.unnamed = !named;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> Paced<S> {
    fn writes(&self, cx: &Context<'_>) -> io::Result<()> {
        let mut state = self.gate.state();
        if state.cut {
            return Err(is_cut());
        }
        state.writer = Some(cx.waker().clone());
        Ok(())
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writes(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What came for one channel and was not taken yet.
pub(crate) struct Inbox {
    gate: Arc<Gate>,
    held: Mutex<Held>,
    news: Notify,
}

#[derive(Default)]
struct Held {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// The client sends no more.
    ended: bool,
    /// Nobody takes anything any more.
    closed: bool,
}

impl Inbox {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate, held: Mutex::default(), news: Notify::new() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("nobody panics holding this lock")
    }

    /// Never waits.
    pub(crate) fn push(&self, bytes: Bytes) {
        let mut held = self.held();
        if !held.closed && !held.ended {
            self.gate.hold(bytes.len());
            held.bytes += bytes.len();
            held.pieces.push_back(bytes);
        }
        drop(held);
        self.news.notify_one();
    }

    pub(crate) fn end(&self) {
        self.held().ended = true;
        self.news.notify_one();
    }

    /// What waits is dropped, and whatever comes later.
    pub(crate) fn close(&self) {
        let mut held = self.held();
        held.closed = true;
        held.pieces.clear();
        self.gate.release(std::mem::take(&mut held.bytes));
        drop(held);
        self.news.notify_one();
    }

    /// The next piece; `None` at the end. For one reader. Cancel safe.
    pub(crate) async fn next(&self) -> Option<Bytes> {
        loop {
            let news = self.news.notified();
            {
                let mut held = self.held();
                if let Some(bytes) = held.pieces.pop_front() {
                    held.bytes -= bytes.len();
                    self.gate.release(bytes.len());
                    return Some(bytes);
                }
                if held.ended || held.closed {
                    return None;
                }
            }
            news.await;
        }
    }

    /// Gives back what was taken too much.
    pub(crate) fn put_back(&self, bytes: Bytes) {
        let mut held = self.held();
        if !held.closed && !bytes.is_empty() {
            self.gate.hold(bytes.len());
            held.bytes += bytes.len();
            held.pieces.push_front(bytes);
        }
    }

    /// Whether nobody takes anything any more: then the end is none that the client wished.
    pub(crate) fn is_closed(&self) -> bool {
        self.held().closed
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.held().bytes
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn nothing_more_is_read_than_waits_for_programs() {
        let gate = Arc::new(Gate::default());
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let mut server = Paced::new(server, gate.clone());
        let inbox = Arc::new(Inbox::new(gate.clone()));
        inbox.push(vec![0; SOFT].into());
        client.write_all(b"more").await.unwrap();
        let mut buffer = [0; 4];
        let read = tokio::time::timeout(Duration::from_millis(50), server.read_exact(&mut buffer));
        assert!(read.await.is_err(), "it waits");
        server.write_all(b"out").await.unwrap();
        {
            let _starved = gate.starve();
            server.read_exact(&mut buffer).await.unwrap();
        }
        client.write_all(b"more").await.unwrap();
        let reading = tokio::spawn(async move { server.read_exact(&mut buffer).await.map(|_| server) });
        tokio::task::yield_now().await;
        assert_eq!(inbox.next().await.unwrap().len(), SOFT);
        let mut server = reading.await.unwrap().unwrap();
        gate.cut();
        assert!(server.read_u8().await.is_err() && server.write_all(b"x").await.is_err());
        inbox.end();
        inbox.push(Bytes::from_static(b"late"));
        assert_eq!((inbox.next().await, inbox.waiting()), (None, 0));
    }
}
