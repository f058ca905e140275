//! The one link to the server: opened, kept, and opened again.
//!
//! Invariants: order and acknowledgements as in `node-protocol`; at most `MAX_UNACKED_BATCHES` batches are in flight;
//! fresh samples go before history; a link on which nothing is heard for [`LinkConfig::silence`] is given up; secrets
//! never reach the log. Tunnels begin with a word over the link and go on without it; customers' keys are kept without it, too.

mod backoff;
mod connect;
mod pump;
mod store;
mod tunnels;

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Result;
use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use node_protocol::{
    AgentBody, AgentFrame, Goodbye, GoodbyeReason, Hello, HostKeysSeen, Message as _, PROTOCOL_VERSION, ServerBody,
    ServerFrame, Welcome,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::host::facts;
use crate::identity::{Identity, clean_host_name, random_hex};
use crate::keys::KeysLink;
use crate::sampler::{Order, Report};
use crate::spool::Spool;
use backoff::Backoff;
use connect::{Refusal, Socket, Target};
use store::{Store, frame};
use tunnels::{Ends, Tunnels};

const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const WELCOME_TIMEOUT: Duration = Duration::from_secs(15);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// A link that lasted this long was fine: the next attempt comes soon.
const FINE_AFTER: Duration = Duration::from_secs(5);
const MOST_PATIENCE: Duration = Duration::from_secs(3600);

/// Settings of the link.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// `ws://` or `wss://`, with path.
    pub url: Url,
    /// Root certificates besides the system's.
    pub ca: Option<PathBuf>,
    pub join_token: Option<String>,
    /// Proposed on first contact; `None` for the kernel's.
    pub host_name: Option<String>,
    /// The Docker Engine's socket that tunnels lead to; `None` switches them off.
    pub docker_socket: Option<PathBuf>,
    /// What keeps customers' keys; `None` where nothing does.
    pub keys: Option<KeysLink>,
    /// A link this quiet is dead.
    pub silence: Duration,
    /// Pause after a refusal that only a person can change.
    pub slow_retry: Duration,
    /// First and longest pause between attempts.
    pub backoff: (Duration, Duration),
}

impl LinkConfig {
    /// With the protocol's times.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            ca: None,
            join_token: None,
            host_name: None,
            docker_socket: None,
            keys: None,
            silence: Duration::from_secs(20),
            slow_retry: Duration::from_secs(30),
            backoff: (Duration::from_millis(500), Duration::from_secs(15)),
        }
    }
}

/// How a link ended.
enum End {
    Shutdown,
    Refused(StatusCode),
    Goodbye(Goodbye),
    Cut(String),
}

/// Keeps the link until `shutdown` turns true. What is not acknowledged then stays in the spool's files.
///
/// # Errors
/// When the configuration cannot work (certificates) or the system has no randomness.
pub async fn run(
    config: LinkConfig,
    identity: &Identity,
    spool: Spool,
    reports: UnboundedReceiver<Report>,
    orders: Sender<Order>,
    shutdown: watch::Receiver<bool>,
) -> Result<()> {
    let target = Target::new(config.url.clone(), config.ca.as_deref())?;
    let process_id = random_hex::<16>()?;
    let mut backoff = Backoff::new(config.backoff.0, config.backoff.1);
    let store = Store::new(spool, reports);
    let ends = Ends { engine: config.docker_socket.clone(), sshd: config.keys.as_ref().and_then(|keys| keys.sshd) };
    let tunnels = Tunnels::new(ends, &target, identity.key());
    let mut link = Link {
        config,
        target,
        process_id,
        identity,
        store,
        tunnels,
        orders,
        shutdown,
        unknown: false,
        host_keys: false,
    };
    loop {
        let started = Instant::now();
        let end = link.attempt().await;
        if started.elapsed() >= FINE_AFTER && matches!(end, End::Goodbye(_) | End::Cut(_)) {
            backoff.reset();
        }
        let Some(pause) = link.pause_after(end, &mut backoff) else { return Ok(()) };
        let mut shutdown = link.shutdown.clone();
        let stopped = link.store.meanwhile(async {
            tokio::select! {
                () = sleep(pause) => false,
                () = stopped(&mut shutdown) => true,
            }
        });
        if stopped.await {
            return Ok(());
        }
    }
}

struct Link<'a> {
    config: LinkConfig,
    target: Target,
    process_id: String,
    identity: &'a Identity,
    store: Store,
    tunnels: Tunnels,
    orders: Sender<Order>,
    shutdown: watch::Receiver<bool>,
    /// The server said that it does not know the key.
    unknown: bool,
    /// The server takes what is said of customers' keys.
    host_keys: bool,
}

impl Link<'_> {
    async fn attempt(&mut self) -> End {
        let first = self.unknown || !self.identity.is_known();
        let token = self.config.join_token.as_deref().filter(|_| first);
        let name = clean_host_name(&self.config.host_name.clone().unwrap_or_else(facts::host_name));
        let mut shutdown = self.shutdown.clone();
        let opening = self.target.open(self.identity.key(), token, &name);
        let opened = self.store.meanwhile(async {
            tokio::select! {
                opened = opening => Some(opened),
                () = stopped(&mut shutdown) => None,
            }
        });
        match opened.await {
            None => End::Shutdown,
            Some(Ok(mut socket)) => match self.converse(&mut socket).await {
                Ok(end) => end,
                Err(why) => End::Cut(why),
            },
            Some(Err(Refusal::Status(status))) => End::Refused(status),
            Some(Err(Refusal::Failed(why))) => End::Cut(why),
        }
    }

    /// Says how it ended, and how long to wait; `None` to stop.
    fn pause_after(&mut self, end: End, backoff: &mut Backoff) -> Option<Duration> {
        let pause = backoff.next_pause();
        let waiting = self.store.waiting();
        let pause = match end {
            End::Shutdown => return None,
            End::Refused(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                self.unknown = true;
                self.explain_refusal();
                self.config.slow_retry
            }
            End::Refused(status) => {
                tracing::warn!(waiting, "the server answered {status}");
                pause
            }
            End::Goodbye(goodbye) => {
                let asked = Duration::from_secs(goodbye.retry_after_s.into()).min(MOST_PATIENCE);
                tracing::warn!(waiting, "the server closed the link ({:?}): {}", goodbye.reason(), goodbye.message);
                let least = match goodbye.reason() {
                    GoodbyeReason::UpgradeNeeded | GoodbyeReason::Revoked | GoodbyeReason::Replaced => {
                        self.config.slow_retry
                    }
                    _ => pause,
                };
                asked.max(least)
            }
            End::Cut(why) => {
                tracing::warn!(waiting, "no link to the server: {why}; next attempt in {} ms", pause.as_millis());
                pause
            }
        };
        Some(pause)
    }

    fn explain_refusal(&self) {
        if self.config.join_token.is_some() {
            tracing::error!(
                "the server does not know this host and does not accept the join token (used up, expired, or mistyped): \
                 make a new one under Machines and run its install command here; trying again in {} s",
                self.config.slow_retry.as_secs()
            );
        } else {
            tracing::error!(
                "the server does not know this host: make a join token under Machines and run its install \
                 command here (or start the agent with REMOTEGPU_JOIN_TOKEN); trying again in {} s",
                self.config.slow_retry.as_secs()
            );
        }
    }

    /// From hello to the end of the link. An error says why the link broke.
    async fn converse(&mut self, socket: &mut Socket) -> Result<End, String> {
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            process_id: self.process_id.clone(),
            boot_id: facts::boot_id(),
            sent_at_ms: crate::tick::now_ms(),
            tunnels: self.tunnels.support().into(),
            keys_account: self.config.keys.as_ref().and_then(|keys| keys.account.clone()),
        };
        self.send(socket, &frame(AgentBody::Hello(hello))).await?;
        let mut shutdown = self.shutdown.clone();
        let first = self.store.meanwhile(async {
            tokio::select! {
                answer = timeout(WELCOME_TIMEOUT, receive(socket)) => Some(answer),
                () = stopped(&mut shutdown) => None,
            }
        });
        match first.await {
            None => return Ok(End::Shutdown),
            Some(Err(_)) => return Err("no welcome from the server".to_owned()),
            Some(Ok(answer)) => match answer? {
                Some(ServerBody::Welcome(welcome)) => self.welcome(&welcome),
                Some(ServerBody::Goodbye(goodbye)) => return Ok(End::Goodbye(goodbye)),
                _ => return Err("the server's first message is no welcome".to_owned()),
            },
        }
        let mut heard = Instant::now();
        let mut stop_at: Option<Instant> = None;
        loop {
            self.send_due(socket).await?;
            if stop_at.is_some_and(|at| self.store.in_flight() == 0 || at <= Instant::now()) {
                let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
                return Ok(End::Shutdown);
            }
            let deadline = stop_at.unwrap_or(heard + self.config.silence);
            tokio::select! {
                received = receive(socket) => {
                    heard = Instant::now();
                    if let Some(end) = self.on_message(socket, received?).await? {
                        return Ok(end);
                    }
                }
                refused = self.tunnels.next_refusal() => {
                    self.send(socket, &frame(AgentBody::TunnelRefused(refused))).await?;
                }
                seen = next_seen(&mut self.config.keys), if self.host_keys => {
                    self.send(socket, &frame(AgentBody::HostKeys(seen))).await?;
                }
                () = self.store.next_report(), if stop_at.is_none() => {}
                () = sleep_until(deadline) => {
                    if stop_at.is_none() {
                        return Err(format!("nothing heard for {} ms", self.config.silence.as_millis()));
                    }
                }
                () = stopped(&mut shutdown), if stop_at.is_none() => {
                    stop_at = Some(Instant::now() + FLUSH_TIMEOUT);
                }
            }
        }
    }

    fn welcome(&mut self, welcome: &Welcome) {
        tracing::info!(
            machine = welcome.machine_code,
            monitored = welcome.monitored,
            waiting = self.store.waiting(),
            "linked to the server"
        );
        self.unknown = false;
        self.host_keys = welcome.host_keys;
        self.identity.remember(&welcome.machine_code);
        self.store.link_up(welcome.monitored);
        if let Some(keys) = &mut self.config.keys {
            keys.link_up();
        }
        // Only fails when nothing measures any more, which the store reports.
        let _ = self.orders.send(Order::Monitored(welcome.monitored));
        if welcome.sample_interval_ms > 0 {
            let _ = self.orders.send(Order::Interval(welcome.sample_interval_ms));
        }
    }

    async fn on_message(&mut self, socket: &mut Socket, body: Option<ServerBody>) -> Result<Option<End>, String> {
        match body {
            Some(ServerBody::Ack(ack)) => self.store.acknowledge(ack.sequence),
            Some(ServerBody::Ping(ping)) => self.send(socket, &frame(AgentBody::Pong(ping))).await?,
            Some(ServerBody::Goodbye(goodbye)) => return Ok(Some(End::Goodbye(goodbye))),
            Some(ServerBody::OpenTunnel(asked)) => self.tunnels.open(asked),
            Some(ServerBody::HostKeys(wanted)) => {
                if let Some(keys) = &self.config.keys {
                    keys.order(wanted);
                }
            }
            // A later server may say things this agent does not know.
            Some(ServerBody::Welcome(_)) | None => {}
        }
        Ok(None)
    }

    async fn send_due(&mut self, socket: &mut Socket) -> Result<(), String> {
        while let Some(next) = self.store.next_frame() {
            self.send(socket, &next).await?;
        }
        Ok(())
    }

    async fn send(&mut self, socket: &mut Socket, frame: &AgentFrame) -> Result<(), String> {
        let message = Message::binary(frame.encode_to_vec());
        match self.store.meanwhile(timeout(SEND_TIMEOUT, socket.send(message))).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("the server takes nothing".to_owned()),
        }
    }
}

/// The next message; `None` inside is one without meaning for this agent.
async fn receive(socket: &mut Socket) -> Result<Option<ServerBody>, String> {
    match socket.next().await {
        None | Some(Ok(Message::Close(_))) => Err("the server closed the link".to_owned()),
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(Message::Binary(bytes))) => {
            ServerFrame::decode(bytes).map(|frame| frame.body).map_err(|error| format!("not understood: {error}"))
        }
        Some(Ok(Message::Text(_))) => Err("a text message, which the protocol does not have".to_owned()),
        Some(Ok(_)) => Ok(None),
    }
}

/// Never where nothing keeps keys.
async fn next_seen(keys: &mut Option<KeysLink>) -> HostKeysSeen {
    match keys {
        Some(keys) => keys.next_seen().await,
        None => std::future::pending().await,
    }
}

/// Until the agent is told to stop, or nobody is left to tell it.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}
