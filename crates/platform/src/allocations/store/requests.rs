//! SQL of renewal requests and of the steps of taking a machine back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::allocations::{ReclaimStepView, RenewalQuery, RenewalSort, RenewalState, StepState};
use contract::{AllocationId, CustomerId, MachineId, RenewalRequestId, SortDirection};
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::Row;
use crate::authz::{Granted, RequestRenewal, UpdateAllocation};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

/// A renewal request as stored.
pub(in crate::allocations) struct Request {
    pub id: RenewalRequestId,
    pub allocation: AllocationId,
    pub machine: MachineId,
    pub customer: CustomerId,
    pub ends_at: DateTime<Utc>,
    pub wanted_until: DateTime<Utc>,
    pub message: Option<String>,
    pub state: RenewalState,
    pub lapsed: bool,
    pub granted_until: Option<DateTime<Utc>>,
    pub answer: Option<String>,
    pub requested_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
}

macro_rules! request {
    ($row:expr) => {{
        let row = $row;
        Request {
            id: RenewalRequestId(row.id),
            allocation: AllocationId(row.allocation_id),
            machine: MachineId(row.machine_id),
            customer: CustomerId(row.customer_id),
            ends_at: row.ends_at,
            wanted_until: row.wanted_until,
            message: row.message,
            state: RenewalState::parse(&row.state)
                .ok_or_else(|| Error::internal(format!("unknown renewal state {}", row.state)))?,
            lapsed: row.lapsed,
            granted_until: row.granted_until,
            answer: row.answer,
            requested_by: Some(row.requested_name).filter(|name| !name.is_empty()),
            created_at: row.created_at,
            decided_at: row.decided_at,
        }
    }};
}

pub(in crate::allocations) async fn requests(tx: &mut Tx, open: bool) -> Result<Vec<Request>> {
    let rows = sqlx::query!(
        "select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.lapsed, r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
         where not $1 or r.state = 'open'
         order by r.state <> 'open', r.created_at desc limit 200",
        open
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Ok(request!(row))).collect()
}

/// A page of them, and how many there are.
pub(in crate::allocations) async fn page_of_requests(
    tx: &mut Tx,
    query: &RenewalQuery,
    sort: &[(RenewalSort, SortDirection)],
    page: u32,
    page_size: u32,
) -> Result<(Vec<Request>, u64)> {
    let filters = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(" from renewal_requests r join allocations a on a.id = r.allocation_id where true");
        if let Some(state) = query.state {
            sql.push(" and r.state = ").push_bind(state.code());
        }
        if let Some(customer) = query.customer_id {
            sql.push(" and r.customer_id = ").push_bind(customer.0);
        }
    };
    let mut count = QueryBuilder::<Postgres>::new("select count(*) as total");
    filters(&mut count);
    let total: i64 = count.build().fetch_one(&mut **tx).await?.try_get("total")?;
    let mut sql = QueryBuilder::<Postgres>::new("select r.id");
    filters(&mut sql);
    sql.push(" order by ");
    for (sort, direction) in sort {
        sql.push(match sort {
            RenewalSort::Created => "r.created_at",
            RenewalSort::Wanted => "r.wanted_until",
            RenewalSort::Ends => "a.ends_at",
            RenewalSort::State => {
                "array_position(array['open', 'approved', 'changed', 'refused', 'withdrawn'], r.state)"
            }
        });
        sql.push(if *direction == SortDirection::Desc { " desc, " } else { " asc, " });
    }
    sql.push("r.state <> 'open', r.created_at desc, r.id limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    let rows = sqlx::query!(
        "select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.lapsed, r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
           join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = r.id
         order by wanted.place",
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let list = rows.into_iter().map(|row| Ok(request!(row))).collect::<Result<_>>()?;
    Ok((list, total.unsigned_abs()))
}

pub(in crate::allocations) async fn requests_of(tx: &mut Tx, id: AllocationId) -> Result<Vec<Request>> {
    let rows = sqlx::query!(
        "select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.lapsed, r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
         where r.allocation_id = $1 order by r.id desc limit 50",
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Ok(request!(row))).collect()
}

pub(in crate::allocations) async fn allocation_of(
    tx: &mut Tx,
    request: RenewalRequestId,
) -> Result<Option<AllocationId>> {
    let id = sqlx::query_scalar!("select allocation_id from renewal_requests where id = $1", request.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(id.map(AllocationId))
}

pub(in crate::allocations) async fn lock_request(tx: &mut Tx, id: RenewalRequestId) -> Result<Option<Request>> {
    let row = sqlx::query!(
        "select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.lapsed, r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
         where r.id = $1 for update of r",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok(request!(row))).transpose()
}

pub(in crate::allocations) async fn insert_request(
    tx: &mut Tx,
    granted: &Granted<RequestRenewal>,
    row: &Row,
    wanted_until: DateTime<Utc>,
    message: Option<&str>,
    ctx: &OpContext,
) -> Result<()> {
    sqlx::query!(
        "insert into renewal_requests (allocation_id, customer_id, wanted_until, message, requested_by, requested_name,
                                       created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        granted.id().0,
        row.customer.0,
        wanted_until,
        message,
        ctx.user().map(|user| user.id.0),
        ctx.user().map(|user| user.display_name.clone()).unwrap_or_default(),
        ctx.now()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Nobody decided about it: who asked does not ask any more.
pub(in crate::allocations) async fn withdraw(
    tx: &mut Tx,
    _granted: &Granted<RequestRenewal>,
    id: RenewalRequestId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!("update renewal_requests set state = 'withdrawn', decided_at = $2 where id = $1", id.0, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Nobody decided about it, and nobody can any more.
pub(in crate::allocations) async fn lapse(
    tx: &mut Tx,
    _granted: &Granted<UpdateAllocation>,
    id: RenewalRequestId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update renewal_requests set state = 'withdrawn', lapsed = true, decided_at = $2 where id = $1",
        id.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many that were made since then nobody decided about, since they were taken back.
pub(in crate::allocations) async fn taken_back(tx: &mut Tx, id: AllocationId, since: DateTime<Utc>) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from renewal_requests
           where allocation_id = $1 and state = 'withdrawn' and created_at > $2"#,
        id.0,
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count.unsigned_abs())
}

/// Whether the newest was made since then, and taken back.
pub(in crate::allocations) async fn was_taken_back(
    tx: &mut Tx,
    id: AllocationId,
    since: DateTime<Utc>,
) -> Result<bool> {
    let taken_back = sqlx::query_scalar!(
        r#"select exists(select from renewal_requests
                         where id = (select max(id) from renewal_requests where allocation_id = $1)
                           and state = 'withdrawn' and created_at > $2) as "taken_back!""#,
        id.0,
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(taken_back)
}

pub(in crate::allocations) async fn decide(
    tx: &mut Tx,
    _granted: &Granted<UpdateAllocation>,
    id: RenewalRequestId,
    state: RenewalState,
    granted_until: Option<DateTime<Utc>>,
    answer: Option<&str>,
    ctx: &OpContext,
) -> Result<()> {
    sqlx::query!(
        "update renewal_requests set state = $2, granted_until = $3, answer = $4, decided_by = $5, decided_at = $6
         where id = $1",
        id.0,
        state.code(),
        granted_until,
        answer,
        ctx.user().map(|user| user.id.0),
        ctx.now()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::allocations) async fn steps(tx: &mut Tx, id: AllocationId) -> Result<Vec<ReclaimStepView>> {
    let rows = sqlx::query!(
        "select step, state, result, at from reclaim_steps where allocation_id = $1 order by position",
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ReclaimStepView {
                state: StepState::parse(&row.state)
                    .ok_or_else(|| Error::internal(format!("unknown step state {}", row.state)))?,
                step: row.step,
                result: serde_json::from_value(row.result).map_err(Error::internal)?,
                at: row.at,
            })
        })
        .collect()
}

pub(in crate::allocations) async fn insert_step(
    tx: &mut Tx,
    granted: &Granted<UpdateAllocation>,
    step: &str,
    position: usize,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into reclaim_steps (allocation_id, step, position, state, at) values ($1, $2, $3, 'waiting', $4)",
        granted.id().0,
        step,
        i32::try_from(position).unwrap_or(i32::MAX),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::allocations) async fn set_step(
    tx: &mut Tx,
    granted: &Granted<UpdateAllocation>,
    step: &str,
    state: StepState,
    result: &BTreeMap<String, String>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update reclaim_steps set state = $3, result = $4, at = $5 where allocation_id = $1 and step = $2",
        granted.id().0,
        step,
        state.code(),
        serde_json::to_value(result).map_err(Error::internal)?,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
