//! Bytes between a tunnel's WebSocket and a connection of this host, both ways, each way with an end of its own.
//!
//! Invariants: at most one message per way is held here, so whoever takes slowly is sent slowly; an end is said only where
//! the other side said it, everything else breaks both connections, after what the side that broke had said is handed over.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use node_protocol::limits::{TUNNEL_CHUNK_BYTES, TUNNEL_IDLE_SECONDS, TUNNEL_PING_SECONDS, TUNNEL_SILENCE_SECONDS};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

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

/// What kept the engine's words from the server.
enum Broken {
    /// The engine says no more, and did not end.
    Engine(io::Error),
    /// The server takes no more.
    Server(io::Error),
}

/// Until both ways have ended, or something broke.
///
/// # Errors
/// What broke; both connections are closed then.
pub async fn pump<S, E>(socket: WebSocketStream<S>, engine: E) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: AsyncRead + AsyncWrite,
{
    let (mut to_server, mut from_server) = socket.split();
    let (from_engine, to_engine) = tokio::io::split(engine);
    let state = State::default();
    let ended = tokio::select! {
        broken = send(&mut to_server, from_engine, &state) => match broken {
            Broken::Engine(error) => Err(error),
            Broken::Server(error) => return Err(error),
        },
        ended = hear(&mut from_server, to_engine, &state) => return ended,
        () = state.both_ended() => Ok(()),
        () = state.idle() => return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing was said for too long")),
    };
    // Hanging up on what was not read yet would take the own last words back: the server closes first.
    let _ = timeout(PING, to_server.close()).await;
    while let Ok(Some(Ok(_))) = timeout(SILENCE, from_server.next()).await {}
    ended
}

/// What the engine says; goes on with signs of life after its end.
async fn send<S, E>(
    to_server: &mut SplitSink<WebSocketStream<S>, Message>,
    mut from_engine: ReadHalf<E>,
    state: &State,
) -> Broken
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: AsyncRead,
{
    let mut buffer = vec![0; TUNNEL_CHUNK_BYTES];
    let mut ping = interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    loop {
        let said = tokio::select! {
            read = from_engine.read(&mut buffer), if open => {
                let read = match read {
                    Ok(read) => read,
                    Err(error) => return Broken::Engine(error),
                };
                open = read > 0;
                let said = to_server.send(Message::binary(Bytes::copy_from_slice(&buffer[..read]))).await;
                if said.is_ok() {
                    state.count(read);
                    if !open {
                        state.end(&state.sent);
                    }
                }
                said
            }
            _ = ping.tick() => to_server.send(Message::Ping(Bytes::new())).await,
        };
        if let Err(error) = said {
            // Who hears no more may have said everything before, and the engine has not taken it all yet.
            sleep(SILENCE).await;
            return Broken::Server(io::Error::other(error));
        }
    }
}

/// What the server says, until it hangs up.
async fn hear<S, E>(
    from_server: &mut SplitStream<WebSocketStream<S>>,
    to_engine: WriteHalf<E>,
    state: &State,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: AsyncWrite,
{
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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{DuplexStream, Join, ReadBuf, duplex, empty, join, sink};
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    type End<R, W> = WebSocketStream<Join<R, W>>;

    async fn end<R, W>(reader: R, writer: W, role: Role) -> End<R, W>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        WebSocketStream::from_raw_socket(join(reader, writer), role, None).await
    }

    /// Both ends of a tunnel: the agent's and the server's.
    async fn tunnel() -> (End<DuplexStream, DuplexStream>, End<DuplexStream, DuplexStream>) {
        let (to_agent, from_server) = duplex(1 << 20);
        let (to_server, from_agent) = duplex(1 << 20);
        (end(from_server, to_server, Role::Client).await, end(from_agent, to_agent, Role::Server).await)
    }

    /// What it says until it hangs up; whether the last of it was an end.
    async fn said(server: &mut End<DuplexStream, DuplexStream>) -> (Vec<u8>, bool) {
        let (mut all, mut ended) = (Vec::new(), false);
        while let Some(Ok(message)) = server.next().await {
            if let Message::Binary(bytes) = message {
                ended = bytes.is_empty();
                all.extend(bytes);
            }
        }
        (all, ended)
    }

    /// Bytes that come to nothing.
    struct Breaks;

    impl AsyncRead for Breaks {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }

    static MUCH: [u8; 40_000] = [7; 40_000];

    #[tokio::test]
    async fn a_server_that_hears_no_more_has_still_said_everything() {
        let (to_agent, from_server) = duplex(1 << 20);
        let (to_server, from_agent) = duplex(64);
        drop(from_agent);
        let mut server = end(empty(), to_agent, Role::Server).await;
        for part in MUCH.chunks(10_000) {
            server.send(Message::binary(part.to_vec())).await.unwrap();
        }
        server.send(Message::binary(Vec::new())).await.unwrap();
        // It takes slowly, and what it says itself fails at once.
        let (engine, mut program) = duplex(100);
        program.write_all(b"an answer").await.unwrap();
        let pumping = tokio::spawn(pump(end(from_server, to_server, Role::Client).await, engine));
        let mut heard = Vec::new();
        program.read_to_end(&mut heard).await.unwrap();
        assert!(heard == MUCH);
        drop(server);
        assert!(pumping.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn an_engine_that_hears_no_more_has_still_an_answer() {
        let (agent, mut server) = tunnel().await;
        let (from_engine, mut program) = duplex(100);
        let (to_engine, gone) = duplex(64);
        drop(gone);
        server.send(Message::binary(vec![1; 1000])).await.unwrap();
        server.send(Message::binary(Vec::new())).await.unwrap();
        let pumping = tokio::spawn(pump(agent, join(from_engine, to_engine)));
        let answering = async {
            program.write_all(&MUCH).await.unwrap();
            drop(program);
        };
        let (heard, ()) = tokio::join!(said(&mut server), answering);
        assert!(heard == (MUCH.to_vec(), true));
        drop(server);
        assert!(pumping.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn what_an_engine_said_before_it_broke_is_heard_and_is_no_end() {
        let (agent, mut server) = tunnel().await;
        let engine = join(MUCH.as_slice().chain(Breaks), sink());
        let pumping = tokio::spawn(pump(agent, engine));
        assert!(said(&mut server).await == (MUCH.to_vec(), false));
        drop(server);
        assert!(pumping.await.unwrap().is_err());
    }
}
