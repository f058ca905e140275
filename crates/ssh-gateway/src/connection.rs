//! A connection of somebody who is known: in which instance, or at which machine they are, and what ends it.

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use contract::ErrorCode;
use platform::accounts::{self, SshProof};
use platform::allocations::{self, MachineChoice, MachineVisit};
use platform::instances::{self, Choice, Visit, VisitStanding};
use platform::{Error, OpContext, Platform, settings};
use russh::Disconnect;
use russh::server::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::{self, Named};
use crate::door::Place;
use crate::gate::{Gate, Inbox};
use crate::words::{self, Way};
use crate::{Gateway, Peer};

/// How often it is asked whether the person may still be here; the answer is at most two seconds old.
const RECHECK: Duration = Duration::from_secs(1);
/// How often it is asked how the instance stands.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is said that they are there.
const RENEW: Duration = Duration::from_secs(10);
/// The same of the session.
const RENEW_SESSION: Duration = Duration::from_secs(60);
/// How long a program may take nothing of what it was sent while other channels wait for it.
const STALLED: Duration = Duration::from_secs(15);
/// Tries to write that it is over.
const WRITES: u32 = 10;

/// See the module.
pub(crate) struct Connection {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) peer: Peer,
    pub(crate) gate: Arc<Gate>,
    /// Ends everything that runs for it.
    pub(crate) over: CancellationToken,
    /// Has it end at once.
    pub(crate) leaving: CancellationToken,
    pub(crate) named: Named,
    stranger: OpContext,
    proof: SshProof,
    state: Mutex<State>,
    entering: tokio::sync::Mutex<()>,
    _place: Place,
}

/// What somebody may have meant.
pub(crate) enum Found {
    Instance(Choice),
    Machine(MachineChoice),
}

impl Found {
    /// How it is named where its name is not its alone.
    fn alone(&self) -> String {
        match self {
            Self::Instance(choice) => choice.id.to_string(),
            Self::Machine(choice) => format!("+{}", choice.code),
        }
    }
}

/// Where somebody is.
#[derive(Clone)]
pub(crate) enum There {
    Instance(Arc<Visit>),
    Machine(Arc<MachineVisit>),
}

struct State {
    ctx: OpContext,
    there: Option<There>,
    inboxes: Vec<Weak<Inbox>>,
    notes: Vec<String>,
    /// Where its programs for files are; looked for once.
    files: Option<crate::program::Files>,
}

impl Connection {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        ((peer, gate), place): ((Peer, Arc<Gate>), Place),
        named: Named,
        (stranger, ctx): (OpContext, OpContext),
        proof: SshProof,
    ) -> Self {
        let state = State { ctx, there: None, inboxes: Vec::new(), notes: Vec::new(), files: None };
        Self {
            gateway,
            peer,
            gate,
            over: CancellationToken::new(),
            leaving: CancellationToken::new(),
            named,
            stranger,
            proof,
            state: Mutex::new(state),
            entering: tokio::sync::Mutex::default(),
            _place: place,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding this lock")
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.gateway.platform
    }

    /// Who it is, at this moment.
    pub(crate) fn ctx(&self) -> OpContext {
        self.state().ctx.at(self.platform().clock().now())
    }

    pub(crate) fn words(&self, key: &str, args: &[(&str, String)]) -> String {
        words::words(&self.state().ctx, Way::Shown, key, args)
    }

    /// An error in words; the person's where they are shown as they are.
    pub(crate) async fn told(&self, way: Way, error: Error) -> String {
        words::told(self.platform(), &self.ctx(), way, error).await
    }

    /// Something to say where it can be read: with the next program.
    pub(crate) fn note(&self, key: &str) {
        let text = self.words(key, &[]);
        let mut state = self.state();
        if !state.notes.contains(&text) {
            state.notes.push(text);
        }
    }

    pub(crate) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.state().notes)
    }

    pub(crate) fn add_inbox(&self, inbox: &Arc<Inbox>) {
        let mut state = self.state();
        state.inboxes.retain(|inbox| inbox.strong_count() > 0);
        state.inboxes.push(Arc::downgrade(inbox));
    }

    pub(crate) fn files(&self) -> Option<crate::program::Files> {
        self.state().files.clone()
    }

    pub(crate) fn set_files(&self, files: crate::program::Files) {
        self.state().files = Some(files);
    }

    /// One more way to a whole machine, for as long as the answer lives.
    pub(crate) fn way(&self) -> Result<Place, Error> {
        let most = self.gateway.limits.ways_of_person;
        let place = self.gateway.ways.take(self.proof.who.user, most);
        place.ok_or_else(|| {
            Error::new(ErrorCode::QuotaExceeded).with_key("error-ssh-ways").with_arg("limit", most.to_string())
        })
    }

    pub(crate) fn there(&self) -> Option<There> {
        self.state().there.clone()
    }

    /// What runs, to choose from.
    pub(crate) async fn choices(&self, wanted: Option<&str>) -> Result<Vec<Choice>, Error> {
        instances::ssh_choices(self.platform(), &self.ctx(), wanted).await
    }

    /// Whole machines one may come to.
    pub(crate) async fn machines(&self, wanted: Option<&str>) -> Result<Vec<MachineChoice>, Error> {
        allocations::ssh_choices(self.platform(), &self.ctx(), wanted).await
    }

    /// The line with which one comes to a machine, to be typed at home.
    pub(crate) async fn line_to(&self, code: &str, account: &str) -> String {
        let door = settings::ssh(self.platform()).await;
        let port = if door.port == 22 { String::new() } else { format!(":{}", door.port) };
        let person: String = self.named.person.chars().filter(|c| !c.is_control()).take(80).collect();
        format!("ssh -J {person}++{code}@{}{port} {account}@{code}", door.host)
    }

    /// What was named: an instance or a machine. Where several are called so, or both kinds, it is not guessed which is meant.
    pub(crate) async fn find(&self, name: &str) -> Result<Found, Error> {
        let instances = if self.named.machine { Vec::new() } else { self.choices(Some(name)).await? };
        // What was named by its number has that for itself.
        let by_number = instances.iter().any(|it| !it.name.eq_ignore_ascii_case(name));
        let machines = if by_number { Vec::new() } else { self.machines(Some(name)).await? };
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        let several = |ids: Vec<String>| {
            let error = Error::new(ErrorCode::Conflict).with_key("error-ssh-several");
            error.with_arg("name", shown.clone()).with_arg("ids", ids.join(", "))
        };
        let mut found: Vec<Found> = instances.into_iter().map(Found::Instance).collect();
        found.extend(machines.into_iter().map(Found::Machine));
        match found.len() {
            0 => Err(Error::new(ErrorCode::NotFound).with_key("error-ssh-no-instance").with_arg("name", shown)),
            1 => found.pop().ok_or_else(Error::not_found),
            // What leads to each of them in the place of the name, and to nothing else.
            _ => Err(several(found.iter().map(Found::alone).collect())),
        }
    }

    /// Comes to what was found, once; acting for its customer from then on.
    pub(crate) async fn enter(&self, found: &Found) -> Result<There, Error> {
        let _turn = self.entering.lock().await;
        if let Some(there) = self.there() {
            return Ok(there);
        }
        let customer = match found {
            Found::Instance(choice) => choice.customer,
            Found::Machine(choice) => choice.customer,
        };
        let mut ctx = self.ctx();
        let acts_for = ctx.user().and_then(|user| user.active_customer);
        if acts_for != Some(customer) {
            let before = ctx.user().map(|user| user.session);
            let stranger = self.stranger.at(self.platform().clock().now());
            ctx = auth::settle(self.platform(), &stranger, &self.proof, Some(customer)).await?;
            self.state().ctx = ctx.clone();
            if let Some(before) = before {
                accounts::leave_ssh_session(self.platform(), before).await?;
            }
        }
        let fingerprint = self.proof.key.as_ref().map(|(_, fingerprint)| fingerprint.as_str());
        let platform = self.platform();
        let there = match found {
            Found::Instance(choice) => {
                let visit = instances::enter_by_ssh(platform, &ctx, choice.id, fingerprint).await?;
                There::Instance(Arc::new(visit))
            }
            Found::Machine(choice) => {
                let visit = allocations::enter_by_ssh(platform, &ctx, &choice.code, fingerprint).await?;
                There::Machine(Arc::new(visit))
            }
        };
        self.state().there = Some(there.clone());
        Ok(there)
    }

    /// Watches over it to its end, and writes that.
    pub(crate) async fn keep(self: Arc<Self>, handle: Handle) {
        let (reason, key) = self.watch().await;
        if let Some(key) = key {
            let words = words::words(&self.ctx(), Way::Line, key, &[]);
            let said = handle.disconnect(Disconnect::ByApplication, words, String::new());
            let _ = tokio::time::timeout(Duration::from_secs(1), said).await;
            // Time for the words to go out.
            let _ = tokio::time::timeout(Duration::from_millis(300), self.leaving.cancelled()).await;
        }
        self.over.cancel();
        self.gate.cut();
        for _ in 0..WRITES {
            match self.write_end(reason).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "the end of a connection by SSH was not written"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn write_end(&self, reason: &'static str) -> Result<(), Error> {
        match self.there() {
            Some(There::Instance(visit)) => visit.leave(self.platform(), reason).await?,
            Some(There::Machine(visit)) => visit.leave(self.platform(), reason).await?,
            None => {}
        }
        let session = self.ctx().user().map(|user| user.session);
        match session {
            Some(session) => accounts::leave_ssh_session(self.platform(), session).await,
            None => Ok(()),
        }
    }

    /// Why it ends: the word that is kept, and what is said.
    async fn watch(&self) -> (&'static str, Option<&'static str>) {
        let mut endings = accounts::session_endings(self.platform());
        let mut recheck = tokio::time::interval(RECHECK);
        let mut look = tokio::time::interval(LOOK);
        let mut renew = tokio::time::interval_at(Instant::now() + RENEW, RENEW);
        let mut renew_session = tokio::time::interval_at(Instant::now() + RENEW_SESSION, RENEW_SESSION);
        let (mut ctx, mut session) = (self.ctx(), None);
        loop {
            if session.is_none() || self.ctx().user().map(|user| user.session) != ctx.user().map(|user| user.session) {
                ctx = self.ctx();
                let Some(user) = ctx.user() else { return ("access", Some("ssh-bye-access")) };
                session = Some(accounts::watch_session(self.platform(), user));
            }
            tokio::select! {
                () = self.leaving.cancelled() => return ("left", None),
                () = self.gateway.stop.cancelled() => return ("lost", Some("ssh-bye-stop")),
                ending = endings.recv() => {
                    let mine = ctx.user().zip(ending.ok()).is_some_and(|(user, ending)| ending.concerns(user));
                    if mine { return ("access", Some("ssh-bye-access")) }
                }
                _ = recheck.tick() => {
                    // A database that is away decides nothing.
                    let asked = match &session { Some(watch) => watch.still_valid().await, None => Ok(true) };
                    // While it moves to another customer, the session of before ends.
                    let same = self.ctx().user().map(|user| user.session) == ctx.user().map(|user| user.session);
                    if same && matches!(asked, Ok(false)) { return ("access", Some("ssh-bye-access")) }
                    self.end_the_stalled();
                }
                _ = renew.tick() => self.renew().await,
                _ = look.tick() => {
                    if !settings::ssh(self.platform()).await.open { return ("access", Some("error-ssh-off")) }
                    if let Some(ended) = self.look().await { return ended }
                }
                _ = renew_session.tick() => {
                    let session = ctx.user().map(|user| user.session);
                    if let Some(session) = session
                        && let Err(error) = accounts::renew_ssh_session(self.platform(), session).await
                    {
                        tracing::debug!(%error, "no sign of life of a connection by SSH could be written");
                    }
                }
            }
        }
    }

    async fn renew(&self) {
        let renewed = match self.there() {
            Some(There::Instance(visit)) => visit.renew(self.platform()).await,
            Some(There::Machine(visit)) => visit.renew(self.platform()).await,
            None => Ok(()),
        };
        if let Err(error) = renewed {
            tracing::debug!(%error, "no sign of life of a connection by SSH could be written");
        }
    }

    async fn look(&self) -> Option<(&'static str, Option<&'static str>)> {
        let standing = match self.there() {
            Some(There::Instance(visit)) => visit.standing(self.platform()).await,
            Some(There::Machine(visit)) => {
                // A database that is away decides nothing.
                let over = matches!(visit.still_held(self.platform()).await, Ok(false));
                return over.then_some(("stopped", Some("ssh-bye-machine")));
            }
            None => return None,
        };
        match standing {
            Ok(VisitStanding::Open) => None,
            Ok(VisitStanding::Ended) => Some(("access", Some("ssh-bye-ended"))),
            Ok(VisitStanding::Stopped) => Some(("stopped", Some("ssh-bye-stopped"))),
            Err(error) => {
                // A database that is away decides nothing.
                tracing::debug!(%error, "how an instance stands could not be asked");
                None
            }
        }
    }

    /// A program that takes nothing of what it is sent holds up the other channels no longer than that.
    fn end_the_stalled(&self) {
        if self.gate.closed_for() < STALLED {
            return;
        }
        let state = self.state();
        let inboxes = state.inboxes.iter().filter_map(Weak::upgrade);
        let inboxes: Vec<_> = inboxes.filter(|inbox| !inbox.is_closed()).collect();
        if inboxes.len() > 1
            && let Some(fullest) = inboxes.iter().max_by_key(|inbox| inbox.waiting())
        {
            fullest.close();
        }
    }
}
