//! `/ws/agent`: the link of a GPU host. The agent is authenticated at the upgrade; a batch is acknowledged after commit.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use contract::ErrorCode;
use node_protocol::{
    Ack, AgentBody, AgentFrame, Batch, Goodbye, GoodbyeReason, Hello, HostKeys, Message, Ping, ServerBody, ServerFrame,
    Welcome, limits,
};
use platform::allocations;
use platform::machines::{self, NodeCredentials};
use platform::metrics::{self, NodeLink};
use platform::tunnels::{self, Orders};
use platform::{Error, OpContext, Platform};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::limits::Kind;
use crate::{AppState, rest};

const PING: Duration = Duration::from_secs(5);
/// An agent that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// How long an agent may take to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// 401 for an agent nobody knows and that shows no valid join token.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match admit(&state, &ctx, &headers).await {
        Ok(node) => upgrade
            .max_message_size(limits::MAX_FRAME_BYTES)
            .on_upgrade(move |socket| state.sockets.clone().track_future(serve(state, node, socket)))
            .into_response(),
        Err(refusal) => *refusal,
    }
}

/// Who an agent is, by its key or its join token; else the refusal. Refusals are counted by address.
pub(super) async fn admit(state: &AppState, ctx: &OpContext, headers: &HeaderMap) -> Result<OpContext, Box<Response>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let key = text(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let credentials = NodeCredentials {
        key: key.unwrap_or_default(),
        join_token: text(node_protocol::JOIN_TOKEN_HEADER),
        host_name: text(node_protocol::HOST_NAME_HEADER),
    };
    if let Some(seconds) = ctx.address().and_then(|address| state.rates.spent(Kind::RefusedAgent, address)) {
        let error = Error::new(ErrorCode::RateLimited).with_key("error-rate-limited-wait").with_arg("seconds", seconds);
        return Err(Box::new(rest::refuse(&state.platform, ctx, error).await));
    }
    match machines::authenticate_node(&state.platform, ctx, &credentials).await {
        Ok(principal) => Ok(ctx.authenticated(principal, ctx.language())),
        Err(error) => {
            // Only refusals count: a whole fleet behind one address comes back at once after a restart of the server.
            if let Some(address) = ctx.address() {
                let _ = state.rates.take(Kind::RefusedAgent, address);
            }
            Err(Box::new(rest::refuse(&state.platform, ctx, error).await))
        }
    }
}

/// The node's context at this moment: a link lives for weeks, its context's clock must not.
fn now(platform: &Platform, node: &OpContext) -> OpContext {
    node.at(platform.clock().now())
}

async fn serve(state: AppState, node: OpContext, mut socket: WebSocket) {
    let hello = match tokio::time::timeout(HELLO, receive(&mut socket)).await {
        Ok(Some(Ok(AgentBody::Hello(hello)))) => hello,
        _ => return goodbye(&mut socket, GoodbyeReason::ProtocolError, "the first frame is not a hello", 30).await,
    };
    let link = match metrics::open_link(&state.platform, &now(&state.platform, &node), &hello).await {
        Ok(link) => link,
        Err(error) if error.key == "error-node-upgrade-needed" => {
            return goodbye(&mut socket, GoodbyeReason::UpgradeNeeded, "the agent is too old", 3600).await;
        }
        Err(error) => {
            tracing::warn!(%error, "a link could not be opened");
            return goodbye(&mut socket, GoodbyeReason::Draining, "try again", 2).await;
        }
    };
    if let Err(error) = machines::note_keys_account(&state.platform, &now(&state.platform, &node), &hello).await {
        tracing::warn!(%error, "where an agent keeps keys could not be stored");
        return goodbye(&mut socket, GoodbyeReason::Draining, "try again", 2).await;
    }
    tracing::info!(machine = link.code, agent = hello.agent_version, "agent linked");
    let welcome = Welcome {
        protocol_version: node_protocol::PROTOCOL_VERSION.min(hello.protocol_version),
        machine_code: link.code.clone(),
        sample_interval_ms: 1000,
        monitored: link.monitored,
        host_keys: true,
    };
    // Before the agent is told: who hears of a link may ask for tunnels.
    let mut orders = tunnels::attach(&state.platform, &link, &hello);
    let end = match send(&mut socket, ServerBody::Welcome(welcome)).await {
        true => Link { state: &state, node: &node, hello: &hello, link: &link }.run(&mut socket, &mut orders).await,
        false => (None, "", 0),
    };
    drop(orders);
    tokio::spawn(tunnels::end_moved(state.platform.clone(), link.clone()));
    if let (Some(reason), message, retry) = end {
        goodbye(&mut socket, reason, message, retry).await;
    }
    tracing::info!(machine = link.code, "agent link ended");
    if let Err(error) = metrics::close_link(&state.platform, &link).await {
        tracing::debug!(%error, "the link's row stays until its lease ends");
    }
}

type End = (Option<GoodbyeReason>, &'static str, u32);

struct Link<'a> {
    state: &'a AppState,
    node: &'a OpContext,
    hello: &'a Hello,
    link: &'a NodeLink,
}

impl Link<'_> {
    async fn run(&self, socket: &mut WebSocket, orders: &mut Orders) -> End {
        let (batches, queue) = mpsc::channel(limits::MAX_UNACKED_BATCHES);
        let (done, mut committed) = mpsc::channel(limits::MAX_UNACKED_BATCHES);
        // Batches are written while the socket goes on being read: a slow commit must not look like a dead server.
        let writing =
            tokio::spawn(write(self.state.platform.clone(), self.node.clone(), self.link.clone(), queue, done));
        // Of an agent that keeps keys, and then until the link is over.
        let (telling, mut keys) = watch::channel(None);
        let follow = self.hello.keys_account.is_some();
        let following = follow
            .then(|| tokio::spawn(allocations::follow_keys(self.state.platform.clone(), self.link.clone(), telling)));
        let end = self.talk(socket, &batches, &mut committed, (orders, &mut keys)).await;
        writing.abort();
        if let Some(following) = following {
            following.abort();
        }
        end
    }

    async fn talk(
        &self,
        socket: &mut WebSocket,
        batches: &mpsc::Sender<Batch>,
        committed: &mut mpsc::Receiver<Result<u64, Error>>,
        (orders, keys): (&mut Orders, &mut watch::Receiver<Option<HostKeys>>),
    ) -> End {
        let mut ping = tokio::time::interval(PING);
        let mut heard = Instant::now();
        let mut nonce = 0;
        loop {
            tokio::select! {
                body = receive(socket) => match body {
                    None => return (None, "", 0),
                    Some(Err(())) => return (Some(GoodbyeReason::ProtocolError), "a frame does not read", 30),
                    Some(Ok(body)) => {
                        heard = Instant::now();
                        if let Some(end) = self.take(body, batches).await { return end }
                    }
                },
                Some(result) = committed.recv() => match result {
                    Ok(sequence) => {
                        if !send(socket, ServerBody::Ack(Ack { sequence })).await { return (None, "", 0) }
                    }
                    Err(error) if error.code == ErrorCode::Validation => {
                        return (Some(GoodbyeReason::ProtocolError), "a batch is over the limits", 30);
                    }
                    Err(error) => {
                        tracing::warn!(%error, machine = self.link.code, "samples could not be stored");
                        return (Some(GoodbyeReason::Draining), "samples cannot be stored now", 2);
                    }
                },
                order = orders.next() => {
                    if !send(socket, ServerBody::OpenTunnel(order)).await { return (None, "", 0) }
                }
                wanted = next_keys(keys) => {
                    if !send(socket, ServerBody::HostKeys(wanted)).await { return (None, "", 0) }
                }
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE { return (None, "", 0) }
                    nonce += 1;
                    if !send(socket, ServerBody::Ping(Ping { nonce })).await { return (None, "", 0) }
                }
                () = self.link.replaced.cancelled() => {
                    return (Some(GoodbyeReason::Replaced), "another agent linked with this machine's key", 60);
                }
                () = self.link.reconfigured.cancelled() => {
                    return (Some(GoodbyeReason::Reconfigured), "monitoring was switched", 1);
                }
                () = self.state.draining.cancelled() => {
                    return (Some(GoodbyeReason::Draining), "the server stops", 1);
                }
            }
        }
    }

    async fn take(&self, body: AgentBody, batches: &mpsc::Sender<Batch>) -> Option<End> {
        let platform = &self.state.platform;
        let node = now(platform, self.node);
        let result = match body {
            AgentBody::Hello(_) => return Some((Some(GoodbyeReason::ProtocolError), "a second hello", 30)),
            AgentBody::Pong(_) => Ok(()),
            AgentBody::TunnelRefused(refused) => {
                tunnels::refused(platform, self.link, &refused);
                Ok(())
            }
            AgentBody::HostKeys(seen) => machines::report_host_keys(platform, &node, &seen).await,
            AgentBody::Inventory(inventory) => {
                machines::report_inventory(platform, &node, &self.hello.agent_version, &inventory).await
            }
            AgentBody::Processes(list) => metrics::report_processes(platform, &node, self.link, list).await,
            AgentBody::Batch(batch) => match batches.try_send(batch) {
                Ok(()) => Ok(()),
                Err(_) => {
                    return Some((Some(GoodbyeReason::ProtocolError), "too many batches without an answer", 5));
                }
            },
        };
        match result {
            Ok(()) => None,
            Err(error) if error.code == ErrorCode::Validation => {
                Some((Some(GoodbyeReason::ProtocolError), "a frame is over the limits", 30))
            }
            Err(error) => {
                tracing::warn!(%error, machine = self.link.code, "an agent's report could not be stored");
                Some((Some(GoodbyeReason::Draining), "reports cannot be stored now", 2))
            }
        }
    }
}

/// Stores batches in order of arrival, several at a time, and says which are committed.
async fn write(
    platform: Platform,
    node: OpContext,
    link: NodeLink,
    mut queue: mpsc::Receiver<Batch>,
    done: mpsc::Sender<Result<u64, Error>>,
) {
    let mut running = tokio::task::JoinSet::new();
    while let Some(batch) = queue.recv().await {
        while running.len() >= limits::MAX_UNACKED_BATCHES {
            running.join_next().await;
        }
        let (platform, node, link, done) = (platform.clone(), node.clone(), link.clone(), done.clone());
        running.spawn(async move {
            let sequence = batch.sequence;
            let result = metrics::ingest(&platform, &now(&platform, &node), &link, batch).await;
            // Nobody waits any more when the link ended: the agent sends it again.
            let _ = done.send(result.map(|()| sequence)).await;
        });
    }
}

/// Which keys are to be on the host, when that changed. Cancel safe.
async fn next_keys(keys: &mut watch::Receiver<Option<HostKeys>>) -> HostKeys {
    while keys.changed().await.is_ok() {
        if let Some(wanted) = keys.borrow_and_update().clone() {
            return wanted;
        }
    }
    // Of an agent that keeps none.
    std::future::pending().await
}

/// `None` when the link is gone, `Err` for what is not a frame.
async fn receive(socket: &mut WebSocket) -> Option<Result<AgentBody, ()>> {
    loop {
        return match socket.recv().await? {
            Ok(Frame::Binary(bytes)) => {
                Some(AgentFrame::decode(bytes).map_err(|_| ()).and_then(|frame| frame.body.ok_or(())))
            }
            Ok(Frame::Ping(_) | Frame::Pong(_)) => continue,
            Ok(Frame::Text(_)) => Some(Err(())),
            Ok(Frame::Close(_)) => None,
            // Over the size limit or not WebSocket: the library has closed it already.
            Err(_) => None,
        };
    }
}

async fn send(socket: &mut WebSocket, body: ServerBody) -> bool {
    let bytes = ServerFrame { body: Some(body) }.encode_to_vec();
    matches!(tokio::time::timeout(SILENCE, socket.send(Frame::Binary(bytes.into()))).await, Ok(Ok(())))
}

async fn goodbye(socket: &mut WebSocket, reason: GoodbyeReason, message: &str, retry_after_s: u32) {
    let body = Goodbye { reason: reason.into(), message: message.to_owned(), retry_after_s };
    send(socket, ServerBody::Goodbye(body)).await;
    let _ = tokio::time::timeout(Duration::from_secs(2), socket.send(Frame::Close(None))).await;
}
