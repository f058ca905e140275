//! SQL of the time line and of machines' health at hand-over and return.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::allocations::{AllocationState, HealthSnapshot, MachineHolder, days_left};
use contract::{AllocationId, CustomerId, MachineId};

use super::Row;
use crate::authz::{Granted, UpdateAllocation};
use crate::db::Tx;
use crate::{Error, Result};

/// When a snapshot was taken.
#[derive(Clone, Copy, Debug)]
pub(in crate::allocations) enum Phase {
    Handover,
    Return,
}

impl Phase {
    fn code(self) -> &'static str {
        match self {
            Phase::Handover => "handover",
            Phase::Return => "return",
        }
    }
}

pub(in crate::allocations) struct Bar {
    pub id: AllocationId,
    pub machine: MachineId,
    pub customer: CustomerId,
    pub state: AllocationState,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub held_until: DateTime<Utc>,
}

/// What held, holds or will hold these machines in the range; what was called off did not, and what came back early held
/// no longer than that.
pub(in crate::allocations) async fn bars(
    tx: &mut Tx,
    machines: &[i64],
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Bar>> {
    let rows = sqlx::query!(
        r#"select id, machine_id, customer_id, state, starts_at, ends_at,
                  coalesce(case when state = 'ended' then ended_at end, upper(hold), ends_at) as "held_until!"
           from allocations
           where machine_id = any($1) and state <> 'cancelled' and hold && tstzrange($2, $3)
             and (state <> 'ended' or ended_at is null or ended_at > $2)
           order by machine_id, starts_at"#,
        machines,
        from,
        until
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = super::state(&row.state)?;
            Ok(Bar {
                id: AllocationId(row.id),
                machine: MachineId(row.machine_id),
                customer: CustomerId(row.customer_id),
                state,
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                held_until: row.held_until,
            })
        })
        .collect()
}

pub(in crate::allocations) async fn health(
    tx: &mut Tx,
    id: AllocationId,
    phase: Phase,
) -> Result<Option<HealthSnapshot>> {
    let snapshot = sqlx::query_scalar!(
        "select snapshot from allocation_health where allocation_id = $1 and phase = $2",
        id.0,
        phase.code()
    )
    .fetch_optional(&mut **tx)
    .await?;
    snapshot.map(|value| serde_json::from_value(value).map_err(Error::internal)).transpose()
}

/// How machines were at the hand-over and at the return of these allocations.
pub(in crate::allocations) async fn healths(
    tx: &mut Tx,
    ids: &[i64],
) -> Result<HashMap<i64, [Option<HealthSnapshot>; 2]>> {
    let rows =
        sqlx::query!("select allocation_id, phase, snapshot from allocation_health where allocation_id = any($1)", ids)
            .fetch_all(&mut **tx)
            .await?;
    let mut found: HashMap<i64, [Option<HealthSnapshot>; 2]> = HashMap::new();
    for row in rows {
        let place = usize::from(row.phase == Phase::Return.code());
        let snapshot = serde_json::from_value(row.snapshot).map_err(Error::internal)?;
        found.entry(row.allocation_id).or_default()[place] = Some(snapshot);
    }
    Ok(found)
}

/// Allocations of a machine that began, the newest first.
pub(in crate::allocations) async fn begun(tx: &mut Tx, machine: MachineId, most: u32) -> Result<Vec<Row>> {
    let ids = sqlx::query_scalar!(
        "select id from allocations where machine_id = $1 and state not in ('scheduled', 'cancelled')
         order by starts_at desc, id desc limit $2",
        machine.0,
        i64::from(most)
    )
    .fetch_all(&mut **tx)
    .await?;
    super::get_all(tx, &ids).await
}

/// A hand-over is kept as it was; what is seen at the return is the newest look.
pub(in crate::allocations) async fn save_health(
    tx: &mut Tx,
    granted: &Granted<UpdateAllocation>,
    phase: Phase,
    snapshot: &HealthSnapshot,
) -> Result<()> {
    sqlx::query!(
        "insert into allocation_health (allocation_id, phase, at, snapshot) values ($1, $2, $3, $4)
         on conflict (allocation_id, phase) do update set at = $3, snapshot = $4
         where allocation_health.phase = 'return'",
        granted.id().0,
        phase.code(),
        snapshot.at,
        serde_json::to_value(snapshot).map_err(Error::internal)?
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Running allocations whose hand-over nobody has looked at.
pub(in crate::allocations) async fn without_handover(tx: &mut Tx, most: i64) -> Result<Vec<Row>> {
    let ids = sqlx::query_scalar!(
        "select id from allocations a
         where state = 'active' and not exists(select from allocation_health h where h.allocation_id = a.id)
         order by id desc limit $1",
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(super::get(tx, AllocationId(id)).await?);
    }
    Ok(rows)
}

pub(in crate::allocations) async fn lent(tx: &mut Tx) -> Result<Vec<(CustomerId, MachineId)>> {
    let rows = sqlx::query!(
        "select customer_id, machine_id from allocations where state in ('active', 'grace', 'reclaiming')"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (CustomerId(row.customer_id), MachineId(row.machine_id))).collect())
}

/// Who has which machine, or these; their names are other rows'.
pub(in crate::allocations) async fn holders(
    tx: &mut Tx,
    machines: Option<&[i64]>,
    now: DateTime<Utc>,
) -> Result<HashMap<MachineId, MachineHolder>> {
    let rows = sqlx::query!(
        "select id, machine_id, customer_id, state, ends_at from allocations
         where state in ('active', 'grace', 'reclaiming') and ($1::bigint[] is null or machine_id = any($1))",
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let holder = MachineHolder {
                allocation_id: AllocationId(row.id),
                customer_id: CustomerId(row.customer_id),
                customer_name: String::new(),
                state: super::state(&row.state)?,
                ends_at: row.ends_at,
                days_left: days_left(row.ends_at, now),
            };
            Ok((MachineId(row.machine_id), holder))
        })
        .collect()
}

/// Machine, beginning and end until now of every allocation of a customer that began.
pub(in crate::allocations) async fn spans(
    tx: &mut Tx,
    customer: CustomerId,
    now: DateTime<Utc>,
) -> Result<Vec<(MachineId, DateTime<Utc>, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"select machine_id, coalesce(began_at, starts_at) as "from!",
                  least(ends_at, coalesce(ended_at, $2), $2) as "until!"
           from allocations where customer_id = $1 and starts_at < $2 and state not in ('scheduled', 'cancelled')"#,
        customer.0,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (MachineId(row.machine_id), row.from, row.until)).collect())
}

/// The machine of each of these allocations.
pub(in crate::allocations) async fn machines_of(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, i64>> {
    let rows =
        sqlx::query!("select id, machine_id from allocations where id = any($1)", ids).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.machine_id)).collect())
}

/// Whose parts of allocations are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SpansOf<'a> {
    Everybody,
    Customers(&'a [i64]),
    Machines(&'a [i64]),
}

/// The part of an allocation that lies in a period.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub customer: CustomerId,
    pub machine: MachineId,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

pub(in crate::allocations) async fn spans_between(
    tx: &mut Tx,
    of: SpansOf<'_>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Span>> {
    let (customers, machines) = match of {
        SpansOf::Everybody => (None, None),
        SpansOf::Customers(ids) => (Some(ids), None),
        SpansOf::Machines(ids) => (None, Some(ids)),
    };
    let rows = sqlx::query!(
        r#"select customer_id, machine_id, greatest(coalesce(began_at, starts_at), $3) as "from!",
                  least(ends_at, coalesce(ended_at, $4), $4) as "until!"
           from allocations
           where ($1::bigint[] is null or customer_id = any($1)) and ($2::bigint[] is null or machine_id = any($2))
             and state not in ('scheduled', 'cancelled') and starts_at < $4
             and coalesce(began_at, starts_at) < $4
             and least(ends_at, coalesce(ended_at, $4)) > $3"#,
        customers,
        machines,
        from,
        until
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Span {
            customer: CustomerId(row.customer_id),
            machine: MachineId(row.machine_id),
            from: row.from,
            until: row.until,
        })
        .collect())
}
