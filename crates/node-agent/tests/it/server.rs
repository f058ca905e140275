//! The server's end of the link, as small as the protocol allows: records what arrives, commits samples by their
//! instant, and acknowledges or not as a test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use node_protocol::{
    Ack, AgentBody, AgentFrame, Batch, Goodbye, Hello, HostKeysSeen, Inventory, Message as _, PATH, Ping, ProcessList,
    Sample, ServerBody, ServerFrame, TUNNEL_PATH, TunnelRefused, Welcome,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Message, http};

/// How the server behaves; may be changed at any time.
#[derive(Debug, Clone)]
pub struct Policy {
    pub acknowledge: bool,
    pub monitored: bool,
    pub interval_ms: u32,
    /// Status instead of the upgrade.
    pub refuse: Option<u16>,
    /// Statuses for tunnels, the last one first; without any, they are made.
    pub refuse_tunnels: Vec<u16>,
    /// Drop the connection instead of answering the batch with this place in the connection.
    pub cut_at_batch: Option<usize>,
    /// Sent right after the welcome, once.
    pub goodbye: Option<Goodbye>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            acknowledge: true,
            monitored: true,
            interval_ms: 0,
            refuse: None,
            refuse_tunnels: Vec::new(),
            cut_at_batch: None,
            goodbye: None,
        }
    }
}

/// The headers of one upgrade.
#[derive(Debug, Clone, Default)]
pub struct Upgrade {
    pub path: String,
    pub authorization: Option<String>,
    pub join_token: Option<String>,
    pub host_name: Option<String>,
    pub ticket: Option<String>,
    pub at: Option<Instant>,
}

/// Everything that arrived.
#[derive(Debug, Default)]
pub struct Seen {
    pub upgrades: Vec<Upgrade>,
    pub hellos: Vec<Hello>,
    pub inventories: Vec<Inventory>,
    pub processes: Vec<ProcessList>,
    /// With the connection each came on, counted from 1.
    pub batches: Vec<(usize, Batch)>,
    /// What an acknowledged batch committed, by instant; a sample that is there already is ignored.
    pub committed: BTreeMap<i64, Sample>,
    pub pongs: Vec<u64>,
    pub tunnels_refused: Vec<TunnelRefused>,
    pub host_keys: Vec<HostKeysSeen>,
    pub open: usize,
    unanswered: Vec<u64>,
}

impl Seen {
    /// Samples committed with events in them, in order.
    pub fn events(&self) -> Vec<node_protocol::GpuEvent> {
        self.committed.values().flat_map(|sample| sample.events.clone()).collect()
    }

    fn commit(&mut self, batch: &Batch) {
        for sample in &batch.samples {
            let kept = self.committed.entry(sample.at_ms).or_insert_with(|| sample.clone());
            assert!(kept == sample, "two different samples of the instant {}", sample.at_ms);
        }
    }
}

/// The test's end of a tunnel.
pub struct Tunnel {
    pub to_agent: mpsc::UnboundedSender<Message>,
    pub from_agent: mpsc::UnboundedReceiver<Message>,
}

#[derive(Default)]
struct Shared {
    tunnels: Mutex<Vec<Tunnel>>,
    policy: Mutex<Policy>,
    seen: Mutex<Seen>,
    pushes: Mutex<Option<mpsc::UnboundedSender<ServerBody>>>,
}

/// A listening server; ends with the test's runtime.
pub struct TestServer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl TestServer {
    /// Listens on a free port of the loopback address.
    pub async fn start(policy: Policy) -> Self {
        Self::start_with(policy, None).await
    }

    /// The same, over TLS where there is an acceptor.
    pub async fn start_with(policy: Policy, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { policy: Mutex::new(policy), ..Shared::default() });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&accepting), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &shared).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &shared).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, shared }
    }

    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn link_url(&self) -> url::Url {
        format!("ws://{}{PATH}", self.address).parse().unwrap()
    }

    /// What arrived so far. Not to be held over an await.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().unwrap()
    }

    pub fn policy(&self) -> MutexGuard<'_, Policy> {
        self.shared.policy.lock().unwrap()
    }

    /// Sends on the newest connection.
    pub fn push(&self, body: ServerBody) {
        let pushes = self.shared.pushes.lock().unwrap();
        pushes.as_ref().expect("no connection yet").send(body).unwrap();
    }

    /// The next tunnel.
    pub async fn tunnel(&self) -> Tunnel {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(tunnel) = self.shared.tunnels.lock().unwrap().pop() {
                return tunnel;
            }
            assert!(Instant::now() < deadline, "waited in vain for a tunnel");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Commits and acknowledges what has had no answer, and from now on everything.
    pub fn acknowledge_all(&self) {
        self.policy().acknowledge = true;
        let mut seen = self.seen();
        let connection = seen.hellos.len();
        for sequence in std::mem::take(&mut seen.unanswered) {
            let found = seen.batches.iter().find(|(on, batch)| *on == connection && batch.sequence == sequence);
            if let Some((_, batch)) = found.cloned() {
                seen.commit(&batch);
                self.push(ServerBody::Ack(Ack { sequence }));
            }
        }
    }

    /// A ping and its pong: what the agent sent before it has arrived then.
    pub async fn round_trip(&self, nonce: u64) {
        self.push(ServerBody::Ping(Ping { nonce }));
        self.wait("pong", |seen| seen.pongs.contains(&nonce)).await;
    }

    /// Waits until `done`, at most 30 s.
    pub async fn wait(&self, what: &str, mut done: impl FnMut(&Seen) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !done(&self.seen()) {
            assert!(Instant::now() < deadline, "waited in vain for: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, shared: &Shared) {
    let refuse = shared.policy.lock().unwrap().refuse;
    let is_tunnel = AtomicBool::new(false);
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        shared.seen.lock().unwrap().upgrades.push(Upgrade {
            path: request.uri().path().to_owned(),
            authorization: text("authorization"),
            join_token: text(node_protocol::JOIN_TOKEN_HEADER),
            host_name: text(node_protocol::HOST_NAME_HEADER),
            ticket: text(node_protocol::TUNNEL_TICKET_HEADER),
            at: Some(Instant::now()),
        });
        is_tunnel.store(request.uri().path() == TUNNEL_PATH, Ordering::Relaxed);
        let refuse = match is_tunnel.load(Ordering::Relaxed) {
            true => shared.policy.lock().unwrap().refuse_tunnels.pop(),
            false => refuse,
        };
        match refuse {
            Some(status) => Err(http::Response::builder().status(status).body(None).unwrap()),
            None => Ok(response),
        }
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
    if is_tunnel.load(Ordering::Relaxed) {
        return carry(&mut socket, shared).await;
    }
    shared.seen.lock().unwrap().open += 1;
    let (pushes, mut pushed) = mpsc::unbounded_channel();
    let (mut batches, mut connection) = (0, 0);
    loop {
        let answers = tokio::select! {
            Some(body) = pushed.recv() => vec![body],
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let body = AgentFrame::decode(bytes).unwrap().body.unwrap();
                    if matches!(body, AgentBody::Hello(_)) {
                        *shared.pushes.lock().unwrap() = Some(pushes.clone());
                        connection = shared.seen.lock().unwrap().hellos.len() + 1;
                    }
                    if matches!(body, AgentBody::Batch(_)) {
                        batches += 1;
                        if shared.policy.lock().unwrap().cut_at_batch == Some(batches) {
                            break;
                        }
                    }
                    answer(shared, body, connection)
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                _ => break,
            },
        };
        for body in answers {
            let frame = ServerFrame { body: Some(body) };
            if socket.send(Message::binary(frame.encode_to_vec())).await.is_err() {
                break;
            }
        }
    }
    shared.seen.lock().unwrap().open -= 1;
}

/// A tunnel, until the test drops its end or the agent hangs up.
async fn carry<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, shared: &Shared) {
    let ((to_agent, mut said), (saying, from_agent)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    shared.tunnels.lock().unwrap().push(Tunnel { to_agent, from_agent });
    loop {
        tokio::select! {
            message = said.recv() => match message {
                Some(message) => socket.send(message).await.unwrap(),
                None => return,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => drop(saying.send(message)),
                _ => return,
            },
        }
    }
}

fn answer(shared: &Shared, body: AgentBody, connection: usize) -> Vec<ServerBody> {
    let mut policy = shared.policy.lock().unwrap();
    let mut seen = shared.seen.lock().unwrap();
    match body {
        AgentBody::Hello(hello) => {
            seen.hellos.push(hello);
            seen.unanswered.clear();
            let welcome = Welcome {
                protocol_version: 1,
                machine_code: "host-001".to_owned(),
                sample_interval_ms: policy.interval_ms,
                monitored: policy.monitored,
                host_keys: true,
            };
            let goodbye = policy.goodbye.take().map(ServerBody::Goodbye);
            return std::iter::once(ServerBody::Welcome(welcome)).chain(goodbye).collect();
        }
        AgentBody::Inventory(inventory) => seen.inventories.push(inventory),
        AgentBody::Processes(list) => seen.processes.push(list),
        AgentBody::Pong(pong) => seen.pongs.push(pong.nonce),
        AgentBody::TunnelRefused(refused) => seen.tunnels_refused.push(refused),
        AgentBody::HostKeys(found) => seen.host_keys.push(found),
        AgentBody::Batch(batch) => {
            let sequence = batch.sequence;
            let acknowledge = policy.acknowledge;
            if acknowledge {
                seen.commit(&batch);
            } else {
                seen.unanswered.push(sequence);
            }
            seen.batches.push((connection, batch));
            if acknowledge {
                return vec![ServerBody::Ack(Ack { sequence })];
            }
        }
    }
    Vec::new()
}
