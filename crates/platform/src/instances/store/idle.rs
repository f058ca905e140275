//! SQL of whether instances are used.

use std::collections::HashMap;

use contract::instances::IdleReason;
use contract::{CustomerId, InstanceId};

use super::known;
use crate::authz::{Granted, UpdateCustomer};
use crate::db::Tx;
use crate::instances::idle::{Idle, Kept};
use crate::{Error, Result};

/// What runs, and whose it is.
pub(in crate::instances) async fn all_running(tx: &mut Tx) -> Result<Vec<(InstanceId, CustomerId)>> {
    let rows = sqlx::query!("select id, customer_id from instances where state = 'running' order by id")
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(|row| (InstanceId(row.id), CustomerId(row.customer_id))).collect())
}

/// What of a customer's is to run.
pub(in crate::instances) async fn wanted_running(tx: &mut Tx, customer: CustomerId) -> Result<Vec<InstanceId>> {
    let ids = sqlx::query_scalar!(
        "select id from instances where customer_id = $1 and wanted = 'running' and deleted_at is null order by id",
        customer.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(InstanceId).collect())
}

/// Of those that somebody looked at.
pub(in crate::instances) async fn idle_of(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<InstanceId, Idle>> {
    let rows = sqlx::query!(
        "select instance_id, run_started_at, active_at, known_at, looked_at, unknown, gpu_percent, gpu_memory, cpu_percent,
                counters, warned_at, kept_at, kept_until, kept_name, kept_because
         from instance_idle where instance_id = any($1)",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let idle = rows.into_iter().map(|row| {
        let kept = match (row.kept_at, row.kept_until, row.kept_name, row.kept_because) {
            (Some(at), Some(until), Some(by), Some(because)) => Some(Kept { at, until, by, because }),
            _ => None,
        };
        let idle = Idle {
            run: row.run_started_at,
            active_at: row.active_at,
            known_at: row.known_at,
            looked_at: row.looked_at,
            unknown: row.unknown.map(|word| known(IdleReason::parse(&word), &word)).transpose()?,
            gpu_percent: row.gpu_percent,
            gpu_memory: row.gpu_memory,
            cpu_percent: row.cpu_percent,
            // What another version counted is no pair with what this one does.
            counters: row.counters.and_then(|counters| serde_json::from_value(counters).ok()),
            warned_at: row.warned_at,
            kept,
        };
        Ok((InstanceId(row.instance_id), idle))
    });
    idle.collect()
}

/// Writes what a look found out, or that somebody keeps it. Whoever does has the instance locked.
pub(in crate::instances) async fn save_idle(tx: &mut Tx, id: InstanceId, idle: &Idle) -> Result<()> {
    let counters = idle.counters.as_ref().map(serde_json::to_value).transpose().map_err(Error::internal)?;
    let kept = idle.kept.as_ref();
    sqlx::query!(
        "insert into instance_idle (instance_id, run_started_at, active_at, known_at, looked_at, unknown, gpu_percent,
                                    gpu_memory, cpu_percent, counters, warned_at, kept_at, kept_until, kept_name, kept_because)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (instance_id) do update
         set run_started_at = $2, active_at = $3, known_at = $4, looked_at = $5, unknown = $6, gpu_percent = $7,
             gpu_memory = $8, cpu_percent = $9, counters = $10, warned_at = $11, kept_at = $12, kept_until = $13,
             kept_name = $14, kept_because = $15",
        id.0,
        idle.run,
        idle.active_at,
        idle.known_at,
        idle.looked_at,
        idle.unknown.map(IdleReason::code),
        idle.gpu_percent,
        idle.gpu_memory,
        idle.cpu_percent,
        counters,
        idle.warned_at,
        kept.map(|kept| kept.at),
        kept.map(|kept| kept.until),
        kept.map(|kept| kept.by.as_str()),
        kept.map(|kept| kept.because.as_str())
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Hours of customers for whom something else holds than for everybody.
pub(in crate::instances) async fn idle_policies(tx: &mut Tx) -> Result<HashMap<CustomerId, u32>> {
    let rows = sqlx::query!("select customer_id, after_hours from idle_policies").fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (CustomerId(row.customer_id), row.after_hours.unsigned_abs())).collect())
}

/// Sets it, or takes it away.
pub(in crate::instances) async fn set_idle_policy(
    tx: &mut Tx,
    granted: &Granted<UpdateCustomer>,
    after_hours: Option<u32>,
) -> Result<()> {
    let Some(hours) = after_hours else {
        sqlx::query!("delete from idle_policies where customer_id = $1", granted.id().0).execute(&mut **tx).await?;
        return Ok(());
    };
    sqlx::query!(
        "insert into idle_policies (customer_id, after_hours) values ($1, $2)
         on conflict (customer_id) do update set after_hours = $2",
        granted.id().0,
        i32::try_from(hours).map_err(Error::internal)?
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
