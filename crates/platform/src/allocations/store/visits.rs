//! SQL of those who are, or were, on whole machines by the SSH door.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::access::MachineAccessQuery;
use contract::{AllocationId, CustomerId, MachineId, SessionId, UserId};
use uuid::Uuid;

use super::Row;
use crate::Result;
use crate::authz::MachineVisitRef;
use crate::db::{Tx, contains};

/// How long a server counts that says nothing of a connection, seconds.
const LEASE: f64 = 60.0;

/// Somebody who comes to a machine.
pub(in crate::allocations) struct NewVisit<'a> {
    pub id: Uuid,
    pub machine_code: &'a str,
    pub user: UserId,
    pub session: SessionId,
    pub server: Uuid,
    pub address: Option<IpAddr>,
    pub client: Option<&'a str>,
    pub fingerprint: Option<&'a str>,
}

/// On the machine of this allocation.
pub(in crate::allocations) async fn open_visit(
    tx: &mut Tx,
    allocation: &Row,
    new: &NewVisit<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into machine_visits (id, allocation_id, machine_id, machine_code, customer_id, user_id, session_id,
                                     server_id, address, client, fingerprint, opened_at, lease_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + make_interval(secs => $13))",
        new.id,
        allocation.id.0,
        allocation.machine.0,
        new.machine_code,
        allocation.customer.0,
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
pub(in crate::allocations) async fn renew_visit(tx: &mut Tx, id: Uuid) -> Result<()> {
    sqlx::query!(
        "update machine_visits set lease_until = now() + make_interval(secs => $2) where id = $1 and ended_at is null",
        id,
        LEASE
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes how it ended, unless it is over already.
pub(in crate::allocations) async fn end_visit(tx: &mut Tx, id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update machine_visits set ended_at = greatest($2, opened_at), reason = $3 where id = $1 and ended_at is null",
        id,
        now,
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes of those whose server died that they are over, and forgets those that were so before this time.
pub(in crate::allocations) async fn tidy_visits(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update machine_visits set ended_at = greatest(lease_until, opened_at), reason = 'server'
         where ended_at is null and lease_until < now()"
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from machine_visits where ended_at < $1", before).execute(&mut **tx).await?;
    Ok(())
}

/// Somebody who is, or was, on a machine.
pub(in crate::allocations) struct VisitRow {
    pub id: Uuid,
    pub allocation: AllocationId,
    pub machine: MachineId,
    pub machine_code: String,
    pub customer: CustomerId,
    pub user: UserId,
    pub session: Option<SessionId>,
    pub address: Option<String>,
    pub client: Option<String>,
    pub fingerprint: Option<String>,
    pub opened_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
}

impl VisitRow {
    /// Its place in the tenancy.
    pub(in crate::allocations) fn resource(&self) -> MachineVisitRef {
        MachineVisitRef {
            id: self.id,
            customer: Some(self.customer),
            owner: Some(self.user),
            machine: Some(self.machine),
        }
    }
}

/// A page, the newest first; of one customer's, or of one person's there, when they are named. Beyond the last one there is no
/// row to say how many there are.
pub(in crate::allocations) async fn visits(
    tx: &mut Tx,
    (customer, person): (Option<CustomerId>, Option<UserId>),
    query: &MachineAccessQuery,
    (page, page_size): (u32, u32),
) -> Result<(Vec<VisitRow>, u64)> {
    let found = sqlx::query!(
        r#"select v.id as "id!", v.allocation_id as "allocation!", v.machine_id as "machine!",
                  v.machine_code as "machine_code!", v.customer_id as "customer!", v.user_id as "user!",
                  v.session_id as "session?", v.address as "address?", v.client as "client?",
                  v.fingerprint as "fingerprint?", v.opened_at as "opened_at!", v.ended as "ended?", v.why as "why?",
                  count(*) over () as "total!"
           from (select *,
                        case when lease_until < now() then coalesce(ended_at, lease_until) else ended_at end as ended,
                        case when lease_until < now() then coalesce(reason, 'server') else reason end as why
                 from machine_visits) v
           where ($1::bigint is null or v.customer_id = $1) and ($2::bigint is null or v.user_id = $2)
             and ($3::boolean is null or (v.ended is null) = $3) and ($4::bigint is null or v.user_id = $4)
             and ($5::text is null or v.machine_code ilike $5)
             and ($8::timestamptz is null or v.opened_at >= $8) and ($9::timestamptz is null or v.opened_at < $9)
           order by v.opened_at desc, v.id limit $6 offset $7"#,
        customer.map(|id| id.0),
        person.map(|id| id.0),
        query.open,
        query.user.map(|id| id.0),
        query.q.as_deref().and_then(contains),
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size),
        query.from,
        query.until
    )
    .fetch_all(&mut **tx)
    .await?;
    let total = found.first().map_or(0, |row| row.total.unsigned_abs());
    let list = found.into_iter().map(|row| VisitRow {
        id: row.id,
        allocation: AllocationId(row.allocation),
        machine: MachineId(row.machine),
        machine_code: row.machine_code,
        customer: CustomerId(row.customer),
        user: UserId(row.user),
        session: row.session.map(SessionId),
        address: row.address,
        client: row.client,
        fingerprint: row.fingerprint,
        opened_at: row.opened_at,
        ended_at: row.ended,
        reason: row.why,
    });
    Ok((list.collect(), total))
}

/// One of them, held until the transaction ends.
pub(in crate::allocations) async fn find_visit(tx: &mut Tx, id: Uuid) -> Result<Option<VisitRow>> {
    let row = sqlx::query!(
        "select allocation_id, machine_id, machine_code, customer_id, user_id, session_id, address, client, fingerprint,
                opened_at, ended_at, reason
         from machine_visits where id = $1 for update",
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| VisitRow {
        id,
        allocation: AllocationId(row.allocation_id),
        machine: MachineId(row.machine_id),
        machine_code: row.machine_code,
        customer: CustomerId(row.customer_id),
        user: UserId(row.user_id),
        session: row.session_id.map(SessionId),
        address: row.address,
        client: row.client,
        fingerprint: row.fingerprint,
        opened_at: row.opened_at,
        ended_at: row.ended_at,
        reason: row.reason,
    }))
}
