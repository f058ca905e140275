//! One shell: what it wrote last, who looks at it, and how it is told what is typed.
//!
//! Invariants: memory is bounded by the one buffer, whoever reads how slowly; what is written is read from the engine only
//! as fast as the quickest of those takes it who may type, and without any as fast as is allowed at all: who only looks on neither
//! hurries nor stops what its owner does.

mod consent;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{InstanceId, UserId};
use runtime::docker::containers::{Containers, Exit, Terminal, TerminalInput, TerminalOutput, TerminalSize};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use self::consent::Watcher;
pub use self::consent::{Consent, Cut};
use super::super::recordings::Recorder;
use super::replay::Replay;
use super::{RENEW, renew};
use crate::accounts::{SessionEnding, SessionWatch};
use crate::{Clock, Platform, UserPrincipal, accounts};

/// Most bytes of one message to a viewer.
const PIECE: usize = 16 << 10;
/// How far what is read from the engine may be ahead of the quickest of those who may type.
const AHEAD: u64 = 128 << 10;
/// Bytes in a [`SPELL`]: 8 MiB a second.
const SPELL_BYTES: usize = 800 << 10;
const SPELL: Duration = Duration::from_millis(100);
/// A shell that nobody looks at for so long is ended.
const IDLE: chrono::TimeDelta = chrono::TimeDelta::minutes(15);
/// How often it is asked whether the person may still have it; the answer is at most two seconds old.
const RECHECK: Duration = Duration::from_secs(1);
/// Pieces of what is typed that wait.
const TYPED: usize = 16;
/// How long an engine may take for something by the way.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a shell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself.
    Exited(Option<i32>),
    /// Its engine is not heard any more.
    Lost,
    /// Nobody looked at it.
    Idle,
    /// The person's session ended, or their rights.
    Access,
    /// Somebody asked for it, or the server stops.
    Closed,
}

impl Ending {
    pub(super) fn code(self) -> &'static str {
        match self {
            Ending::Exited(_) => "exited",
            Ending::Lost => "lost",
            Ending::Idle => "idle",
            Ending::Access => "access",
            Ending::Closed => "closed",
        }
    }

    pub(super) fn exit_code(self) -> Option<i32> {
        match self {
            Ending::Exited(code) => code,
            _ => None,
        }
    }
}

/// See the module.
pub(super) struct Shell {
    pub(super) id: Uuid,
    pub(super) instance: InstanceId,
    pub(super) user: UserId,
    clock: Clock,
    state: Mutex<State>,
    /// Raised whenever there is something to look at.
    changes: watch::Sender<u64>,
    /// Told when viewers have read on.
    room: Notify,
    closing: Notify,
    /// Told when it has to be asked who may look on.
    asking: Notify,
    typed: mpsc::Sender<Vec<u8>>,
    size: watch::Sender<TerminalSize>,
}

struct State {
    replay: Replay,
    /// Nothing where it does not have to be recorded.
    recording: Option<Recording>,
    /// Where each of them is.
    viewers: HashMap<u64, u64>,
    /// Those among them who only look on: they keep no shell alive.
    watchers: HashMap<u64, Watcher>,
    /// Somebody may look on, or come back: by a link, or by what they looked on before.
    shared: bool,
    next_viewer: u64,
    /// Since when there is none.
    alone_since: Option<DateTime<Utc>>,
    ended: Option<Ending>,
}

/// What a shell's keeper has of it.
pub(super) struct Kept {
    pub(super) shell: Arc<Shell>,
    typed: mpsc::Receiver<Vec<u8>>,
    size: watch::Receiver<TerminalSize>,
}

impl Shell {
    pub(super) fn begin(
        clock: &Clock,
        (id, instance, user): (Uuid, InstanceId, UserId),
        (size, recorded): (TerminalSize, bool),
    ) -> Kept {
        let (typed, typed_end) = mpsc::channel(TYPED);
        let (size, size_end) = watch::channel(size);
        let state = State {
            replay: Replay::default(),
            recording: recorded.then(Recording::default),
            viewers: HashMap::new(),
            watchers: HashMap::new(),
            shared: false,
            next_viewer: 0,
            alone_since: Some(clock.now()),
            ended: None,
        };
        let shell = Shell {
            id,
            instance,
            user,
            clock: clock.clone(),
            state: Mutex::new(state),
            changes: watch::Sender::new(0),
            room: Notify::new(),
            closing: Notify::new(),
            asking: Notify::new(),
            typed,
            size,
        };
        Kept { shell: Arc::new(shell), typed: typed_end, size: size_end }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding this lock")
    }

    fn changed(&self) {
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Somebody looks at it from now on; `None` where it is over.
    pub(super) fn show(self: &Arc<Self>) -> Option<Viewer> {
        self.look_at(None)
    }

    /// Somebody of this name looks on from now on; `None` where it is over.
    pub(super) fn watch(self: &Arc<Self>, watch: Uuid, name: String) -> Option<Viewer> {
        self.look_at(Some(Watcher { watch, name, cut: None }))
    }

    fn look_at(self: &Arc<Self>, watcher: Option<Watcher>) -> Option<Viewer> {
        let mut state = self.state();
        if state.ended.is_some() {
            return None;
        }
        let (number, at, until) = (state.next_viewer, state.replay.begin(), state.replay.end());
        state.next_viewer += 1;
        state.viewers.insert(number, at);
        let watches = watcher.is_some();
        // Who comes back is not there twice.
        for before in state.watchers.values_mut().filter(|it| watcher.as_ref().is_some_and(|new| new.watch == it.watch))
        {
            before.cut.get_or_insert(Cut::Ended);
        }
        match watcher {
            Some(watcher) => drop(state.watchers.insert(number, watcher)),
            None => state.alone_since = None,
        }
        drop(state);
        self.changed();
        self.ask_again();
        let changes = self.changes.subscribe();
        let told = Told { watches, ..Told::default() };
        Some(Viewer { shell: self.clone(), number, at, replay_until: Some(until), told, changes })
    }

    /// Whether it is this instance's, and not over.
    pub(super) fn is_open_in(&self, instance: InstanceId) -> bool {
        self.instance == instance && self.state().ended.is_none()
    }

    /// Has it end.
    pub(super) fn close(&self) {
        self.closing.notify_one();
    }

    pub(super) fn end(&self, ending: Ending) {
        self.state().ended.get_or_insert(ending);
        self.changed();
    }

    /// How it stands with recording it, from now on.
    pub(super) fn record(&self, recording: Recording) {
        self.state().recording = Some(recording);
        self.changed();
    }

    /// Shows words of ours.
    pub(super) fn say(&self, words: &str) {
        self.push(format!("\r\n{words}\r\n").as_bytes());
    }

    fn push(&self, bytes: &[u8]) {
        self.state().replay.push(bytes);
        self.changed();
    }

    /// Whether the quickest of those who may type has read nearly all; always while there is none.
    fn has_room(&self) -> bool {
        let state = self.state();
        let owners = state.viewers.iter().filter(|(number, _)| !state.watchers.contains_key(*number));
        owners.map(|(_, at)| *at).max().is_none_or(|at| at + AHEAD > state.replay.end())
    }

    fn is_idle(&self) -> bool {
        self.state().alone_since.is_some_and(|since| self.clock.now() - since > IDLE)
    }

    /// Now, where somebody looks at it.
    fn used(&self) -> Option<DateTime<Utc>> {
        (self.state().owners() > 0).then(|| self.clock.now())
    }
}

impl State {
    /// How many of those who look at it may type.
    fn owners(&self) -> usize {
        self.viewers.len() - self.watchers.len()
    }

    /// What those are called who only look on.
    fn watcher_names(&self) -> Vec<String> {
        let there = self.watchers.values().filter(|watcher| watcher.cut.is_none());
        let mut names: Vec<_> = there.map(|watcher| watcher.name.clone()).collect();
        names.sort();
        names
    }
}

/// How it stands with recording something that has to be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// What is typed is kept, too.
    pub with_input: bool,
    /// It goes on without.
    pub stopped: bool,
}

/// What a viewer is told next.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// Whether it is recorded; where it has to be.
    Recording(Recording),
    Bytes(Vec<u8>),
    /// What follows is new.
    Replayed,
    /// So many bytes were left out.
    Skipped(u64),
    /// So many look at it, those who only look on left out.
    Viewers(usize),
    /// Whether somebody may look on, or come back to it; for who may type.
    Shared(bool),
    /// What those are called who only look on; for who may type.
    Watchers(Vec<String>),
    /// One looks on no more; for who only did.
    Cut(Cut),
    /// Its size; for who only looks on.
    Size(TerminalSize),
    /// It is over: a word for why, and its exit code.
    Ended(&'static str, Option<i32>),
}

/// Somebody who looks at a shell, and may type. The shell lives on without.
pub struct Viewer {
    shell: Arc<Shell>,
    number: u64,
    at: u64,
    replay_until: Option<u64>,
    told: Told,
    changes: watch::Receiver<u64>,
}

/// What a viewer was told last.
#[derive(Default)]
struct Told {
    /// It only looks on.
    watches: bool,
    recording: Option<Recording>,
    viewers: usize,
    shared: bool,
    watchers: Vec<String>,
    size: Option<TerminalSize>,
}

impl Viewer {
    /// By what it is found again.
    pub fn terminal(&self) -> Uuid {
        self.shell.id
    }

    /// Whether it only looks on.
    pub fn only_watches(&self) -> bool {
        self.told.watches
    }

    /// Whether it was there before.
    pub fn is_resumed(&self) -> bool {
        self.number > 0
    }

    /// The next thing to show. Cancel safe.
    pub async fn next(&mut self) -> Shown {
        loop {
            self.changes.borrow_and_update();
            if let Some(shown) = self.look() {
                return shown;
            }
            // The sender lives as long as this viewer does.
            let _ = self.changes.changed().await;
        }
    }

    fn look(&mut self) -> Option<Shown> {
        let mut state = self.shell.state();
        // First of all: nothing is shown any more.
        if let Some(cut) = state.watchers.get(&self.number).and_then(|watcher| watcher.cut) {
            return Some(Shown::Cut(cut));
        }
        if let Some(recording) = state.recording.filter(|recording| self.told.recording != Some(*recording)) {
            self.told.recording = Some(recording);
            return Some(Shown::Recording(recording));
        }
        let size = *self.shell.size.borrow();
        // First: what was shown was shown in it.
        if self.told.watches && self.told.size != Some(size) {
            self.told.size = Some(size);
            return Some(Shown::Size(size));
        }
        if self.replay_until.is_some_and(|until| self.at >= until) {
            self.replay_until = None;
            return Some(Shown::Replayed);
        }
        if state.owners() != self.told.viewers && self.replay_until.is_none() {
            self.told.viewers = state.owners();
            return Some(Shown::Viewers(self.told.viewers));
        }
        if !self.told.watches && state.shared != self.told.shared && self.replay_until.is_none() {
            self.told.shared = state.shared;
            return Some(Shown::Shared(state.shared));
        }
        if !self.told.watches && state.watchers.len() + self.told.watchers.len() > 0 {
            let names = state.watcher_names();
            if names != self.told.watchers && self.replay_until.is_none() {
                self.told.watchers.clone_from(&names);
                return Some(Shown::Watchers(names));
            }
        }
        if self.at < state.replay.start() {
            let to = state.replay.begin();
            let left_out = to - self.at;
            self.at = to;
            state.viewers.insert(self.number, to);
            return Some(Shown::Skipped(left_out));
        }
        if self.at < state.replay.end() {
            let replay_left = self.replay_until.map_or(u64::MAX, |until| until.saturating_sub(self.at));
            let most = usize::try_from(replay_left).unwrap_or(usize::MAX).min(PIECE);
            let bytes = state.replay.after(self.at, most);
            self.at += bytes.len() as u64;
            state.viewers.insert(self.number, self.at);
            self.shell.room.notify_one();
            return Some(Shown::Bytes(bytes));
        }
        state.ended.map(|ending| Shown::Ended(ending.code(), ending.exit_code()))
    }

    /// Who types.
    pub fn typist(&self) -> Typist {
        Typist(self.shell.typed.clone())
    }

    /// Gives the terminal another size.
    pub fn resize(&self, size: TerminalSize) {
        self.shell.size.send_replace(size);
        self.shell.changed();
    }

    /// Has the shell end.
    pub fn close(&self) {
        self.shell.close();
    }
}

/// The way of what is typed to its shell.
pub struct Typist(mpsc::Sender<Vec<u8>>);

impl Typist {
    /// Room for one piece, when the shell took what was before; `None` when it is over. Cancel safe.
    pub async fn room(&self) -> Option<mpsc::Permit<'_, Vec<u8>>> {
        self.0.reserve().await.ok()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut state = self.shell.state();
        state.viewers.remove(&self.number);
        if state.watchers.remove(&self.number).is_none() && state.owners() == 0 {
            state.alone_since = Some(self.shell.clock.now());
        }
        drop(state);
        self.shell.room.notify_one();
        self.shell.changed();
    }
}

/// Where a shell runs.
pub(super) struct Place {
    pub(super) engine: Containers,
    pub(super) container: String,
}

/// Whose it is, and what tells when it is theirs no more.
pub(super) struct Right {
    user: UserPrincipal,
    session: SessionWatch,
    endings: broadcast::Receiver<SessionEnding>,
}

impl Right {
    pub(super) fn of(platform: &Platform, user: &UserPrincipal) -> Self {
        let session = accounts::watch_session(platform, user);
        Self { user: user.clone(), session, endings: accounts::session_endings(platform) }
    }

    /// Who it is.
    pub(super) fn name(&self) -> &str {
        &self.user.name
    }
}

/// Keeps a shell to its end; and whether nothing of it runs any more.
pub(super) async fn keep(
    platform: &Platform,
    kept: Kept,
    (place, right): (&Place, Right),
    (terminal, recorder): (Terminal, Option<&Recorder>),
) -> (Ending, bool) {
    let Kept { shell, typed, size } = kept;
    let Terminal { exec, output, input } = terminal;
    let ending = tokio::select! {
        () = read(&shell, output, recorder) => match timeout(PATIENCE, place.engine.terminal_ending(&exec)).await {
            Ok(Ok(Exit::Ended(code))) => Ending::Exited(code),
            // The engine died, or the way to it.
            _ => Ending::Lost,
        },
        () = write(typed, input, recorder) => Ending::Lost,
        () = fit(size, (place, &exec), recorder) => Ending::Lost,
        ending = watch_over(platform, &shell, right) => ending,
        never = consent::follow(platform, &shell) => match never {},
    };
    if matches!(ending, Ending::Exited(_)) {
        return (ending, true);
    }
    // Without an answer it is left.
    let hung_up = timeout(PATIENCE, place.engine.hang_up(&place.container, &shell.id.to_string())).await;
    (ending, matches!(hung_up, Ok(Ok(()))))
}

async fn read(shell: &Shell, mut output: TerminalOutput, recorder: Option<&Recorder>) {
    let (mut spell, mut bytes_in_spell) = (Instant::now(), 0);
    loop {
        loop {
            let more = shell.room.notified();
            if shell.has_room() {
                break;
            }
            more.await;
        }
        let Some(Ok(bytes)) = output.next().await else { return };
        // First: nobody sees what is not recorded.
        if let Some(recorder) = recorder {
            recorder.output(&bytes).await;
        }
        shell.push(&bytes);
        if spell.elapsed() >= SPELL {
            (spell, bytes_in_spell) = (Instant::now(), 0);
        }
        bytes_in_spell += bytes.len();
        if bytes_in_spell > SPELL_BYTES {
            sleep_until(spell + SPELL).await;
        }
    }
}

/// Ends never: whether the shell is there, its output says.
async fn write(mut typed: mpsc::Receiver<Vec<u8>>, mut input: TerminalInput, recorder: Option<&Recorder>) {
    while let Some(bytes) = typed.recv().await {
        if let Some(recorder) = recorder {
            recorder.input(&bytes).await;
        }
        if input.say(&bytes).await.is_err() {
            break;
        }
    }
    std::future::pending().await
}

/// Gives it the newest size, whatever it was in between.
async fn fit(mut size: watch::Receiver<TerminalSize>, (place, exec): (&Place, &str), recorder: Option<&Recorder>) {
    size.mark_changed();
    while size.changed().await.is_ok() {
        let wanted = *size.borrow_and_update();
        if let Some(recorder) = recorder {
            recorder.size(wanted).await;
        }
        // An engine refuses it for a moment while the shell is being started.
        for _ in 0..20 {
            if matches!(timeout(PATIENCE, place.engine.resize_terminal(exec, wanted)).await, Ok(Ok(()))) {
                break;
            }
            sleep(SPELL).await;
        }
    }
    std::future::pending().await
}

async fn watch_over(platform: &Platform, shell: &Shell, mut right: Right) -> Ending {
    let mut recheck = tokio::time::interval(RECHECK);
    let mut renewal = tokio::time::interval_at(Instant::now() + RENEW, RENEW);
    loop {
        tokio::select! {
            () = shell.closing.notified() => return Ending::Closed,
            ending = right.endings.recv() => {
                if ending.is_ok_and(|ending| ending.concerns(&right.user)) { return Ending::Access }
            }
            _ = recheck.tick() => {
                if shell.is_idle() { return Ending::Idle }
                // A database that is away decides nothing.
                if let Ok(false) = right.session.still_valid().await { return Ending::Access }
            }
            _ = renewal.tick() => {
                if let Ok(false) = renew(platform, shell.id, shell.used()).await { return Ending::Closed }
            }
        }
    }
}
