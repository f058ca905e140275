//! `/ws/instances/{id}/terminal`: a shell in an instance; see `contract::instances` for the conversation.
//!
//! A shell outlives its sockets. Nothing is queued here but what is typed, within bounds: what is shown is asked for only
//! while the client has shown what it got before. Who only looks on gets nothing any more the moment that it is ended, even what
//! is on its way to the socket.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use contract::instances::{
    MAX_TERMINAL_MESSAGE, TERMINAL_WINDOW, TerminalQuery, TerminalSaid, TerminalTold, WatchQuery,
};
use contract::{ErrorCode, InstanceId};
use platform::accounts::SessionWatch;
use platform::instances::{self, Consent, Cut, Entry, Shown, TerminalSize, Viewer, WatchEntry};
use platform::{Error, OpContext, accounts};
use tokio::time::Instant;

use super::live::small_buffers;
use crate::rest::{Params, Part};
use crate::{AppState, rest};

/// How often the right to be here is asked for again; the answer is one all sockets share and at most two seconds old.
const RECHECK: Duration = Duration::from_secs(1);
/// Sign of life for proxies and clients.
const PING: Duration = Duration::from_secs(10);
/// A client that says nothing for so long, not even pong, is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// A client that takes nothing for so long is gone.
const STUCK: Duration = Duration::from_secs(20);
/// One that only looks on sooner: that it is ended has to be noticed within seconds, and it comes back by itself.
const STUCK_WATCHER: Duration = Duration::from_secs(3);
/// Bytes of what is typed that wait for the shell before no more is read.
const TYPED: usize = 256 << 10;
/// Bytes beyond which it is cut off, because it has to be read for what else the client says.
const MOST_TYPED: usize = 4 << 20;

/// Refused before the upgrade for who may not come in, with the words in the socket for what keeps the shell away.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    Part(id): Part<InstanceId>,
    Params(query): Params<TerminalQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if ctx.user().is_none() {
        return rest::refuse(&state.platform, &ctx, Error::new(ErrorCode::Unauthenticated)).await;
    }
    let size = match instances::terminal_size(query.cols, query.rows) {
        Ok(size) => size,
        Err(error) => return rest::refuse(&state.platform, &ctx, error).await,
    };
    match instances::redeem_terminal_ticket(&state.platform, &ctx, id, &query.ticket).await {
        Ok(entry) => small_buffers(upgrade)
            .max_message_size(MAX_TERMINAL_MESSAGE)
            .on_upgrade(move |socket| {
                let sockets = state.sockets.clone();
                sockets.track_future(Connection::new(state, ctx, socket).run(entry, size))
            })
            .into_response(),
        Err(error) => rest::refuse(&state.platform, &ctx, error).await,
    }
}

/// The same for who only looks on.
pub async fn watch(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    Part(id): Part<InstanceId>,
    Params(query): Params<WatchQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if ctx.user().is_none() {
        return rest::refuse(&state.platform, &ctx, Error::new(ErrorCode::Unauthenticated)).await;
    }
    match instances::redeem_watch_ticket(&state.platform, &ctx, id, &query.ticket).await {
        Ok(entry) => small_buffers(upgrade)
            .max_message_size(MAX_TERMINAL_MESSAGE)
            .on_upgrade(move |socket| {
                let sockets = state.sockets.clone();
                sockets.track_future(Connection::new(state, ctx, socket).watch(entry))
            })
            .into_response(),
        Err(error) => rest::refuse(&state.platform, &ctx, error).await,
    }
}

/// One open socket.
struct Connection {
    state: AppState,
    ctx: OpContext,
    socket: WebSocket,
    session: Option<SessionWatch>,
    heard: Instant,
    /// Bytes that were sent, of which the client has not said that they are shown.
    unshown: u64,
    typed: VecDeque<Vec<u8>>,
    typed_bytes: usize,
    /// Of who only looks on, until it is ended.
    consent: Option<Consent>,
    stuck: Duration,
}

/// Until somebody may look on no more; for ever for who does not only do that.
async fn until_cut(consent: &mut Option<Consent>) -> Cut {
    match consent {
        Some(consent) => consent.ended().await,
        None => std::future::pending().await,
    }
}

/// Why the loop ended.
enum End {
    /// The client is gone.
    Gone,
    /// The shell is over, which was said.
    Over,
    Bye(&'static str),
}

impl Connection {
    fn new(state: AppState, ctx: OpContext, socket: WebSocket) -> Self {
        let session = ctx.user().map(|user| accounts::watch_session(&state.platform, user));
        let (typed, heard) = (VecDeque::new(), Instant::now());
        Self { state, ctx, socket, session, heard, unshown: 0, typed, typed_bytes: 0, consent: None, stuck: STUCK }
    }

    async fn run(mut self, entry: Entry, size: TerminalSize) {
        match Box::pin(entry.enter(&self.state.platform, &self.ctx, size)).await {
            Ok((viewer, instead)) => self.show_all(viewer, instead).await,
            Err(error) => self.refuse(error).await,
        }
    }

    async fn watch(mut self, entry: WatchEntry) {
        self.stuck = STUCK_WATCHER;
        match entry.enter(&self.state.platform) {
            Some(viewer) => {
                self.consent = viewer.consent();
                self.show_all(viewer, None).await;
            }
            // The link still counts: whoever has it tries again, and comes to another server.
            None => self.bye("elsewhere").await,
        }
    }

    async fn refuse(&mut self, error: Error) {
        let error = app::door::to_api_error(&self.state.platform, &self.ctx, error).await;
        self.tell(&TerminalTold::Refused { error }).await;
        self.close(close_code::POLICY, "refused").await;
    }

    async fn show_all(&mut self, viewer: Viewer, instead: Option<&'static str>) {
        let terminal = viewer.terminal().to_string();
        let opened =
            TerminalTold::Opened { terminal, resumed: viewer.is_resumed(), instead: instead.map(str::to_owned) };
        if !self.tell(&opened).await {
            return;
        }
        let end = self.serve(viewer).await;
        // What is said at the end is nothing of the shell.
        self.consent = None;
        match end {
            End::Gone => {}
            End::Over => self.close(close_code::NORMAL, "over").await,
            End::Bye(reason) => self.bye(reason).await,
        }
    }

    async fn bye(&mut self, reason: &'static str) {
        self.tell(&TerminalTold::Bye { reason: reason.to_owned() }).await;
        let comes_back = ["draining", "elsewhere", "unsure"].contains(&reason);
        let code = if comes_back { close_code::AWAY } else { close_code::POLICY };
        self.close(code, reason).await;
    }

    async fn serve(&mut self, mut viewer: Viewer) -> End {
        let mut endings = accounts::session_endings(&self.state.platform);
        let mut recheck = tokio::time::interval_at(Instant::now() + RECHECK, RECHECK);
        let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
        let draining = self.state.draining.clone();
        let typist = viewer.typist();
        loop {
            let shows = self.unshown < TERMINAL_WINDOW;
            // Who types faster than it is read waits; unless what would be read next is what lets the shell go on.
            let listens = self.typed_bytes < TYPED || !shows;
            tokio::select! {
                // What ends it comes before what is shown: there may always be something to show.
                biased;
                () = draining.cancelled() => return End::Bye("draining"),
                cut = until_cut(&mut self.consent) => return self.cut_off(cut).await,
                ending = endings.recv() => {
                    let mine = self.ctx.user().zip(ending.ok()).is_some_and(|(user, ending)| ending.concerns(user));
                    if mine { return End::Bye("session_ended") }
                }
                _ = recheck.tick() => {
                    // A database that is away decides nothing.
                    let Some(session) = &self.session else { return End::Bye("session_ended") };
                    if let Ok(false) = session.still_valid().await { return End::Bye("session_ended") }
                }
                _ = ping.tick() => {
                    // While nothing is read, nothing can be heard.
                    if listens && self.heard.elapsed() > SILENCE { return End::Gone }
                    let pinged = self.send(Message::Ping(Vec::new().into())).await;
                    if !pinged || !self.tell(&TerminalTold::Alive {}).await { return End::Gone }
                }
                room = typist.room(), if !self.typed.is_empty() => {
                    if let (Some(room), Some(bytes)) = (room, self.typed.pop_front()) {
                        self.typed_bytes -= bytes.len();
                        room.send(bytes);
                    } else {
                        self.typed.clear();
                        self.typed_bytes = 0;
                    }
                }
                message = self.socket.recv(), if listens => match message {
                    Some(Ok(message)) => if let Some(end) = self.hear(message, &viewer) { return end },
                    _ => return End::Gone,
                },
                shown = viewer.next(), if shows => if let Some(end) = self.show(shown).await { return end },
            }
        }
    }

    fn hear(&mut self, message: Message, viewer: &Viewer) -> Option<End> {
        self.heard = Instant::now();
        let text = match message {
            // Who looks on says what was shown, and nothing else.
            Message::Binary(_) if viewer.only_watches() => return Some(End::Bye("message")),
            Message::Binary(bytes) => {
                self.typed_bytes += bytes.len();
                self.typed.push_back(bytes.into());
                return (self.typed_bytes > MOST_TYPED).then_some(End::Bye("input"));
            }
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return None,
            Message::Close(_) => return Some(End::Gone),
        };
        match serde_json::from_str(&text) {
            Ok(TerminalSaid::Resize { .. } | TerminalSaid::Close {}) if viewer.only_watches() => {
                return Some(End::Bye("message"));
            }
            Ok(TerminalSaid::Resize { cols, rows }) => match TerminalSize::new(cols, rows) {
                Some(size) => viewer.resize(size),
                None => return Some(End::Bye("message")),
            },
            Ok(TerminalSaid::Ack { bytes }) => self.unshown = self.unshown.saturating_sub(bytes),
            Ok(TerminalSaid::Close {}) => viewer.close(),
            Err(_) => return Some(End::Bye("message")),
        }
        None
    }

    async fn show(&mut self, shown: Shown) -> Option<End> {
        let told = match shown {
            Shown::Bytes(bytes) => {
                self.unshown += bytes.len() as u64;
                return (!self.send(Message::binary(bytes)).await).then_some(End::Gone);
            }
            Shown::Recording(recording) => match recording.stopped {
                false => TerminalTold::Recorded { with_input: recording.with_input },
                true => TerminalTold::Unrecorded {},
            },
            Shown::Replayed => TerminalTold::Replayed {},
            Shown::Skipped(bytes) => TerminalTold::Skipped { bytes },
            Shown::Viewers(count) => TerminalTold::Viewers { count },
            Shown::Shared(open) => TerminalTold::Shared { open },
            Shown::Watchers(people) => TerminalTold::Watchers { people },
            Shown::Size(size) => TerminalTold::Size { cols: size.cols(), rows: size.rows() },
            Shown::Cut(cut) => return Some(self.cut_off(cut).await),
            Shown::Ended(reason, code) => {
                let told = self.tell(&TerminalTold::Exit { reason: reason.to_owned(), code }).await;
                return Some(if told { End::Over } else { End::Gone });
            }
        };
        (!self.tell(&told).await).then_some(End::Gone)
    }

    async fn tell(&mut self, told: &TerminalTold) -> bool {
        let text = serde_json::to_string(told).expect("messages of terminals have string keys only");
        self.send(Message::text(text)).await
    }

    /// Somebody looks on no more.
    async fn cut_off(&mut self, cut: Cut) -> End {
        self.consent = None;
        match cut {
            Cut::Unsure => End::Bye("unsure"),
            Cut::Ended => {
                let reason = "unshared".to_owned();
                match self.tell(&TerminalTold::Exit { reason, code: None }).await {
                    true => End::Over,
                    false => End::Gone,
                }
            }
        }
    }

    /// False for who takes nothing; and at once for who may look on no more, whatever of it is on its way.
    async fn send(&mut self, message: Message) -> bool {
        let sent = tokio::time::timeout(self.stuck, self.socket.send(message));
        tokio::select! {
            biased;
            _ = until_cut(&mut self.consent) => false,
            sent = sent => matches!(sent, Ok(Ok(()))),
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        self.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }
}
