//! `/ws/live`: the page's one socket with many topics; see `contract::live` for the conversation.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use contract::ErrorCode;
use contract::live::{
    ClientMessage, MAX_CLIENT_MESSAGE_BYTES, MAX_TOPICS, NOTIFICATIONS_TOPIC, Position, ServerMessage,
};
use platform::accounts::SessionWatch;
use platform::instances::LogWatch;
use platform::metrics::{TopicRight, TopicWatch};
use platform::notifications::BellWatch;
use platform::{Error, OpContext, accounts, metrics, notifications};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::{AppState, rest};

/// How often the right to look is asked for again; the answer is one all sockets share and at most two seconds old.
const RECHECK: Duration = Duration::from_secs(1);
/// Sign of life for proxies and clients.
const PING: Duration = Duration::from_secs(10);
/// A client that says nothing for so long, not even pong, is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// A client that takes nothing for so long is gone.
const STUCK: Duration = Duration::from_secs(20);

/// Opens the socket for anybody signed in; each topic asks for its own permission.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if ctx.user().is_none() {
        return rest::refuse(&state.platform, &ctx, Error::new(ErrorCode::Unauthenticated)).await;
    }
    small_buffers(upgrade)
        .max_message_size(MAX_CLIENT_MESSAGE_BYTES)
        .on_upgrade(move |socket| {
            let sockets = state.sockets.clone();
            sockets.track_future(Connection::new(state, ctx, socket).run())
        })
        .into_response()
}

/// A socket of one topic that was begun, or the refusal.
pub(super) async fn single(
    state: AppState,
    ctx: OpContext,
    upgrade: WebSocketUpgrade,
    topic: String,
    watch: platform::Result<impl Into<Watch>>,
) -> Response {
    let watch = watch.map(Into::into);
    match watch {
        Ok(watch) => small_buffers(upgrade)
            .max_message_size(MAX_CLIENT_MESSAGE_BYTES)
            .on_upgrade(move |socket| {
                let sockets = state.sockets.clone();
                sockets.track_future(Connection::new(state, ctx, socket).run_single(topic, watch))
            })
            .into_response(),
        Err(error) => rest::refuse(&state.platform, &ctx, error).await,
    }
}

/// The library keeps 128 KiB to read into and 128 KiB to write from for every connection; what clients say here is short,
/// and what they are told is sent at once.
pub(super) fn small_buffers(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.read_buffer_size(4096).write_buffer_size(0)
}

/// A topic that is followed.
pub(super) enum Watch {
    /// Of machines.
    Figures(TopicWatch),
    /// Of what one is told: one's own, for as long as one's session.
    Bell(Box<BellWatch>),
    /// Of what an instance says, for as long as it is there.
    Said(Box<LogWatch>),
}

impl From<TopicWatch> for Watch {
    fn from(watch: TopicWatch) -> Self {
        Self::Figures(watch)
    }
}

impl From<BellWatch> for Watch {
    fn from(watch: BellWatch) -> Self {
        Self::Bell(Box::new(watch))
    }
}

impl From<LogWatch> for Watch {
    fn from(watch: LogWatch) -> Self {
        Self::Said(Box::new(watch))
    }
}

impl Watch {
    /// What is asked again while it is followed, beside the session.
    fn right(&self) -> Option<Arc<TopicRight>> {
        match self {
            Self::Figures(watch) => Some(watch.right()),
            // Whoever loses it loses their session: a person, a customer, a place in one.
            Self::Bell(_) | Self::Said(_) => None,
        }
    }

    async fn next(&mut self) -> Option<Arc<str>> {
        match self {
            Self::Figures(watch) => watch.next().await,
            Self::Bell(watch) => Some(watch.next().await),
            Self::Said(watch) => watch.next().await,
        }
    }
}

/// One open socket.
struct Connection {
    state: AppState,
    ctx: OpContext,
    socket: WebSocket,
    session: Option<SessionWatch>,
    topics: HashMap<String, (AbortHandle, Option<Arc<TopicRight>>)>,
    outgoing: mpsc::Sender<Arc<str>>,
    queue: mpsc::Receiver<Arc<str>>,
    heard: Instant,
    /// One topic for its whole life: the client asks for nothing, and the socket ends with it.
    single: bool,
}

impl Connection {
    fn new(state: AppState, ctx: OpContext, socket: WebSocket) -> Self {
        // Small on purpose: a slow reader lags in its topics and gets a new snapshot instead of a queue.
        let (outgoing, queue) = mpsc::channel(8);
        let session = ctx.user().map(|user| accounts::watch_session(&state.platform, user));
        let (topics, heard) = (HashMap::new(), Instant::now());
        Self { state, ctx, socket, session, topics, outgoing, queue, heard, single: false }
    }

    /// That topic alone, until it or the right to it ends.
    async fn run_single(mut self, topic: String, watch: Watch) {
        self.single = true;
        self.follow(topic, watch);
        self.run().await;
    }

    /// Until it ends.
    async fn run(mut self) {
        let reason = self.serve().await;
        for (_, (task, _)) in self.topics.drain() {
            task.abort();
        }
        if let Some(reason) = reason {
            self.send(&ServerMessage::Bye { reason: reason.to_owned() }).await;
            let code = if reason == "draining" { close_code::AWAY } else { close_code::POLICY };
            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            let _ = tokio::time::timeout(STUCK, self.socket.send(close)).await;
        }
    }

    async fn serve(&mut self) -> Option<&'static str> {
        let mut endings = accounts::session_endings(&self.state.platform);
        let mut recheck = tokio::time::interval_at(Instant::now() + RECHECK, RECHECK);
        let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
        let draining = self.state.draining.clone();
        loop {
            tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => if !self.hear(message).await { return None },
                    _ => return None,
                },
                Some(text) = self.queue.recv() => {
                    if !self.send_text(&text).await { return None }
                }
                _ = ping.tick() => {
                    if self.heard.elapsed() > SILENCE { return None }
                    let now = self.state.platform.clock().now().timestamp_millis();
                    let pinged = self.socket.send(Message::Ping(Vec::new().into())).await.is_ok();
                    if !pinged || !self.send(&ServerMessage::Pong { now }).await { return None }
                }
                ending = endings.recv() => {
                    let mine = self.ctx.user().zip(ending.ok()).is_some_and(|(user, ending)| ending.concerns(user));
                    if mine { return Some("session_ended") }
                }
                _ = recheck.tick() => {
                    if let Some(reason) = Box::pin(self.ended()).await { return Some(reason) }
                }
                () = draining.cancelled() => return Some("draining"),
            }
        }
    }

    /// False ends the connection.
    async fn hear(&mut self, message: Message) -> bool {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) | Message::Close(_) => return false,
            Message::Ping(_) | Message::Pong(_) => return true,
        };
        match serde_json::from_str(&text) {
            Ok(ClientMessage::Subscribe { .. } | ClientMessage::Unsubscribe { .. }) if self.single => false,
            Ok(ClientMessage::Subscribe { topic, resume }) => {
                // Boxed: what asks the database is large, and an idle connection should not carry room for it.
                Box::pin(self.subscribe(topic, resume)).await;
                true
            }
            Ok(ClientMessage::Unsubscribe { topic }) => {
                if let Some((task, _)) = self.topics.remove(&topic) {
                    task.abort();
                }
                true
            }
            Ok(ClientMessage::Ping {}) => {
                let now = self.state.platform.clock().now().timestamp_millis();
                self.send(&ServerMessage::Pong { now }).await
            }
            Err(_) => false,
        }
    }

    /// Begins a topic, or says why not.
    async fn subscribe(&mut self, topic: String, resume: Option<Position>) {
        if self.topics.len() >= MAX_TOPICS && !self.topics.contains_key(&topic) {
            let error = Error::new(ErrorCode::RateLimited).with_key("error-too-many-topics");
            return self.refuse(topic, error).await;
        }
        let (platform, ctx) = (&self.state.platform, &self.ctx);
        let watch = if topic == NOTIFICATIONS_TOPIC {
            notifications::watch_bell(platform, ctx).await.map(Watch::from)
        } else {
            metrics::watch(platform, ctx, &topic, resume).await.map(Watch::from)
        };
        match watch {
            Ok(watch) => self.follow(topic, watch),
            Err(error) => self.refuse(topic, error).await,
        }
    }

    fn follow(&mut self, topic: String, mut watch: Watch) {
        let right = watch.right();
        let outgoing = self.outgoing.clone();
        let task = tokio::spawn(async move {
            while let Some(text) = watch.next().await {
                if outgoing.send(text).await.is_err() {
                    return;
                }
            }
        });
        if let Some((older, _)) = self.topics.insert(topic, (task.abort_handle(), right)) {
            older.abort();
        }
    }

    async fn refuse(&mut self, topic: String, error: Error) {
        let error = app::door::to_api_error(&self.state.platform, &self.ctx, error).await;
        self.send(&ServerMessage::Refused { topic, error }).await;
    }

    /// Why the connection ends now, by the session, the roles and every topic; a database that is away decides nothing.
    async fn ended(&mut self) -> Option<&'static str> {
        let Some(session) = &self.session else { return Some("session_ended") };
        if let Ok(false) = session.still_valid().await {
            return Some("session_ended");
        }
        let mut ended = Vec::new();
        let rights = self.topics.iter().filter_map(|(topic, (_, right))| Some((topic, right.as_ref()?)));
        for (topic, right) in rights {
            if let Ok(false) = right.still_held(&self.state.platform).await {
                ended.push(topic.clone());
            }
        }
        // What came to its end has still to be said.
        let over = self.topics.iter().filter(|(_, (task, _))| task.is_finished() && self.queue.is_empty());
        ended.extend(over.map(|(topic, _)| topic.clone()));
        for topic in ended {
            if let Some((task, _)) = self.topics.remove(&topic) {
                task.abort();
            }
            self.refuse(topic, Error::not_found()).await;
        }
        (self.single && self.topics.is_empty()).then_some("topic_ended")
    }

    async fn send(&mut self, message: &ServerMessage) -> bool {
        let text = serde_json::to_string(message).expect("live messages have string keys only");
        self.send_text(&text).await
    }

    async fn send_text(&mut self, text: &str) -> bool {
        matches!(tokio::time::timeout(STUCK, self.socket.send(Message::text(text))).await, Ok(Ok(())))
    }
}
