//! Shells in instances, opened by the browser.
//!
//! Invariants: a socket is opened with a ticket that counts once, for seconds, of the session that asked for it; a shell
//! belongs to the person and the session that opened it, and ends with their rights; it lives on without a socket, in the
//! memory of the server that holds it, and for a quarter of an hour. Others know of it by the database, and open another
//! one instead, saying so: what a server relays for another are ways to engines, not shells that it holds.

mod replay;
mod shell;
mod watching;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::access::AccessKind;
use contract::accounts::Language;
use contract::instances::{InstanceState, MAX_TERMINAL_SIDE, TerminalTicket, TerminalTicketCreate};
use contract::{ErrorCode, InstanceId, SessionId};
use runtime::docker::containers::Terminal;
pub use runtime::docker::containers::TerminalSize;
use runtime::docker::{Fault, FaultKind};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use self::shell::{Consent, Cut, Recording, Shown, Typist, Viewer};
use self::shell::{Kept, Place, Right, Shell};
pub use self::watching::{
    WatchEntry, keep_watch_ticket, keep_watch_ticket_of_staff, redeem_watch_ticket, share_terminal, unshare_terminal,
};
use super::recordings::{self, Recorded, Recorder, Standing, Whose};
use super::store::{self, LeftTerminal, NewTerminal, Row};
use super::work::{Trouble, reach};
use super::{entry, left, own_row, system};
use crate::authz::{EnterOwnInstance, Granted};
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, SystemActor, UserPrincipal, accounts, audit, secrets};

/// How long a ticket counts.
const TICKET: TimeDelta = TimeDelta::seconds(20);
/// How often a server says that it still has a shell.
const RENEW: Duration = Duration::from_secs(10);
/// Most shells of an instance, and of a person.
const MOST: i64 = 8;
/// How long an engine may take to start one.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the database is asked again to write that one ended.
const WRITE_AGAIN: Duration = Duration::from_secs(2);

/// Those that this process holds.
#[derive(Default)]
pub(crate) struct Terminals(Mutex<HashMap<Uuid, Arc<Shell>>>);

impl Terminals {
    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Shell>>> {
        self.0.lock().expect("nobody panics holding this lock")
    }
}

/// A ticket for one socket.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for who may only see it, `WrongState` while it does not run, `Validation`
/// for a shell that has no such name.
pub async fn keep_terminal_ticket(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: &TerminalTicketCreate,
) -> Result<TerminalTicket> {
    let ctx = &ctx.trying_on("instances:open-terminal", "instance", id);
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(EnterOwnInstance, &row.own())?;
    running(&row)?;
    let terminal = body.terminal.as_deref().map(|text| text.parse::<Uuid>());
    let terminal = terminal.transpose().map_err(|_| Error::field("terminal", "field-unknown-value"))?;
    let ticket = hex::encode(secrets::random_bytes::<32>());
    let mut tx = platform.db().begin(&system(ctx)).await?;
    store::keep_ticket(&mut tx, &granted, &hash(&ticket), (session(ctx)?, terminal), (ctx.now(), TICKET)).await?;
    tx.commit().await?;
    Ok(TerminalTicket { ticket, expires_at: ctx.now() + TICKET })
}

fn hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

fn session(ctx: &OpContext) -> Result<SessionId> {
    ctx.user().map(|user| user.session).ok_or_else(Error::not_found)
}

/// The size of a terminal; 80 by 24 where nothing is said.
///
/// # Errors
/// `Validation` for sides that no terminal has.
pub fn terminal_size(cols: Option<u16>, rows: Option<u16>) -> Result<TerminalSize> {
    let (cols, rows) = (cols.unwrap_or(80), rows.unwrap_or(24));
    let mut wrong = Wrong::new();
    for (path, side) in [("cols", cols), ("rows", rows)] {
        if !(1..=MAX_TERMINAL_SIDE).contains(&side) {
            wrong.add(path, "field-terminal-side");
        }
    }
    wrong.into_result()?;
    TerminalSize::new(cols, rows).ok_or_else(|| Error::internal("checked above"))
}

/// Its container, while it runs.
pub(super) fn running(row: &Row) -> Result<String> {
    let container = row.container.clone().filter(|_| row.state() == InstanceState::Running);
    container.ok_or_else(|| {
        let state = row.state().code();
        Error::new(ErrorCode::WrongState).with_key("error-instance-state").with_arg("state", state)
    })
}

/// Somebody who may come in once.
pub struct Entry {
    granted: Granted<EnterOwnInstance>,
    wanted: Option<Uuid>,
}

/// Uses a ticket up.
///
/// # Errors
/// `NotFound` where there is no such instance, `Forbidden` for a ticket that is another session's or instance's, was used,
/// or is too old.
pub async fn redeem_terminal_ticket(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    ticket: &str,
) -> Result<Entry> {
    let ctx = &ctx.trying_on("instances:open-terminal", "instance", id);
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(EnterOwnInstance, &row.own())?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let used = store::use_ticket(&mut tx, &granted, &hash(ticket), session(ctx)?, ctx.now()).await?;
    tx.commit().await?;
    match used {
        Some(wanted) => Ok(Entry { granted, wanted }),
        None => Err(Error::new(ErrorCode::Forbidden).with_key("error-terminal-ticket")),
    }
}

impl Entry {
    /// Goes on with the shell that was asked for, or opens one; also why it is another one.
    ///
    /// # Errors
    /// `WrongState` while the instance does not run, `QuotaExceeded` for too many shells, `NodeUnreachable` and
    /// `EngineFailed` where there is none because of its machine.
    pub async fn enter(
        self,
        platform: &Platform,
        ctx: &OpContext,
        size: TerminalSize,
    ) -> Result<(Viewer, Option<&'static str>)> {
        let Some(user) = ctx.user() else { return Err(Error::not_found()) };
        let instead = match self.wanted {
            None => None,
            Some(wanted) => match self.known(platform, user, wanted).await? {
                Known::Here(viewer) => {
                    viewer.resize(size);
                    return Ok((viewer, None));
                }
                Known::Elsewhere => Some("elsewhere"),
                Known::Orphaned => Some("gone"),
                Known::Over => Some("ended"),
            },
        };
        Ok((open(platform, ctx, user, &self.granted, size).await?, instead))
    }

    async fn known(&self, platform: &Platform, user: &UserPrincipal, wanted: Uuid) -> Result<Known> {
        let here = platform.terminals().all().get(&wanted).cloned();
        // Another person's is nobody's here.
        let here = here.filter(|shell| shell.instance == self.granted.id() && shell.user == user.id);
        if let Some(viewer) = here.and_then(|shell| shell.show()) {
            return Ok(Known::Here(viewer));
        }
        let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
        let open = store::find_terminal(&mut tx, self.granted.id(), wanted).await?;
        let orphaned = store::was_orphaned(&mut tx, self.granted.id(), user.id, wanted).await?;
        tx.commit().await?;
        let elsewhere = open.is_some_and(|it| it.user == user.id && it.server != platform.server_id());
        Ok(match (elsewhere, orphaned) {
            (true, _) => Known::Elsewhere,
            (false, true) => Known::Orphaned,
            (false, false) => Known::Over,
        })
    }
}

enum Known {
    Here(Viewer),
    /// Another server holds it, or one did that stopped a moment ago.
    Elsewhere,
    /// The server that held it is gone.
    Orphaned,
    Over,
}

async fn open(
    platform: &Platform,
    ctx: &OpContext,
    user: &UserPrincipal,
    granted: &Granted<EnterOwnInstance>,
    size: TerminalSize,
) -> Result<Viewer> {
    let id = Uuid::new_v4();
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let row = store::find(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    let container = running(&row)?;
    store::lock_limits(&mut tx, row.customer, user.id).await?;
    let orphans = store::orphaned_terminals(&mut tx, row.id).await?;
    for orphan in &orphans {
        store::end_terminal(&mut tx, *orphan, ("server", None), ctx.now()).await?;
    }
    let (there, theirs) = store::count_terminals(&mut tx, row.id, user.id).await?;
    if there.max(theirs) >= MOST {
        return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-terminal-limit").with_arg("limit", MOST));
    }
    let (server, address) = (platform.server_id(), ctx.address());
    let new = NewTerminal { id, customer: row.customer, user: user.id, server, address };
    store::open_terminal(&mut tx, granted, &new, ctx.now()).await?;
    let opened = entry("instances:open-terminal", &row, None, Some(json!({ "name": row.name, "terminal": id })));
    audit::record_in_tx(&mut tx, ctx, opened).await?;
    tx.commit().await?;

    let whose = Whose { access: id, door: AccessKind::Terminal, user: user.id, name: &user.name };
    let recorder = match recordings::begin(platform, &row, &whose, Recorded::Screen(size, None)).await {
        Ok(recorder) => recorder,
        Err(error) => {
            ended(platform, &row, (id, &user.name), ("failed", None), true).await?;
            return Err(error);
        }
    };
    let begun = begin(platform, &row, container, (id, &orphans), size);
    let late = || Trouble::Engine(Fault::new(FaultKind::Timeout, ""));
    match tokio::time::timeout(PATIENCE, begun).await.unwrap_or_else(|_| Err(late())) {
        Ok((place, terminal)) => {
            let kept = Shell::begin(platform.clock(), (id, row.id, user.id), (size, recorder.is_some()));
            if let Some(recorder) = &recorder {
                kept.shell.record(stands(recorder, *recorder.standing().borrow()));
            }
            // Before anybody else can: the shell is there, and not over yet.
            let viewer = kept.shell.show().ok_or_else(|| Error::internal("a new shell is over"))?;
            platform.terminals().all().insert(id, kept.shell.clone());
            let right = Right::of(platform, user);
            tokio::spawn(keep(platform.clone(), row, kept, (place, right), (terminal, recorder), ctx.language()));
            Ok(viewer)
        }
        Err(trouble) => {
            // It may have been begun all the same.
            ended(platform, &row, (id, &user.name), ("failed", None), false).await?;
            Err(trouble.told())
        }
    }
}

async fn begin(
    platform: &Platform,
    row: &Row,
    container: String,
    (id, orphans): (Uuid, &[Uuid]),
    size: TerminalSize,
) -> Result<(Place, Terminal), Trouble> {
    let engine = reach(platform, row.machine).await?;
    for orphan in orphans {
        engine.hang_up(&container, &orphan.to_string()).await?;
    }
    let terminal = engine.terminal(&container, &id.to_string(), size).await?;
    Ok((Place { engine, container }, terminal))
}

/// To its end, and until that is written.
async fn keep(
    platform: Platform,
    row: Row,
    kept: Kept,
    (place, right): (Place, Right),
    (terminal, recorder): (Terminal, Option<Recorder>),
    language: Language,
) {
    let shell = kept.shell.clone();
    let name = right.name().to_owned();
    let (ending, over) = tokio::select! {
        ended = shell::keep(&platform, kept, (&place, right), (terminal, recorder.as_ref())) => ended,
        never = follow(&shell, recorder.as_ref(), language) => match never {},
    };
    shell.end(ending);
    let told = (ending.code(), ending.exit_code());
    if let Some(recorder) = recorder {
        recorder.over(ending.exit_code()).await;
    }
    for _ in 0..10 {
        match ended(&platform, &row, (shell.id, &name), told, over).await {
            Ok(()) => break,
            Err(error) => tracing::warn!(%error, terminal = %shell.id, "the end of a terminal was not written"),
        }
        tokio::time::sleep(WRITE_AGAIN).await;
    }
    platform.terminals().all().remove(&shell.id);
}

fn stands(recorder: &Recorder, standing: Standing) -> Recording {
    Recording { with_input: recorder.with_input(), stopped: standing != Standing::Recorded }
}

/// Says how it stands with recording it, and has it end where it must not go on.
async fn follow(shell: &Shell, recorder: Option<&Recorder>, language: Language) -> Infallible {
    let Some(recorder) = recorder else { return pending().await };
    let mut standing = recorder.standing();
    loop {
        let now = *standing.borrow_and_update();
        shell.record(stands(recorder, now));
        if now == Standing::Ended {
            shell.say(&texts::message(language, "recording-ended-session", &[]));
            shell.close();
            return pending().await;
        }
        if standing.changed().await.is_err() {
            return pending().await;
        }
    }
}

/// Writes its end, and with `over` that nothing of it runs on: else it is left.
async fn ended(
    platform: &Platform,
    row: &Row,
    (id, person): (Uuid, &str),
    (reason, code): (&'static str, Option<i32>),
    over: bool,
) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    if over {
        store::note_terminal_hung_up(&mut tx, id).await?;
    }
    if let Some(opened_at) = store::end_terminal(&mut tx, id, (reason, code), ctx.now()).await? {
        let seconds = (ctx.now() - opened_at).num_seconds();
        let facts = json!({
            "name": row.name, "terminal": id, "person": person, "seconds": seconds, "reason": reason, "exitCode": code,
        });
        audit::record_in_tx(&mut tx, &ctx, entry("instances:end-terminal", row, None, Some(facts))).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Ends shells whose server is gone, or whose engine did not hear that they end, with what they started: nobody comes back to
/// them. Of how many. It may be dropped anywhere; what is left then is taken again later.
///
/// # Errors
/// The database is away.
pub async fn end_orphaned_terminals(platform: &Platform) -> Result<usize> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let shells = store::claim_left_terminals(&mut tx, left::MOST).await?;
    tx.commit().await?;
    let tries = shells.into_iter().map(|shell| end_left(platform.clone(), shell));
    Ok(left::each("terminals", tries.collect()).await)
}

async fn end_left(platform: Platform, shell: LeftTerminal) -> Result<(), Trouble> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let row = store::find(&mut tx, shell.instance).await?.ok_or_else(Error::not_found)?;
    let name = accounts::names(&mut tx, &[shell.user.0]).await?.remove(&shell.user.0).unwrap_or_default();
    tx.commit().await.map_err(Error::from)?;
    if let Some(container) = row.container.as_deref().filter(|_| row.deleted_at.is_none()) {
        reach(&platform, row.machine).await?.hang_up(container, &shell.id.to_string()).await?;
    }
    ended(&platform, &row, (shell.id, &name), ("server", None), true).await?;
    Ok(())
}

/// Says that it is still there; false when it is over by what is written.
async fn renew(platform: &Platform, id: Uuid, used: Option<DateTime<Utc>>) -> Result<bool> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let there = store::renew_terminal(&mut tx, id, used).await?;
    tx.commit().await?;
    Ok(there)
}

/// Ends one, or that somebody looks on at one, where this process holds it.
pub(super) fn close_here(platform: &Platform, id: Uuid) {
    let shells = platform.terminals().all();
    if let Some(shell) = shells.get(&id) {
        shell.close();
        return;
    }
    for shell in shells.values() {
        shell.cut_one(id);
    }
}

/// Ends all that this process holds, because it stops; back when they are over, or after a while.
pub async fn end_terminals(platform: &Platform, patience: Duration) {
    for shell in platform.terminals().all().values() {
        shell.close();
    }
    let gone = async {
        while !platform.terminals().all().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let _ = tokio::time::timeout(patience, gone).await;
}
