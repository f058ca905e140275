//! Looking on at somebody's shell, by their consent.
//!
//! Invariants: who has a shell gives a link, which counts once, for minutes, for one person: somebody of the same customer, or
//! of the staff with a reason; it is used up by the socket that shows the shell, and by no other; who comes back does so to the
//! same instance, with the right to it, and is in the log again; who looks on types nothing and is named to whom they look at, who
//! ends it at any time, also while they are away; it ends with the session, the rights, or the shell, and when they were away for
//! minutes.

use std::sync::Arc;

use contract::instances::{
    StaffWatchCreate, TerminalShare, TerminalShareCreate, TerminalUnshare, TerminalWatchCreate, TerminalWatchTicket,
};
use contract::{ErrorCode, InstanceId, Permission};
use serde_json::json;
use uuid::Uuid;

use super::shell::{Shell, Viewer};
use super::{TICKET, hash, session};
use crate::authz::{
    Action, EnterOwnInstance, Granted, InstanceRef, OperateInstance, OwnInstanceRef, Resource, ViewOwnInstance,
};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::instances::store::{self, NewWatch, Row, WatchTicket};
use crate::instances::{entry, own_row, read, staff_row, system};
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
    if let Some(shell) = here(platform, terminal) {
        shell.ask_again();
    }
    Ok(TerminalShare { share, expires_at })
}

/// Ends that others look on at one's own shell, within seconds, and that they come back; links that nobody used count no more.
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
    // Where another server holds it, that one finds out.
    if let Some(shell) = here(platform, terminal) {
        shell.cut_all();
    }
    Ok(())
}

fn here(platform: &Platform, terminal: Uuid) -> Option<Arc<Shell>> {
    platform.terminals().all().get(&terminal).cloned()
}

async fn mine(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<(Row, Granted<EnterOwnInstance>)> {
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(EnterOwnInstance, &row.own())?;
    Ok((row, granted))
}

async fn own_shell(tx: &mut Tx, ctx: &OpContext, id: InstanceId, terminal: &str) -> Result<Uuid> {
    let over = || Error::new(ErrorCode::NotFound).with_key("error-terminal-over");
    let terminal = terminal.parse::<Uuid>().map_err(|_| over())?;
    let open = store::find_terminal(tx, id, terminal).await?;
    let own = open.filter(|open| ctx.user().is_some_and(|user| user.id == open.user));
    own.map(|_| terminal).ok_or_else(over)
}

/// A ticket for the socket by which one looks on: by a link, or to come back. Where the link counts no more, who came by it comes
/// back by the other.
///
/// # Errors
/// `NotFound` for who has neither, `QuotaExceeded` where as many as may look on already.
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
    keep_ticket(platform, ctx, (&row, &granted), (body.share.as_deref(), body.watch.as_deref()), None).await
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
    let reason = wrong.reason(body.reason);
    wrong.into_result()?;
    keep_ticket(platform, ctx, (&row, &granted), (body.share.as_deref(), body.watch.as_deref()), reason).await
}

/// To whom somebody gave a link of it, it is as their own to look at, in their customer.
fn lent(row: &Row, ctx: &OpContext) -> OwnInstanceRef {
    let one_of_theirs = ctx.user().filter(|user| user.active_customer == Some(row.customer));
    OwnInstanceRef { owner: one_of_theirs.map(|user| user.id), ..row.own() }
}

fn no_link() -> Error {
    Error::new(ErrorCode::NotFound).with_key("error-terminal-share")
}

/// Nothing is used up by it: the socket may end at a server that does not hold the shell.
async fn keep_ticket<A: Action>(
    platform: &Platform,
    ctx: &OpContext,
    (row, granted): (&Row, &Granted<A>),
    (share, watch): (Option<&str>, Option<&str>),
    reason: Option<String>,
) -> Result<TerminalWatchTicket>
where
    A::Resource: Resource<Id = InstanceId>,
{
    let (session, share) = (session(ctx)?, share.map(hash));
    let watch = watch.and_then(|watch| watch.parse::<Uuid>().ok());
    let secret = hex::encode(secrets::random_bytes::<32>());
    let expires_at = ctx.now() + TICKET;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let shared = match &share {
        Some(share) => store::find_share(&mut tx, row.id, share, ctx.now()).await?,
        None => None,
    };
    let (terminal, ticket) = match (shared, watch) {
        (Some(terminal), _) => (terminal, WatchTicket { watch: Uuid::new_v4(), share, reason }),
        (None, Some(watch)) => {
            let terminal = store::find_watch(&mut tx, watch, (row.id, session)).await?.ok_or_else(no_link)?;
            (terminal, WatchTicket { watch, share: None, reason })
        }
        (None, None) => return Err(no_link()),
    };
    has_place(&mut tx, terminal, ticket.watch).await?;
    store::keep_watch_ticket(&mut tx, granted, (&hash(&secret), &ticket), session, expires_at).await?;
    tx.commit().await?;
    Ok(TerminalWatchTicket { ticket: secret, watch: ticket.watch.to_string(), expires_at })
}

async fn has_place(tx: &mut Tx, terminal: Uuid, watch: Uuid) -> Result<()> {
    match store::count_watches(tx, terminal, watch).await? >= MOST {
        true => Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-watch-limit").with_arg("limit", MOST)),
        false => Ok(()),
    }
}

/// Somebody who may look on.
pub struct WatchEntry {
    watch: Uuid,
    terminal: Uuid,
    instance: InstanceId,
    name: String,
}

/// Uses a ticket up by which one looks on; and its link, where this server holds the shell.
///
/// # Errors
/// `NotFound` for who may see neither the instance nor a link of it (any more), `Forbidden` for a ticket that is another session's
/// or instance's, was used, or is too old, `QuotaExceeded` where as many as may look on already.
pub async fn redeem_watch_ticket(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    ticket: &str,
) -> Result<WatchEntry> {
    let ctx = &ctx.trying_on(WATCH, "instance", id);
    if ctx.is_staff() {
        ctx.authorize_list::<InstanceRef>(Permission::InstancesView)?;
        let row = read(platform, ctx, id).await?;
        let granted = ctx.authorize(OperateInstance, &row.of_staff())?;
        return redeem(platform, ctx, (&row, &granted), ticket).await;
    }
    ctx.authorize_list::<OwnInstanceRef>(Permission::InstancesUse)?;
    let row = read(platform, ctx, id).await?;
    let granted = ctx.authorize(ViewOwnInstance, &lent(&row, ctx))?;
    redeem(platform, ctx, (&row, &granted), ticket).await
}

async fn redeem<A: Action>(
    platform: &Platform,
    ctx: &OpContext,
    (row, granted): (&Row, &Granted<A>),
    ticket: &str,
) -> Result<WatchEntry>
where
    A::Resource: Resource<Id = InstanceId>,
{
    let user = ctx.user().ok_or_else(Error::not_found)?;
    let session = session(ctx)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let used = store::use_watch_ticket(&mut tx, granted, &hash(ticket), session, ctx.now()).await?;
    // Used up, whatever comes of it.
    tx.commit().await?;
    let used = used.ok_or_else(|| Error::new(ErrorCode::Forbidden).with_key("error-terminal-ticket"))?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let terminal = match &used.share {
        Some(share) => store::find_share(&mut tx, row.id, share, ctx.now()).await?,
        None => store::find_watch(&mut tx, used.watch, (row.id, session)).await?,
    };
    let terminal = terminal.ok_or_else(no_link)?;
    let entry = WatchEntry { watch: used.watch, terminal, instance: row.id, name: user.name.clone() };
    if entry.shell(platform).is_none() {
        // Another server's: the link, or the right to come back, is as it was.
        return Ok(entry);
    }
    store::lock_watched(&mut tx, terminal).await?;
    has_place(&mut tx, terminal, used.watch).await?;
    match &used.share {
        Some(share) => {
            if !store::use_share(&mut tx, granted, share).await? {
                return Err(no_link());
            }
            let (by_staff, address) = (ctx.is_staff(), ctx.address());
            let new = NewWatch { id: used.watch, terminal, user: user.id, by_staff, session, address };
            store::open_watch(&mut tx, granted, &new, ctx.now()).await?;
        }
        None => store::renew_watches(&mut tx, &[used.watch]).await?,
    }
    note(&mut tx, ctx, row, (terminal, &used)).await?;
    tx.commit().await?;
    Ok(entry)
}

/// Each time somebody looks on is in the log, and why where they are staff.
async fn note(tx: &mut Tx, ctx: &OpContext, row: &Row, (terminal, used): (Uuid, &WatchTicket)) -> Result<()> {
    let facts = json!({ "name": row.name, "terminal": terminal, "reason": used.reason, "again": used.share.is_none() });
    audit::record_in_tx(tx, ctx, entry(WATCH, row, None, Some(facts))).await
}

impl WatchEntry {
    /// Begins to look on; nothing where another server holds the shell, or it is over.
    pub fn enter(&self, platform: &Platform) -> Option<Viewer> {
        self.shell(platform)?.watch(self.watch, self.name.clone())
    }

    fn shell(&self, platform: &Platform) -> Option<Arc<Shell>> {
        here(platform, self.terminal).filter(|shell| shell.is_open_in(self.instance))
    }
}
