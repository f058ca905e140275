//! Bytes between a tunnel's WebSocket and a connection of this host, both ways, each way with an end of its own.
//!
//! Invariants: at most one message per way is held here, so whoever takes slowly is sent slowly; an end is said only where
//! the other side said it, everything else breaks both connections.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use node_protocol::limits::{TUNNEL_CHUNK_BYTES, TUNNEL_IDLE_SECONDS, TUNNEL_PING_SECONDS, TUNNEL_SILENCE_SECONDS};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::connect::Socket;

const SILENCE: Duration = Duration::from_secs(TUNNEL_SILENCE_SECONDS);
const PING: Duration = Duration::from_secs(TUNNEL_PING_SECONDS);
const IDLE: Duration = Duration::from_secs(TUNNEL_IDLE_SECONDS);

/// How far both ways are.
#[derive(Default)]
struct State {
    /// Bytes so far, both ways together; what counts is that it moves.
    moved: AtomicU64,
    /// The engine has said everything.
    sent: AtomicBool,
    /// The server has said everything, or nobody here hears it any more.
    heard: AtomicBool,
    changed: Notify,
}

impl State {
    fn count(&self, bytes: usize) {
        self.moved.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn end(&self, way: &AtomicBool) {
        way.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    async fn both_ended(&self) {
        while !(self.sent.load(Ordering::Acquire) && self.heard.load(Ordering::Acquire)) {
            self.changed.notified().await;
        }
    }

    async fn idle(&self) {
        let mut before = None;
        loop {
            let now = self.moved.load(Ordering::Relaxed);
            if before.replace(now) == Some(now) {
                return;
            }
            tokio::time::sleep(IDLE).await;
        }
    }
}

/// Until both ways have ended, or something broke.
///
/// # Errors
/// What broke; both connections are closed then.
pub async fn pump<E: AsyncRead + AsyncWrite>(socket: Socket, engine: E) -> io::Result<()> {
    let (mut to_server, mut from_server) = socket.split();
    let (from_engine, to_engine) = tokio::io::split(engine);
    let state = State::default();
    tokio::select! {
        broken = send(&mut to_server, from_engine, &state) => broken?,
        ended = hear(&mut from_server, to_engine, &state) => return ended,
        () = state.both_ended() => {}
        () = state.idle() => return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing was said for too long")),
    }
    // Hanging up on what was not read yet would take the own last words back: the server closes first.
    let _ = timeout(PING, to_server.close()).await;
    while let Ok(Some(Ok(_))) = timeout(SILENCE, from_server.next()).await {}
    Ok(())
}

/// What the engine says; goes on with signs of life after its end.
async fn send<E: AsyncRead>(
    to_server: &mut SplitSink<Socket, Message>,
    mut from_engine: ReadHalf<E>,
    state: &State,
) -> io::Result<()> {
    let mut buffer = vec![0; TUNNEL_CHUNK_BYTES];
    let mut ping = interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    loop {
        tokio::select! {
            read = from_engine.read(&mut buffer), if open => {
                let read = read?;
                open = read > 0;
                to_server.send(Message::binary(Bytes::copy_from_slice(&buffer[..read]))).await.map_err(io::Error::other)?;
                state.count(read);
                if !open {
                    state.end(&state.sent);
                }
            }
            _ = ping.tick() => to_server.send(Message::Ping(Bytes::new())).await.map_err(io::Error::other)?,
        }
    }
}

/// What the server says, until it hangs up.
async fn hear<E: AsyncWrite>(
    from_server: &mut SplitStream<Socket>,
    to_engine: WriteHalf<E>,
    state: &State,
) -> io::Result<()> {
    let mut to_engine = Some(to_engine);
    loop {
        let message = timeout(SILENCE, from_server.next()).await.map_err(|_| silent())?;
        match message {
            Some(Ok(Message::Binary(bytes))) => {
                state.count(bytes.len());
                let open = match &mut to_engine {
                    // An engine may hear no more and still have an answer.
                    Some(engine) if !bytes.is_empty() => engine.write_all(&bytes).await.is_ok(),
                    Some(engine) => {
                        let _ = engine.shutdown().await;
                        false
                    }
                    None => true,
                };
                if !open {
                    to_engine = None;
                    state.end(&state.heard);
                }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server ended the tunnel")),
        }
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "nothing heard of the server")
}
