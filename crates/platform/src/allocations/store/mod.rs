//! SQL of allocations.

mod beginning;
mod door_keys;
mod history;
mod list;
mod overview;
mod requests;
mod visits;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use contract::allocations::{AllocationState, WaitReason};
use contract::{AllocationId, CustomerId, MachineId, RenewalRequestId};

pub(super) use beginning::{begin, ended_on, scheduled_on, set_waiting};
pub(super) use door_keys::{door_keys, forget_door_key, insert_door_key, sealed_door_key, sweep_door_keys};
pub(super) use history::{events, insert_event};
pub(super) use list::{Filter, Order, Search, held_of, list};
pub(super) use overview::{
    Phase, bars, begun, health, healths, holders, lent, machines_of, save_health, spans, spans_between,
    without_handover,
};
pub(crate) use overview::{Span, SpansOf};
pub(super) use requests::*;
pub(super) use visits::{NewVisit, VisitRow, end_visit, find_visit, open_visit, renew_visit, tidy_visits, visits};

use super::advance;
use crate::authz::{AllocationRef, CreateAllocation, Granted, UpdateAllocation};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

/// An allocation as stored.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub id: AllocationId,
    pub machine: MachineId,
    pub customer: CustomerId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub grace_days: u32,
    pub state: AllocationState,
    pub remark: Option<String>,
    pub hold_until: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub reminded_days: Option<i32>,
    /// Since when it has not begun although its time had come.
    pub waits_since: Option<DateTime<Utc>>,
    /// What it was told to wait for last.
    pub waits_for: Option<WaitReason>,
    /// When it began; none where that was as agreed.
    pub began_at: Option<DateTime<Utc>>,
    pub open_request: Option<RenewalRequestId>,
    pub revision: i64,
}

impl Row {
    /// Its place in the tenancy.
    pub(crate) fn resource(&self) -> AllocationRef {
        AllocationRef { id: self.id, customer: Some(self.customer), owner: None, machine: Some(self.machine) }
    }

    /// Whether its customer has the machine at this time, and not only what was.
    pub(super) fn lets_in(&self, now: DateTime<Utc>) -> bool {
        self.state == AllocationState::Active && self.ends_at > now
    }

    /// Since when its customer has the machine, or had it: later than agreed where it had to wait.
    pub(super) fn since(&self) -> DateTime<Utc> {
        self.began_at.unwrap_or(self.starts_at)
    }

    /// When the grace is over.
    pub(super) fn grace_ends_at(&self) -> DateTime<Utc> {
        self.ends_at + TimeDelta::days(i64::from(self.grace_days))
    }
}

/// What a customer holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub machines: u64,
    pub next_end_at: Option<DateTime<Utc>>,
}

pub(super) struct NewAllocation {
    pub customer: CustomerId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub grace_days: u32,
    pub remark: Option<String>,
}

impl NewAllocation {
    /// Until when nobody else may have the machine.
    pub(super) fn hold_until(&self) -> DateTime<Utc> {
        self.ends_at + TimeDelta::days(i64::from(self.grace_days))
    }
}

fn state(word: &str) -> Result<AllocationState> {
    AllocationState::parse(word).ok_or_else(|| Error::internal(format!("unknown allocation state {word}")))
}

/// A [`Row`] of the columns every query here selects.
macro_rules! row {
    ($row:expr) => {{
        let row = $row;
        Row {
            id: AllocationId(row.id),
            machine: MachineId(row.machine_id),
            customer: CustomerId(row.customer_id),
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            grace_days: row.grace_days.unsigned_abs(),
            state: state(&row.state)?,
            remark: row.remark,
            hold_until: row.hold_until,
            ended_at: row.ended_at,
            reminded_days: row.reminded_days,
            waits_since: row.waits_since,
            waits_for: row.waits_for.as_deref().and_then(WaitReason::parse),
            began_at: row.began_at,
            open_request: row.open_request.map(RenewalRequestId),
            revision: row.revision,
        }
    }};
}

pub(super) async fn get(tx: &mut Tx, id: AllocationId) -> Result<Option<Row>> {
    Ok(get_all(tx, &[id.0]).await?.pop())
}

/// In the order of the ids.
pub(super) async fn get_all(tx: &mut Tx, ids: &[i64]) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"select a.id, a.machine_id, a.customer_id, a.starts_at, a.ends_at, a.grace_days, a.state, a.remark,
                  upper(a.hold) as hold_until, a.ended_at, a.reminded_days, a.waits_since, a.waits_for,
                  a.began_at, a.revision,
                  (select r.id from renewal_requests r where r.allocation_id = a.id and r.state = 'open') as open_request
           from allocations a join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = a.id
           order by wanted.place"#,
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Ok(row!(row))).collect()
}

/// The one that a statement found.
async fn found(tx: &mut Tx, id: Option<i64>) -> Result<Option<Row>> {
    match id {
        Some(id) => get(tx, AllocationId(id)).await,
        None => Ok(None),
    }
}

pub(super) async fn lock(tx: &mut Tx, id: AllocationId) -> Result<Option<Row>> {
    let id = sqlx::query_scalar!("select id from allocations where id = $1 for update", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    found(tx, id).await
}

/// The customer's allocation of this machine that gives access at `now`, or whose grace lets it read what was.
pub(super) async fn readable(
    tx: &mut Tx,
    machine: MachineId,
    customer: CustomerId,
    now: DateTime<Utc>,
) -> Result<Option<Row>> {
    let id = sqlx::query_scalar!(
        "select id from allocations
         where machine_id = $1 and customer_id = $2 and state in ('active', 'grace') and starts_at <= $3
         order by starts_at desc limit 1",
        machine.0,
        customer.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    found(tx, id).await
}

/// Which of these customers have which of these machines at `now`: true, or false in the grace after it.
pub(super) async fn held_pairs(
    tx: &mut Tx,
    pairs: &[(CustomerId, MachineId)],
    now: DateTime<Utc>,
) -> Result<HashMap<(CustomerId, MachineId), bool>> {
    let (customers, machines): (Vec<i64>, Vec<i64>) = pairs.iter().map(|(c, m)| (c.0, m.0)).unzip();
    let rows = sqlx::query!(
        r#"select customer_id, machine_id, bool_or(state = 'active' and ends_at > $3) as "held!" from allocations
           where (customer_id, machine_id) in (select * from unnest($1::bigint[], $2::bigint[]))
             and state in ('active', 'grace') and starts_at <= $3 and ends_at + grace_days * interval '24 hours' > $3
           group by customer_id, machine_id"#,
        &customers,
        &machines,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| ((CustomerId(row.customer_id), MachineId(row.machine_id)), row.held)).collect())
}

/// A lease that lets its customer in, be it to save what is there.
pub(in crate::allocations) struct Lease {
    pub id: AllocationId,
    pub machine: MachineId,
    pub customer: CustomerId,
    pub grace_ends_at: DateTime<Utc>,
}

/// Leases of these machines, or of this customer, that let somebody in at `now`, those in their grace included.
pub(super) async fn had_now(
    tx: &mut Tx,
    machines: &[MachineId],
    customer: Option<CustomerId>,
    now: DateTime<Utc>,
) -> Result<Vec<Lease>> {
    let ids: Vec<i64> = machines.iter().map(|machine| machine.0).collect();
    let rows = sqlx::query!(
        r#"select id, machine_id, customer_id, ends_at + grace_days * interval '24 hours' as "grace_ends_at!"
           from allocations
           where (machine_id = any($1) or customer_id = $2) and state in ('active', 'grace') and starts_at <= $3
             and ends_at + grace_days * interval '24 hours' > $3
           order by machine_id"#,
        &ids,
        customer.map(|id| id.0),
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    let leases = rows.into_iter().map(|row| Lease {
        id: AllocationId(row.id),
        machine: MachineId(row.machine_id),
        customer: CustomerId(row.customer_id),
        grace_ends_at: row.grace_ends_at,
    });
    Ok(leases.collect())
}

/// Which of these machines are being taken back, and after which lease.
pub(super) async fn reclaims(tx: &mut Tx, machines: &[MachineId]) -> Result<Vec<(MachineId, AllocationId)>> {
    let ids: Vec<i64> = machines.iter().map(|machine| machine.0).collect();
    let rows = sqlx::query!(
        "select machine_id, id from allocations where machine_id = any($1) and state = 'reclaiming' order by id",
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (MachineId(row.machine_id), AllocationId(row.id))).collect())
}

/// The customer's allocation of this machine that is not over.
pub(super) async fn current(tx: &mut Tx, machine: MachineId, customer: CustomerId) -> Result<Option<Row>> {
    let id = sqlx::query_scalar!(
        "select id from allocations
         where machine_id = $1 and customer_id = $2 and state in ('scheduled', 'active', 'grace', 'reclaiming')
         order by starts_at limit 1",
        machine.0,
        customer.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    found(tx, id).await
}

/// The customer's last allocation of these machines that is over.
pub(super) async fn last(tx: &mut Tx, machines: &[i64], customer: CustomerId) -> Result<Option<Row>> {
    let id = sqlx::query_scalar!(
        "select id from allocations
         where machine_id = any($1) and customer_id = $2 and state in ('ended', 'cancelled')
         order by ended_at desc, id desc limit 1",
        machines,
        customer.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    found(tx, id).await
}

/// The first allocation, other than `except`, that holds the machine in this period.
pub(super) async fn in_the_way(
    tx: &mut Tx,
    machine: MachineId,
    except: Option<AllocationId>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Row>> {
    let id = sqlx::query_scalar!(
        "select id from allocations
         where machine_id = $1 and ($2::bigint is null or id <> $2)
           and state in ('scheduled', 'active', 'grace', 'reclaiming') and hold && tstzrange($3, $4)
         order by starts_at limit 1",
        machine.0,
        except.map(|id| id.0),
        from,
        until
    )
    .fetch_optional(&mut **tx)
    .await?;
    found(tx, id).await
}

/// The first allocation that has, or will have, this machine.
pub(super) async fn holding(tx: &mut Tx, machine: MachineId) -> Result<Option<Row>> {
    let id = sqlx::query_scalar!(
        "select id from allocations
         where machine_id = $1 and state in ('scheduled', 'active', 'grace', 'reclaiming') order by starts_at limit 1",
        machine.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    found(tx, id).await
}

/// The first allocation of each of these machines that has not begun.
pub(super) async fn next_scheduled(tx: &mut Tx, machines: &[i64]) -> Result<Vec<Row>> {
    let ids = sqlx::query_scalar!(
        "select distinct on (machine_id) id from allocations
         where machine_id = any($1) and state = 'scheduled' order by machine_id, starts_at",
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    get_all(tx, &ids).await
}

/// Which of these machines an allocation has, or will have.
pub(super) async fn held_among(tx: &mut Tx, machines: &[i64]) -> Result<HashSet<MachineId>> {
    let ids = sqlx::query_scalar!(
        "select distinct machine_id from allocations
         where machine_id = any($1) and state in ('scheduled', 'active', 'grace', 'reclaiming')",
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(MachineId).collect())
}

pub(super) async fn insert(
    tx: &mut Tx,
    granted: &Granted<CreateAllocation>,
    new: &NewAllocation,
    begins: bool,
    ctx: &OpContext,
) -> Result<AllocationId> {
    let state = if begins { AllocationState::Active } else { AllocationState::Scheduled };
    let id = sqlx::query_scalar!(
        "insert into allocations (machine_id, customer_id, starts_at, ends_at, grace_days, state, remark, hold, created_by,
                                  reminded_days)
         values ($1, $2, $3, $4, $5, $6, $7, tstzrange($3, $8), $9, $10) returning id",
        granted.id().0,
        new.customer.0,
        new.starts_at,
        new.ends_at,
        i32::try_from(new.grace_days).unwrap_or(i32::MAX),
        state.code(),
        new.remark,
        new.hold_until(),
        ctx.user().map(|user| user.id.0),
        advance::reached(new.ends_at, new.starts_at.max(ctx.now()))
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(AllocationId(id))
}

/// A later end takes an allocation out of its grace again, and its reminders begin anew.
pub(super) async fn set_end(
    tx: &mut Tx,
    granted: &Granted<UpdateAllocation>,
    before: &Row,
    ends_at: DateTime<Utc>,
    hold_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let state = if before.state == AllocationState::Grace { AllocationState::Active } else { before.state };
    sqlx::query!(
        "update allocations set ends_at = $2, hold = tstzrange(starts_at, $3), state = $4, reminded_days = $5,
                revision = revision + 1
         where id = $1",
        granted.id().0,
        ends_at,
        hold_until,
        state.code(),
        advance::reached(ends_at, now)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_state(tx: &mut Tx, granted: &Granted<UpdateAllocation>, state: AllocationState) -> Result<()> {
    sqlx::query!(
        "update allocations set state = $2, revision = revision + 1 where id = $1",
        granted.id().0,
        state.code()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_reminded(tx: &mut Tx, granted: &Granted<UpdateAllocation>, days: i32) -> Result<()> {
    sqlx::query!("update allocations set reminded_days = $2 where id = $1", granted.id().0, days)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Taking it back: the customer's period ends here at the latest.
pub(super) async fn begin_reclaim(tx: &mut Tx, granted: &Granted<UpdateAllocation>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update allocations set state = 'reclaiming', revision = revision + 1,
                ends_at = greatest(least(ends_at, $2), starts_at + interval '1 microsecond')
         where id = $1",
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps others off a machine that is being taken back until then, however long its lease was to hold it, and as far as the
/// next allocation lets it. Where that is so far already, nothing is written: it is asked for every few seconds while the next one
/// waits.
pub(super) async fn hold_on(tx: &mut Tx, granted: &Granted<UpdateAllocation>, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update allocations a set hold = tstzrange(a.starts_at, wanted.until)
         from (select greatest(b.ends_at, least($2,
                        coalesce((select min(lower(n.hold)) from allocations n
                                  where n.machine_id = b.machine_id and n.id <> b.id and lower(n.hold) >= upper(b.hold)
                                    and n.state in ('scheduled', 'active', 'grace', 'reclaiming')), $2))) as until
               from allocations b where b.id = $1) wanted
         where a.id = $1 and upper(a.hold) is distinct from wanted.until",
        granted.id().0,
        until
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Over: nobody is kept off any more.
pub(super) async fn close(
    tx: &mut Tx,
    granted: &Granted<UpdateAllocation>,
    state: AllocationState,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update allocations set state = $2, ended_at = $3, revision = revision + 1 where id = $1",
        granted.id().0,
        state.code(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// True while somebody has the machine, or it is being taken back.
pub(super) async fn is_occupied(tx: &mut Tx, machine: MachineId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists(select from allocations
                         where machine_id = $1 and state in ('active', 'grace', 'reclaiming')) as "occupied!""#,
        machine.0
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Allocations that may have to move on.
pub(super) async fn due(tx: &mut Tx, now: DateTime<Utc>, reminders: &[i32]) -> Result<Vec<AllocationId>> {
    let ids = sqlx::query_scalar!(
        r#"select id from allocations
           where (state = 'scheduled' and starts_at <= $1) or (state = 'active' and ends_at <= $1)
              or (state = 'grace' and ends_at + make_interval(days => grace_days) <= $1) or state = 'reclaiming'
              or (state = 'active' and exists(select from unnest($2::int[]) d
                    where ends_at <= $1 + make_interval(days => d) and (reminded_days is null or reminded_days > d)))
           order by ends_at limit 1000"#,
        now,
        reminders
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(AllocationId).collect())
}

/// Machines that one of these customers has now, those on their way back included, as everywhere.
pub(super) async fn machines_held(tx: &mut Tx, customers: &[i64]) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!(
        "select distinct machine_id from allocations
         where customer_id = any($1) and state in ('active', 'grace', 'reclaiming')",
        customers
    )
    .fetch_all(&mut **tx)
    .await?)
}

pub(super) async fn held_by(tx: &mut Tx, customers: &[i64]) -> Result<HashMap<i64, Held>> {
    let rows = sqlx::query!(
        r#"select customer_id, count(distinct machine_id) as "machines!",
                  min(ends_at) filter (where state <> 'reclaiming') as next_end_at
           from allocations where customer_id = any($1) and state in ('active', 'grace', 'reclaiming')
           group by customer_id"#,
        customers
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.customer_id, Held { machines: row.machines.unsigned_abs(), next_end_at: row.next_end_at }))
        .collect())
}

pub(super) async fn running_of(tx: &mut Tx, customer: CustomerId) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "running!" from allocations
           where customer_id = $1 and state not in ('ended', 'cancelled')"#,
        customer.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count.unsigned_abs())
}

pub(super) async fn all_held(tx: &mut Tx) -> Result<HashMap<i64, Held>> {
    let rows = sqlx::query!(
        r#"select customer_id, count(distinct machine_id) as "machines!",
                  min(ends_at) filter (where state <> 'reclaiming') as next_end_at
           from allocations where state in ('active', 'grace', 'reclaiming') group by customer_id"#
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.customer_id, Held { machines: row.machines.unsigned_abs(), next_end_at: row.next_end_at }))
        .collect())
}

/// Customers who have the machine at some time between these.
pub(super) async fn customers_between(
    tx: &mut Tx,
    machine: MachineId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<CustomerId>> {
    let ids = sqlx::query_scalar!(
        "select distinct customer_id from allocations
         where machine_id = $1 and state in ('scheduled', 'active', 'grace') and starts_at < $3 and upper(hold) > $2
         order by customer_id",
        machine.0,
        from,
        until
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(CustomerId).collect())
}
