//! SQL of those who look on at others' shells, and of the links that let them.

use chrono::{DateTime, Utc};
use contract::{InstanceId, SessionId, UserId};
use uuid::Uuid;

use crate::Result;
use crate::authz::{Action, EnterOwnInstance, Granted, Resource};
use crate::db::Tx;

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

/// Uses a link of this instance up; the shell it leads to, where that is open.
pub(in crate::instances) async fn use_share<A: Action>(
    tx: &mut Tx,
    granted: &Granted<A>,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Uuid>>
where
    A::Resource: Resource<Id = InstanceId>,
{
    let used = sqlx::query!(
        "delete from terminal_shares s using terminals t
         where s.hash = $1 and s.instance_id = $2 and t.id = s.terminal_id and t.ended_at is null and t.lease_until > now()
         returning s.terminal_id, s.expires_at",
        hash.as_slice(),
        granted.id().0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(used.filter(|it| it.expires_at > now).map(|it| it.terminal_id))
}

/// Somebody looks on from now on.
pub(in crate::instances) async fn open_watch<A: Action>(
    tx: &mut Tx,
    granted: &Granted<A>,
    (watch, terminal): (Uuid, Uuid),
    (user, session): (UserId, SessionId),
    now: DateTime<Utc>,
) -> Result<()>
where
    A::Resource: Resource<Id = InstanceId>,
{
    sqlx::query!(
        "insert into terminal_watches (id, terminal_id, instance_id, user_id, session_id, opened_at)
         values ($1, $2, $3, $4, $5, $6)",
        watch,
        terminal,
        granted.id().0,
        user.0,
        session.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many may look on at a shell.
pub(in crate::instances) async fn count_watches(tx: &mut Tx, terminal: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from terminal_watches where terminal_id = $1 and ended_at is null"#,
        terminal
    );
    Ok(count.fetch_one(&mut **tx).await?)
}

/// Whether somebody may look on still; where a session is named, of that one.
pub(in crate::instances) async fn watch_is_open(tx: &mut Tx, watch: Uuid, session: Option<SessionId>) -> Result<bool> {
    let open = sqlx::query_scalar!(
        r#"select exists (select 1 from terminal_watches w join terminals t on t.id = w.terminal_id
             where w.id = $1 and w.ended_at is null and t.ended_at is null
               and ($2::bigint is null or w.session_id = $2)) as "open!""#,
        watch,
        session.map(|id| id.0)
    );
    Ok(open.fetch_one(&mut **tx).await?)
}

/// Ends that others look on at a shell, and the links to it; how many looked on.
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
        "update terminal_watches set ended_at = $3 where terminal_id = $1 and instance_id = $2 and ended_at is null",
        terminal,
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected())
}

/// Keeps a ticket of somebody who looks on.
pub(in crate::instances) async fn keep_watch_ticket<A: Action>(
    tx: &mut Tx,
    granted: &Granted<A>,
    (hash, watch): (&[u8; 32], Uuid),
    session: SessionId,
    expires_at: DateTime<Utc>,
) -> Result<()>
where
    A::Resource: Resource<Id = InstanceId>,
{
    sqlx::query!(
        "insert into terminal_tickets (hash, instance_id, session_id, watch_id, expires_at) values ($1, $2, $3, $4, $5)",
        hash.as_slice(),
        granted.id().0,
        session.0,
        watch,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses such a ticket up; who looks on, and at which shell. `None` for one that is not there, not for this, or too old.
pub(in crate::instances) async fn use_watch_ticket(
    tx: &mut Tx,
    instance: InstanceId,
    hash: &[u8; 32],
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<(Uuid, Uuid)>> {
    let used = sqlx::query!(
        "delete from terminal_tickets k using terminal_watches w
         where k.hash = $1 and k.instance_id = $2 and k.session_id = $3 and w.id = k.watch_id and w.ended_at is null
         returning w.id, w.terminal_id, k.expires_at",
        hash.as_slice(),
        instance.0,
        session.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(used.filter(|it| it.expires_at > now).map(|it| (it.id, it.terminal_id)))
}
