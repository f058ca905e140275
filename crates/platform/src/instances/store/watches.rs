//! SQL of those who look on at others' shells, and of the links that let them.
//!
//! Whether somebody is there is told by the database's clock, because the servers' may differ.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::access::AccessKind;
use contract::{CustomerId, InstanceId, SessionId, UserId};
use uuid::Uuid;

use super::AccessRow;
use crate::Result;
use crate::authz::{Action, EnterOwnInstance, Granted, Resource};
use crate::db::Tx;

/// Who was not there for so long looks on no more, seconds: it takes another link.
pub(super) const AWAY: f64 = 300.0;
/// Who was there within so long takes a place, seconds: longer than a server takes to say so.
const THERE: f64 = 60.0;

/// Keeps a link, and forgets those whose time is over.
pub(in crate::instances) async fn keep_share(
    tx: &mut Tx,
    granted: &Granted<EnterOwnInstance>,
    (hash, terminal): (&[u8; 32], Uuid),
    (now, expires_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    sqlx::query!("delete from terminal_shares where expires_at < $1", now).execute(&mut **tx).await?;
    sqlx::query!(
        "insert into terminal_shares (hash, terminal_id, instance_id, expires_at) values ($1, $2, $3, $4)",
        hash.as_slice(),
        terminal,
        granted.id().0,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The shell that a link of this instance leads to, while it counts and that is open.
pub(in crate::instances) async fn find_share(
    tx: &mut Tx,
    instance: InstanceId,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Uuid>> {
    let terminal = sqlx::query_scalar!(
        "select s.terminal_id from terminal_shares s join terminals t on t.id = s.terminal_id
         where s.hash = $1 and s.instance_id = $2 and s.expires_at > $3 and t.ended_at is null and t.lease_until > now()",
        hash.as_slice(),
        instance.0,
        now
    );
    Ok(terminal.fetch_optional(&mut **tx).await?)
}

/// Uses a link of this instance up; false where somebody else was quicker, or it was taken back.
pub(in crate::instances) async fn use_share<A: Action>(
    tx: &mut Tx,
    granted: &Granted<A>,
    hash: &[u8; 32],
) -> Result<bool>
where
    A::Resource: Resource<Id = InstanceId>,
{
    let used = sqlx::query!(
        "delete from terminal_shares where hash = $1 and instance_id = $2",
        hash.as_slice(),
        granted.id().0
    );
    Ok(used.execute(&mut **tx).await?.rows_affected() > 0)
}

/// The shell that somebody looks on at in this instance, in this session, while they may come back and it is open.
pub(in crate::instances) async fn find_watch(
    tx: &mut Tx,
    watch: Uuid,
    (instance, session): (InstanceId, SessionId),
) -> Result<Option<Uuid>> {
    let terminal = sqlx::query_scalar!(
        "select w.terminal_id from terminal_watches w join terminals t on t.id = w.terminal_id
         where w.id = $1 and w.instance_id = $2 and w.session_id = $3 and w.ended_at is null
           and w.seen_at > now() - make_interval(secs => $4) and t.ended_at is null and t.lease_until > now()",
        watch,
        instance.0,
        session.0,
        AWAY
    );
    Ok(terminal.fetch_optional(&mut **tx).await?)
}

/// Nobody else begins to look on at this shell until the end of the transaction.
pub(in crate::instances) async fn lock_watched(tx: &mut Tx, terminal: Uuid) -> Result<()> {
    sqlx::query!("select id from terminals where id = $1 for update", terminal).fetch_optional(&mut **tx).await?;
    Ok(())
}

/// How many others than this one look on at a shell: they are there, or were a moment ago.
pub(in crate::instances) async fn count_watches(tx: &mut Tx, terminal: Uuid, but: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from terminal_watches
           where terminal_id = $1 and id <> $2 and ended_at is null and seen_at > now() - make_interval(secs => $3)"#,
        terminal,
        but,
        THERE
    );
    Ok(count.fetch_one(&mut **tx).await?)
}

/// Somebody who begins to look on.
pub(in crate::instances) struct NewWatch {
    pub id: Uuid,
    pub terminal: Uuid,
    pub user: UserId,
    pub by_staff: bool,
    pub session: SessionId,
    pub address: Option<IpAddr>,
}

/// Somebody looks on from now on.
pub(in crate::instances) async fn open_watch<A: Action>(
    tx: &mut Tx,
    granted: &Granted<A>,
    new: &NewWatch,
    now: DateTime<Utc>,
) -> Result<()>
where
    A::Resource: Resource<Id = InstanceId>,
{
    sqlx::query!(
        "insert into terminal_watches (id, terminal_id, instance_id, user_id, by_staff, session_id, address, opened_at,
                                       seen_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, now())",
        new.id,
        new.terminal,
        granted.id().0,
        new.user.0,
        new.by_staff,
        new.session.0,
        new.address.map(|it| it.to_string()),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// These are there.
pub(in crate::instances) async fn renew_watches(tx: &mut Tx, watches: &[Uuid]) -> Result<()> {
    sqlx::query!("update terminal_watches set seen_at = now() where id = any($1) and ended_at is null", watches)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What who has a shell lets others.
pub(in crate::instances) struct Consents {
    /// Those who look on, or may come back.
    pub watches: Vec<Uuid>,
    /// There is a link that nobody used yet.
    pub links: bool,
}

pub(in crate::instances) async fn consents(tx: &mut Tx, terminal: Uuid, now: DateTime<Utc>) -> Result<Consents> {
    let watches = sqlx::query_scalar!(
        "select id from terminal_watches
         where terminal_id = $1 and ended_at is null and seen_at > now() - make_interval(secs => $2)",
        terminal,
        AWAY
    )
    .fetch_all(&mut **tx)
    .await?;
    let links = sqlx::query_scalar!(
        r#"select exists (select 1 from terminal_shares where terminal_id = $1 and expires_at > $2) as "links!""#,
        terminal,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Consents { watches, links })
}

/// Ends that others look on at a shell, and the links to it; how many could.
pub(in crate::instances) async fn end_watches(
    tx: &mut Tx,
    granted: &Granted<EnterOwnInstance>,
    terminal: Uuid,
    now: DateTime<Utc>,
) -> Result<u64> {
    sqlx::query!("delete from terminal_shares where terminal_id = $1 and instance_id = $2", terminal, granted.id().0)
        .execute(&mut **tx)
        .await?;
    let ended = sqlx::query!(
        "update terminal_watches set ended_at = greatest($3, opened_at), reason = 'closed'
         where terminal_id = $1 and instance_id = $2 and ended_at is null",
        terminal,
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected())
}

/// Writes that somebody looks on no more, and why.
pub(in crate::instances) async fn end_watch(tx: &mut Tx, id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update terminal_watches set ended_at = greatest($2, opened_at), reason = $3 where id = $1 and ended_at is null",
        id,
        now,
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends all by which somebody looks on in a customer's instances.
pub(in crate::instances) async fn end_watches_of(
    tx: &mut Tx,
    (user, customer): (UserId, CustomerId),
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update terminal_watches w set ended_at = greatest($3, w.opened_at), reason = 'access' from instances i
         where i.id = w.instance_id and i.customer_id = $2 and w.user_id = $1 and w.ended_at is null",
        user.0,
        customer.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes of those who were not there for minutes that they left. They are forgotten with their terminal.
pub(in crate::instances) async fn tidy_watches(tx: &mut Tx) -> Result<()> {
    sqlx::query!(
        "update terminal_watches set ended_at = greatest(seen_at, opened_at), reason = 'left'
         where ended_at is null and seen_at < now() - make_interval(secs => $1)",
        AWAY
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One of those who look on, or did; held until the transaction ends.
pub(super) async fn find_access(tx: &mut Tx, id: Uuid) -> Result<Option<AccessRow>> {
    let row = sqlx::query!(
        "select instance_id, user_id, by_staff, session_id, address, opened_at, ended_at, reason
         from terminal_watches where id = $1 for update",
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| AccessRow {
        id,
        kind: AccessKind::Watch,
        instance: InstanceId(row.instance_id),
        user: UserId(row.user_id),
        session: row.session_id.map(SessionId),
        address: row.address,
        client: None,
        fingerprint: None,
        by_staff: row.by_staff,
        opened_at: row.opened_at,
        ended_at: row.ended_at,
        reason: row.reason,
        recordings: 0,
    }))
}

/// A ticket of somebody who looks on.
pub(in crate::instances) struct WatchTicket {
    /// As whom: by a link it is one that is not there yet.
    pub watch: Uuid,
    /// The link's hash; absent for who comes back.
    pub share: Option<[u8; 32]>,
    /// Why staff look on.
    pub reason: Option<String>,
}

/// Keeps one.
pub(in crate::instances) async fn keep_watch_ticket<A: Action>(
    tx: &mut Tx,
    granted: &Granted<A>,
    (hash, ticket): (&[u8; 32], &WatchTicket),
    session: SessionId,
    expires_at: DateTime<Utc>,
) -> Result<()>
where
    A::Resource: Resource<Id = InstanceId>,
{
    sqlx::query!(
        "insert into terminal_tickets (hash, instance_id, session_id, watch_id, share_hash, reason, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        hash.as_slice(),
        granted.id().0,
        session.0,
        ticket.watch,
        ticket.share.as_ref().map(<[u8; 32]>::as_slice),
        ticket.reason,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses such a ticket up. `None` for one that is not there, not for this, or too old.
pub(in crate::instances) async fn use_watch_ticket<A: Action>(
    tx: &mut Tx,
    granted: &Granted<A>,
    hash: &[u8; 32],
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<WatchTicket>>
where
    A::Resource: Resource<Id = InstanceId>,
{
    let used = sqlx::query!(
        r#"delete from terminal_tickets
           where hash = $1 and instance_id = $2 and session_id = $3 and watch_id is not null
           returning watch_id as "watch!", share_hash, reason, expires_at"#,
        hash.as_slice(),
        granted.id().0,
        session.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(used.filter(|it| it.expires_at > now).map(|it| WatchTicket {
        watch: it.watch,
        share: it.share_hash.and_then(|hash| hash.try_into().ok()),
        reason: it.reason,
    }))
}
