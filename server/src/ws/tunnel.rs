//! `/ws/agent/tunnel`: an agent dials back with a ticket, and bytes go between it and who asked for its engine. The agent's
//! half is `link/pump.rs` of `node-agent`; what an empty message and a close mean is said in `node-protocol`.

use std::io;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use node_protocol::limits::{
    MAX_TUNNEL_MESSAGE_BYTES, TUNNEL_CHUNK_BYTES, TUNNEL_IDLE_SECONDS, TUNNEL_PING_SECONDS, TUNNEL_SILENCE_SECONDS,
};
use platform::OpContext;
use platform::tunnels::{self, FarEnd, Held, Ways};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::agent::admit;
use crate::{AppState, rest};

const SILENCE: Duration = Duration::from_secs(TUNNEL_SILENCE_SECONDS);
const PING: Duration = Duration::from_secs(TUNNEL_PING_SECONDS);
/// For what was written and not sent yet when nobody uses the tunnel any more.
const LAST_WORDS: Duration = Duration::from_secs(5);
const BUFFER: usize = 8 << 10;

/// 401 for who is no agent, 404 for a ticket that is not its own, was used, is too old, or is another server's.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let node = match admit(&state, &ctx, &headers).await {
        Ok(node) => node,
        Err(refusal) => return *refusal,
    };
    let ticket = headers.get(node_protocol::TUNNEL_TICKET_HEADER).and_then(|value| value.to_str().ok());
    match tunnels::claim(&state.platform, &node, ticket.unwrap_or_default()) {
        Err(error) => rest::refuse(&state.platform, &node, error).await,
        Ok(claim) => upgrade
            .max_message_size(MAX_TUNNEL_MESSAGE_BYTES)
            .max_frame_size(MAX_TUNNEL_MESSAGE_BYTES)
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .on_upgrade(move |socket| {
                state.sockets.clone().track_future(async move {
                    let Some(far) = claim.connect() else { return };
                    tokio::select! {
                        ended = carry(socket, far) => {
                            if let Err(error) = ended {
                                tracing::debug!(%error, "a tunnel broke");
                            }
                        }
                        () = state.draining.cancelled() => {}
                    }
                })
            })
            .into_response(),
    }
}

/// Until it carries nothing for too long, or its machine's agent was let go.
async fn watch(ways: &Ways, held: &Held) -> io::Error {
    let (mut before, mut since, mut linked) = (0, Instant::now(), Instant::now());
    loop {
        sleep(PING).await;
        let now = ways.moved();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        if held.is_linked() {
            linked = Instant::now();
        }
        if since.elapsed() > Duration::from_secs(TUNNEL_IDLE_SECONDS) {
            return io::Error::new(io::ErrorKind::TimedOut, "nothing was said for too long");
        }
        // A link that broke comes back soon; one that was ended on purpose takes its tunnels with it.
        if linked.elapsed() > SILENCE {
            return io::Error::new(io::ErrorKind::ConnectionAborted, "the machine's agent is linked here no more");
        }
    }
}

/// Until both ways have ended, nobody uses it any more, or something broke.
async fn carry(socket: WebSocket, far: FarEnd) -> io::Result<()> {
    let (mut to_agent, mut from_agent) = socket.split();
    let FarEnd { bytes, held } = far;
    let (from_client, to_client) = tokio::io::split(bytes);
    let ways = Ways::default();
    let unused = async {
        held.gone().await;
        let _ = timeout(LAST_WORDS, ways.all_sent()).await;
    };
    tokio::select! {
        broken = send(&mut to_agent, from_client, &ways) => return broken,
        ended = hear(&mut from_agent, to_client, &ways, &held) => return ended,
        () = ways.both_ended() => {}
        () = unused => {}
        broken = watch(&ways, &held) => return Err(broken),
        () = held.moved() => {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the machine's agent is linked to another server"));
        }
    }
    let _ = timeout(LAST_WORDS, to_agent.send(Frame::Close(None))).await;
    let _ = timeout(LAST_WORDS, async { while let Some(Ok(_)) = from_agent.next().await {} }).await;
    Ok(())
}

/// What the client says; goes on with signs of life after its end.
async fn send(
    to_agent: &mut SplitSink<WebSocket, Frame>,
    mut from_client: ReadHalf<DuplexStream>,
    ways: &Ways,
) -> io::Result<()> {
    let mut buffer = vec![0; TUNNEL_CHUNK_BYTES];
    let mut ping = interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    loop {
        let said = tokio::select! {
            read = from_client.read(&mut buffer), if open => {
                let read = read?;
                open = read > 0;
                let frame = Frame::Binary(axum::body::Bytes::copy_from_slice(&buffer[..read]));
                let said = to_agent.send(frame).await;
                if said.is_ok() {
                    ways.count(read);
                    if !open {
                        ways.end_sending();
                    }
                }
                said
            }
            _ = ping.tick() => to_agent.send(Frame::Ping(axum::body::Bytes::new())).await,
        };
        if let Err(error) = said {
            // Who hung up may have said everything before, and it is not all heard yet.
            sleep(SILENCE).await;
            return Err(io::Error::other(error));
        }
    }
}

/// What the engine says, until the agent hangs up.
async fn hear(
    from_agent: &mut SplitStream<WebSocket>,
    to_client: WriteHalf<DuplexStream>,
    ways: &Ways,
    held: &Held,
) -> io::Result<()> {
    let mut to_client = Some(to_client);
    let mut whole = false;
    loop {
        let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "nothing heard of the agent");
        match timeout(SILENCE, from_agent.next()).await.map_err(silent)? {
            Some(Ok(Frame::Binary(bytes))) => {
                ways.count(bytes.len());
                let open = match &mut to_client {
                    Some(client) if !bytes.is_empty() => client.write_all(&bytes).await.is_ok(),
                    Some(client) => {
                        whole = true;
                        held.ended();
                        let _ = client.shutdown().await;
                        false
                    }
                    None => true,
                };
                if !open {
                    to_client = None;
                    ways.end_hearing();
                }
            }
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
            // An engine that has said everything may hear no more.
            _ if whole => return Ok(()),
            _ => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the agent ended the tunnel")),
        }
    }
}
