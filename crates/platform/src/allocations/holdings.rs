//! What customers hold, for slices that count it or depend on there being nothing.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::allocations::MachineHolder;
use contract::{CustomerId, MachineId};

use super::store;
use crate::db::Tx;
use crate::{OpContext, Platform, Result, customers, machines};

/// Machines that these customers hold now, and the GPUs in them.
pub(crate) struct Holdings {
    pub machines: i64,
    pub gpus: i64,
}

/// See [`Holdings`]; a machine counts once.
pub(crate) async fn holdings(platform: &Platform, tx: &mut Tx, ctx: &OpContext, customers: &[i64]) -> Result<Holdings> {
    let machines = store::machines_held(tx, customers).await?;
    let briefs = machines::briefs(platform, tx, &machines, ctx.now()).await?;
    let gpus = briefs.values().map(|brief| i64::from(brief.gpu_count.unwrap_or(0))).sum();
    Ok(Holdings { machines: i64::try_from(machines.len()).unwrap_or(i64::MAX), gpus })
}

/// Keeps what changed who has a machine; the wall says so at once.
pub(super) async fn keep(platform: &Platform, tx: Tx) -> Result<()> {
    tx.commit().await?;
    platform.live().forget_catalog();
    Ok(())
}

/// Who has which machine now, on their way back included; of these alone when some are named. For slices that have decided
/// that the caller may know.
pub(crate) async fn holders(
    tx: &mut Tx,
    machines: Option<&[i64]>,
    now: DateTime<Utc>,
) -> Result<HashMap<MachineId, MachineHolder>> {
    let mut holders = store::holders(tx, machines, now).await?;
    let customers: Vec<i64> = holders.values().map(|holder| holder.customer_id.0).collect();
    let names = customers::names(tx, &customers).await?;
    for holder in holders.values_mut() {
        holder.customer_name = names.get(&holder.customer_id.0).cloned().unwrap_or_default();
    }
    Ok(holders)
}

/// How many allocations of a customer are not over: planned, running, or on their way back.
pub(crate) async fn running_of(tx: &mut Tx, customer: CustomerId) -> Result<u64> {
    store::running_of(tx, customer).await
}

/// What the machines of these allocations are called, as far as the transaction's caller may see both.
pub(crate) async fn machine_codes(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let machines = store::machines_of(tx, ids).await?;
    let codes = machines::codes(tx, &machines.values().copied().collect::<Vec<_>>()).await?;
    Ok(machines.into_iter().filter_map(|(id, machine)| Some((id, codes.get(&machine)?.clone()))).collect())
}
