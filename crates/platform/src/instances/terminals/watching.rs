//! Looking on at somebody's shell, by their consent.
//!
//! Invariants: who has a shell gives a link, which counts once, for minutes, for one person: somebody of the same customer, or
//! of the staff with a reason; who looks on types nothing and is named to whom they look at, who ends it at any time; it ends
//! with the session, the rights, or the shell.

use contract::instances::{
    StaffWatchCreate, TerminalShare, TerminalShareCreate, TerminalUnshare, TerminalWatchCreate, TerminalWatchTicket,
};
use contract::{ErrorCode, InstanceId, Permission};
use serde_json::json;
use uuid::Uuid;

use super::shell::Viewer;
use super::{TICKET, hash, session};
use crate::authz::{
    Action, EnterOwnInstance, Granted, InstanceRef, OperateInstance, OwnInstanceRef, Resource, ViewOwnInstance,
};
use crate::fields::Wrong;
use crate::instances::logs::reason;
use crate::instances::store::{self, Row};
use crate::instances::{entry, own_row, read, staff_row, system, worker};
use crate::{Error, OpContext, Platform, Result, audit, secrets};

/// How long a link counts.
const SHARE: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
/// Most who look on at one shell.
const MOST: i64 = 8;
/// In the audit log, of the instance.
const WATCH: &str = "instances:watch-terminal";

/// A link for one person who may look on at one's own shell.
///
/// # Errors
/// `NotFound` where there is no such instance or shell of one's own, `Forbidden` for who may only see it.
pub async fn share_terminal(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: &TerminalShareCreate,
) -> Result<TerminalShare> {
    let ctx = &ctx.trying_on("instances:share-terminal", "instance", id);
    let (row, granted) = mine(platform, ctx, id).await?;
    let share = hex::encode(secrets::random_bytes::<32>());
    let expires_at = ctx.now() + SHARE;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let terminal = own_shell(&mut tx, ctx, id, &body.terminal).await?;
    store::keep_share(&mut tx, &granted, (&hash(&share), terminal), (ctx.now(), expires_at)).await?;
    let facts = json!({ "name": row.name, "terminal": terminal });
    audit::record_in_tx(&mut tx, ctx, entry("instances:share-terminal", &row, None, Some(facts))).await?;
    tx.commit().await?;
    Ok(TerminalShare { share, expires_at })
}

/// Ends that others look on at one's own shell, within seconds; links that nobody used count no more.
///
/// # Errors
/// As [`share_terminal`].
pub async fn unshare_terminal(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: &TerminalUnshare,
) -> Result<()> {
    let ctx = &ctx.trying_on("instances:unshare-terminal", "instance", id);
    let (row, granted) = mine(platform, ctx, id).await?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let terminal = own_shell(&mut tx, ctx, id, &body.terminal).await?;
    let ended = store::end_watches(&mut tx, &granted, terminal, ctx.now()).await?;
    let facts = json!({ "name": row.name, "terminal": terminal, "watchers": ended });
    audit::record_in_tx(&mut tx, ctx, entry("instances:unshare-terminal", &row, None, Some(facts))).await?;
    tx.commit().await?;
    Ok(())
}

async fn mine(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<(Row, Granted<EnterOwnInstance>)> {
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(EnterOwnInstance, &row.own())?;
    Ok((row, granted))
}

async fn own_shell(tx: &mut crate::db::Tx, ctx: &OpContext, id: InstanceId, terminal: &str) -> Result<Uuid> {
    let over = || Error::new(ErrorCode::NotFound).with_key("error-terminal-over");
    let terminal = terminal.parse::<Uuid>().map_err(|_| over())?;
    let open = store::find_terminal(tx, id, terminal).await?;
    let own = open.filter(|open| ctx.user().is_some_and(|user| user.id == open.user));
    own.map(|_| terminal).ok_or_else(over)
}

/// Uses a link up, or comes back: a ticket for the socket by which one looks on.
///
/// # Errors
/// `NotFound` for who has no such link, `QuotaExceeded` where as many as may look on already.
pub async fn keep_watch_ticket(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: &TerminalWatchCreate,
) -> Result<TerminalWatchTicket> {
    let ctx = &ctx.trying_on(WATCH, "instance", id);
    ctx.authorize_list::<OwnInstanceRef>(Permission::InstancesUse)?;
    let row = read(platform, ctx, id).await?;
    let granted = ctx.authorize(ViewOwnInstance, &lent(&row, ctx))?;
    admit(platform, ctx, (&row, &granted), (body.share.as_deref(), body.watch.as_deref()), None).await
}

/// The same for staff, with a reason, which its customer reads.
///
/// # Errors
/// As [`keep_watch_ticket`], and `Validation` without a reason.
pub async fn keep_watch_ticket_of_staff(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: StaffWatchCreate,
) -> Result<TerminalWatchTicket> {
    let ctx = &ctx.trying_on(WATCH, "instance", id);
    let row = staff_row(platform, ctx, id).await?;
    let granted = ctx.authorize(OperateInstance, &row.of_staff())?;
    let mut wrong = Wrong::new();
    let reason = reason(&mut wrong, body.reason);
    wrong.into_result()?;
    admit(platform, ctx, (&row, &granted), (body.share.as_deref(), body.watch.as_deref()), reason).await
}

/// To whom somebody gave a link of it, it is as their own to look at, in their customer.
fn lent(row: &Row, ctx: &OpContext) -> OwnInstanceRef {
    OwnInstanceRef { owner: ctx.user().map(|user| user.id), ..row.own() }
}

async fn admit<A: Action>(
    platform: &Platform,
    ctx: &OpContext,
    (row, granted): (&Row, &Granted<A>),
    (share, watch): (Option<&str>, Option<&str>),
    reason: Option<String>,
) -> Result<TerminalWatchTicket>
where
    A::Resource: Resource<Id = InstanceId>,
{
    let none = || Error::new(ErrorCode::NotFound).with_key("error-terminal-share");
    let user = ctx.user().ok_or_else(Error::not_found)?;
    let session = session(ctx)?;
    let ticket = hex::encode(secrets::random_bytes::<32>());
    let expires_at = ctx.now() + TICKET;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let watch = match (share, watch.and_then(|watch| watch.parse::<Uuid>().ok())) {
        (_, Some(watch)) if store::watch_is_open(&mut tx, watch, Some(session)).await? => watch,
        (Some(share), _) => {
            let used = store::use_share(&mut tx, granted, &hash(share), ctx.now()).await?;
            let terminal = used.ok_or_else(none)?;
            if store::count_watches(&mut tx, terminal).await? >= MOST {
                return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-watch-limit").with_arg("limit", MOST));
            }
            let watch = Uuid::new_v4();
            store::open_watch(&mut tx, granted, (watch, terminal), (user.id, session), ctx.now()).await?;
            let facts = json!({ "name": row.name, "terminal": terminal, "reason": reason });
            audit::record_in_tx(&mut tx, ctx, entry(WATCH, row, None, Some(facts))).await?;
            watch
        }
        (None, _) => return Err(none()),
    };
    store::keep_watch_ticket(&mut tx, granted, (&hash(&ticket), watch), session, expires_at).await?;
    tx.commit().await?;
    Ok(TerminalWatchTicket { ticket, watch: watch.to_string(), expires_at })
}

/// Somebody who may look on.
pub struct WatchEntry {
    watch: Uuid,
    terminal: Uuid,
    name: String,
}

/// Uses a ticket up by which one looks on.
///
/// # Errors
/// `NotFound` for who may see neither the instance nor a link of it, `Forbidden` for a ticket that is another session's or
/// instance's, was used, or is too old.
pub async fn redeem_watch_ticket(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    ticket: &str,
) -> Result<WatchEntry> {
    let user = ctx.user().ok_or_else(Error::not_found)?;
    let row = match ctx.is_staff() {
        true => {
            ctx.authorize_list::<InstanceRef>(Permission::InstancesView)?;
            let row = read(platform, ctx, id).await?;
            ctx.authorize(OperateInstance, &row.of_staff())?;
            row
        }
        false => {
            ctx.authorize_list::<OwnInstanceRef>(Permission::InstancesUse)?;
            let row = read(platform, ctx, id).await?;
            ctx.authorize(ViewOwnInstance, &lent(&row, ctx))?;
            row
        }
    };
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let used = store::use_watch_ticket(&mut tx, row.id, &hash(ticket), session(ctx)?, ctx.now()).await?;
    tx.commit().await?;
    let refused = || Error::new(ErrorCode::Forbidden).with_key("error-terminal-ticket");
    let (watch, terminal) = used.ok_or_else(refused)?;
    Ok(WatchEntry { watch, terminal, name: user.name.clone() })
}

impl WatchEntry {
    /// Begins to look on.
    ///
    /// # Errors
    /// `WrongState` for a shell that is over, or that another server holds.
    pub fn enter(&self, platform: &Platform) -> Result<Viewer> {
        let shell = platform.terminals().all().get(&self.terminal).cloned();
        let shown = shell.and_then(|shell| shell.watch(self.name.clone()));
        shown.ok_or_else(|| Error::new(ErrorCode::WrongState).with_key("error-terminal-elsewhere"))
    }

    /// Whether who has the shell still lets them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn still_open(&self, platform: &Platform) -> Result<bool> {
        let mut tx = platform.db().begin(&worker(platform)).await?;
        let open = store::watch_is_open(&mut tx, self.watch, None).await?;
        tx.commit().await?;
        Ok(open)
    }
}
