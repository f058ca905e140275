//! SQL of shells that people opened, and of the tickets of their sockets.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{CustomerId, InstanceId, SessionId, UserId};
use uuid::Uuid;

use super::left::GRACE;
use crate::Result;
use crate::authz::{EnterOwnInstance, Granted};
use crate::db::Tx;

/// How long a server counts that says nothing of a shell, seconds.
const LEASE: f64 = 30.0;

/// Keeps a ticket, and forgets those whose time is over.
pub(in crate::instances) async fn keep_ticket(
    tx: &mut Tx,
    granted: &Granted<EnterOwnInstance>,
    hash: &[u8; 32],
    (session, terminal): (SessionId, Option<Uuid>),
    (now, lasts): (DateTime<Utc>, TimeDelta),
) -> Result<()> {
    sqlx::query!("delete from terminal_tickets where expires_at < $1", now).execute(&mut **tx).await?;
    sqlx::query!(
        "insert into terminal_tickets (hash, instance_id, session_id, terminal_id, expires_at)
         values ($1, $2, $3, $4, $5)",
        hash.as_slice(),
        granted.id().0,
        session.0,
        terminal,
        now + lasts
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses a ticket up; the shell it names. `None` for one that is not there, not for this, or too old.
pub(in crate::instances) async fn use_ticket(
    tx: &mut Tx,
    granted: &Granted<EnterOwnInstance>,
    hash: &[u8; 32],
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<Option<Uuid>>> {
    let used = sqlx::query!(
        "delete from terminal_tickets where hash = $1 and instance_id = $2 and session_id = $3 and watch_id is null
         returning terminal_id, expires_at",
        hash.as_slice(),
        granted.id().0,
        session.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(used.filter(|it| it.expires_at > now).map(|it| it.terminal_id))
}

/// Forgets those that were over before this time.
pub(in crate::instances) async fn forget_terminals(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    // One that was recorded is known as long as that.
    sqlx::query!(
        "delete from terminals where ended_at < $1
         and not exists (select 1 from recordings r where r.access_id = terminals.id)",
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A new shell.
pub(in crate::instances) struct NewTerminal {
    pub id: Uuid,
    pub customer: CustomerId,
    pub user: UserId,
    pub server: Uuid,
    pub address: Option<IpAddr>,
}

pub(in crate::instances) async fn open_terminal(
    tx: &mut Tx,
    granted: &Granted<EnterOwnInstance>,
    new: &NewTerminal,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into terminals (id, instance_id, customer_id, user_id, server_id, address, opened_at, used_at, lease_until)
         values ($1, $2, $3, $4, $5, $6, $7, $7, now() + make_interval(secs => $8))",
        new.id,
        granted.id().0,
        new.customer.0,
        new.user.0,
        new.server,
        new.address.map(|it| it.to_string()),
        now,
        LEASE
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A sign of life of a shell, and when somebody looked at it last; false when it is over.
pub(in crate::instances) async fn renew_terminal(tx: &mut Tx, id: Uuid, used: Option<DateTime<Utc>>) -> Result<bool> {
    let renewed = sqlx::query!(
        "update terminals set lease_until = now() + make_interval(secs => $3), used_at = coalesce($2, used_at),
                hang_up_at = null, hung_up_at = null
         where id = $1 and ended_at is null",
        id,
        used,
        LEASE
    )
    .execute(&mut **tx)
    .await?;
    Ok(renewed.rows_affected() > 0)
}

/// How a shell that is open stands.
pub(in crate::instances) struct OpenTerminal {
    pub server: Uuid,
    pub user: UserId,
}

/// It, while it is open and its server says so.
pub(in crate::instances) async fn find_terminal(
    tx: &mut Tx,
    instance: InstanceId,
    id: Uuid,
) -> Result<Option<OpenTerminal>> {
    let row = sqlx::query!(
        "select server_id, user_id from terminals
         where id = $1 and instance_id = $2 and ended_at is null and lease_until > now()",
        id,
        instance.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| OpenTerminal { server: row.server_id, user: UserId(row.user_id) }))
}

/// How many are open in an instance, and of a person.
pub(in crate::instances) async fn count_terminals(
    tx: &mut Tx,
    instance: InstanceId,
    user: UserId,
) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"select count(*) filter (where instance_id = $1) as "there!", count(*) filter (where user_id = $2) as "theirs!"
           from terminals where ended_at is null and lease_until > now() and (instance_id = $1 or user_id = $2)"#,
        instance.0,
        user.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.there, row.theirs))
}

/// Writes how it ended; since when it was there, `None` for one that is over already.
pub(in crate::instances) async fn end_terminal(
    tx: &mut Tx,
    id: Uuid,
    (reason, code): (&str, Option<i32>),
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let opened_at = sqlx::query_scalar!(
        "update terminals set ended_at = $2, reason = $3, exit_code = $4 where id = $1 and ended_at is null
         returning opened_at",
        id,
        now,
        reason,
        code
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(opened_at)
}

/// Whether it was this person's, and its server said nothing of it any more.
pub(in crate::instances) async fn was_orphaned(
    tx: &mut Tx,
    instance: InstanceId,
    user: UserId,
    id: Uuid,
) -> Result<bool> {
    let orphaned = sqlx::query_scalar!(
        r#"select reason = 'server' or (ended_at is null and lease_until <= now()) as "orphaned?" from terminals
           where id = $1 and instance_id = $2 and user_id = $3"#,
        id,
        instance.0,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(orphaned.flatten().unwrap_or_default())
}

/// Those of an instance whose server says nothing any more.
pub(in crate::instances) async fn orphaned_terminals(tx: &mut Tx, instance: InstanceId) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select id from terminals
         where instance_id = $1 and ended_at is null and lease_until <= now() - make_interval(secs => $2) for update",
        instance.0,
        GRACE
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}
