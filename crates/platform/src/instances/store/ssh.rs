//! SQL of those who are, or were, in instances.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::access::{AccessKind, AccessQuery};
use contract::{CustomerId, InstanceId, SessionId, UserId};
use uuid::Uuid;

use super::{Row, known, rows};
use crate::Result;
use crate::authz::{EnterOwnInstance, Granted};
use crate::db::{Tx, contains};

/// How long a server counts that says nothing of a connection, seconds.
const LEASE: f64 = 25.0;

/// Those of a customer, or of a person there, that are not gone, by name; with a wish those that fit it.
pub(in crate::instances) async fn enterable(
    tx: &mut Tx,
    (customer, person): (CustomerId, Option<UserId>),
    wanted: Option<&str>,
    most: i64,
) -> Result<Vec<Row>> {
    let ids = sqlx::query_scalar!(
        "select id from instances
         where customer_id = $1 and ($2::bigint is null or created_by = $2) and deleted_at is null
           and ($3::text is null or lower(name) = lower($3) or id::text = $3)
         order by lower(name) limit $4",
        customer.0,
        person.map(|id| id.0),
        wanted,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    rows(tx, &ids).await
}

/// Somebody who comes in.
pub(in crate::instances) struct NewVisit<'a> {
    pub id: Uuid,
    pub customer: CustomerId,
    pub user: UserId,
    pub session: SessionId,
    pub server: Uuid,
    pub address: Option<IpAddr>,
    pub client: Option<&'a str>,
    pub fingerprint: Option<&'a str>,
}

pub(in crate::instances) async fn open_visit(
    tx: &mut Tx,
    granted: &Granted<EnterOwnInstance>,
    new: &NewVisit<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into ssh_visits (id, instance_id, customer_id, user_id, session_id, server_id, address, client,
                                 fingerprint, opened_at, lease_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11))",
        new.id,
        granted.id().0,
        new.customer.0,
        new.user.0,
        new.session.0,
        new.server,
        new.address.map(|it| it.to_string()),
        new.client,
        new.fingerprint,
        now,
        LEASE
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A sign of life.
pub(in crate::instances) async fn renew_visit(tx: &mut Tx, id: Uuid) -> Result<()> {
    sqlx::query!(
        "update ssh_visits set lease_until = now() + make_interval(secs => $2), hang_up_at = null, hung_up_at = null
         where id = $1 and ended_at is null",
        id,
        LEASE
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether it is open.
pub(in crate::instances) async fn visit_is_open(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let open = sqlx::query_scalar!(r#"select ended_at is null as "open!" from ssh_visits where id = $1"#, id);
    Ok(open.fetch_optional(&mut **tx).await?.unwrap_or_default())
}

/// How many a person has open.
pub(in crate::instances) async fn count_visits(tx: &mut Tx, user: UserId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from ssh_visits where user_id = $1 and ended_at is null and lease_until > now()"#,
        user.0
    );
    Ok(count.fetch_one(&mut **tx).await?)
}

/// Writes how it ended; since when it was there, `None` for one that is over already.
pub(in crate::instances) async fn end_visit(
    tx: &mut Tx,
    id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let opened_at = sqlx::query_scalar!(
        "update ssh_visits set ended_at = greatest($2, opened_at), reason = $3 where id = $1 and ended_at is null
         returning opened_at",
        id,
        now,
        reason
    );
    Ok(opened_at.fetch_optional(&mut **tx).await?)
}

/// Writes of those whose server died that they are over, and forgets those that were so before this time.
pub(in crate::instances) async fn tidy_visits(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update ssh_visits set ended_at = greatest(lease_until, opened_at), reason = 'server'
         where ended_at is null and lease_until < now()"
    )
    .execute(&mut **tx)
    .await?;
    // One that was recorded is known as long as that.
    sqlx::query!(
        "delete from ssh_visits where ended_at < $1
         and not exists (select 1 from recordings r where r.access_id = ssh_visits.id)",
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Somebody who is, or was, in an instance.
pub(in crate::instances) struct AccessRow {
    pub id: Uuid,
    pub kind: AccessKind,
    pub instance: InstanceId,
    pub user: UserId,
    pub session: Option<SessionId>,
    pub address: Option<String>,
    pub client: Option<String>,
    pub fingerprint: Option<String>,
    /// They were let in as the platform's staff.
    pub by_staff: bool,
    pub opened_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    /// How many recordings there are of it; 0 where it was looked up to be ended.
    pub recordings: u32,
}

/// A page, the newest first; in the instances of one customer, or of one person, when they are named, whom it also lists
/// where they were themselves. Beyond the last one there is no row to say how many there are.
pub(in crate::instances) async fn list_access(
    tx: &mut Tx,
    (customer, person): (Option<CustomerId>, Option<UserId>),
    query: &AccessQuery,
    (page, page_size): (u32, u32),
) -> Result<(Vec<AccessRow>, u64)> {
    let found = sqlx::query!(
        r#"select a.id as "id!", a.kind as "kind!", a.instance_id as "instance!", a.user_id as "user!", a.session_id,
                  a.address, a.client, a.fingerprint, a.by_staff as "by_staff!", a.opened_at as "opened_at!", a.ended_at,
                  a.reason,
                  (select count(*) from recordings r where r.access_id = a.id) as "recordings!",
                  count(*) over () as "total!"
           from (select id, 'ssh' as kind, instance_id, user_id, session_id, address, client, fingerprint,
                        false as by_staff, opened_at,
                        case when lease_until < now() then coalesce(ended_at, lease_until) else ended_at end as ended_at,
                        case when lease_until < now() then coalesce(reason, 'server') else reason end as reason
                 from ssh_visits
                 union all
                 select id, 'terminal', instance_id, user_id, null, address, null, null, false, opened_at,
                        case when lease_until < now() then coalesce(ended_at, lease_until) else ended_at end,
                        case when lease_until < now() then coalesce(reason, 'server') else reason end
                 from terminals
                 union all
                 select id, 'app', instance_id, user_id, session_id, address, client, null, false, opened_at, ended_at,
                        reason
                 from app_visits
                 union all
                 -- Nobody looks on any longer than at something.
                 select w.id, 'watch', w.instance_id, w.user_id, w.session_id, w.address, null, null, w.by_staff,
                        w.opened_at,
                        coalesce(w.ended_at, t.ended_at, case when t.lease_until < now() then t.lease_until end,
                                 case when w.seen_at < now() - make_interval(secs => $13) then w.seen_at end),
                        coalesce(w.reason, t.reason, case when t.lease_until < now() then 'server' end,
                                 case when w.seen_at < now() - make_interval(secs => $13) then 'left' end)
                 from terminal_watches w join terminals t on t.id = w.terminal_id) a
                join instances i on i.id = a.instance_id
           where ($1::bigint is null or i.customer_id = $1)
             and ($2::bigint is null or i.created_by = $2 or a.user_id = $2)
             and ($3::text is null or a.kind = $3) and ($4::boolean is null or (a.ended_at is null) = $4)
             and ($5::bigint is null or i.id = $5) and ($6::text is null or i.name ilike $6)
             and ($9::bigint is null or a.user_id = $9) and ($10::timestamptz is null or a.opened_at >= $10)
             and ($11::timestamptz is null or a.opened_at < $11)
             and ($12::boolean is null or exists (select 1 from recordings r where r.access_id = a.id) = $12)
           order by a.opened_at desc, a.id limit $7 offset $8"#,
        customer.map(|id| id.0),
        person.map(|id| id.0),
        query.kind.map(AccessKind::code),
        query.open,
        query.instance.map(|id| id.0),
        query.q.as_deref().and_then(contains),
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size),
        query.user.map(|id| id.0),
        query.from,
        query.until,
        query.recorded,
        super::watches::AWAY
    )
    .fetch_all(&mut **tx)
    .await?;
    let total = found.first().map_or(0, |row| row.total.unsigned_abs());
    let list = found.into_iter().map(|row| {
        Ok(AccessRow {
            id: row.id,
            kind: known(AccessKind::parse(&row.kind), &row.kind)?,
            instance: InstanceId(row.instance),
            user: UserId(row.user),
            session: row.session_id.map(SessionId),
            address: row.address,
            client: row.client,
            fingerprint: row.fingerprint,
            by_staff: row.by_staff,
            opened_at: row.opened_at,
            ended_at: row.ended_at,
            reason: row.reason,
            recordings: u32::try_from(row.recordings).unwrap_or(u32::MAX),
        })
    });
    Ok((list.collect::<Result<_>>()?, total))
}

/// One of them, held until the transaction ends.
pub(in crate::instances) async fn find_access(tx: &mut Tx, id: Uuid) -> Result<Option<AccessRow>> {
    let visit = sqlx::query!(
        "select instance_id, user_id, session_id, address, client, fingerprint, opened_at, ended_at, reason
         from ssh_visits where id = $1 for update",
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(row) = visit {
        return Ok(Some(AccessRow {
            id,
            kind: AccessKind::Ssh,
            instance: InstanceId(row.instance_id),
            user: UserId(row.user_id),
            session: row.session_id.map(SessionId),
            address: row.address,
            client: row.client,
            fingerprint: row.fingerprint,
            by_staff: false,
            opened_at: row.opened_at,
            ended_at: row.ended_at,
            reason: row.reason,
            recordings: 0,
        }));
    }
    if let Some(app) = super::apps::find_access(tx, id).await? {
        return Ok(Some(app));
    }
    if let Some(watch) = super::watches::find_access(tx, id).await? {
        return Ok(Some(watch));
    }
    let terminal = sqlx::query!(
        "select instance_id, user_id, address, opened_at, ended_at, reason from terminals where id = $1 for update",
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(terminal.map(|row| AccessRow {
        id,
        kind: AccessKind::Terminal,
        instance: InstanceId(row.instance_id),
        user: UserId(row.user_id),
        session: None,
        address: row.address,
        client: None,
        fingerprint: None,
        by_staff: false,
        opened_at: row.opened_at,
        ended_at: row.ended_at,
        reason: row.reason,
        recordings: 0,
    }))
}
