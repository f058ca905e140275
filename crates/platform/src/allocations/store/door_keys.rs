//! SQL of the keys with which the SSH door comes to machines.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::AllocationId;

use crate::Result;
use crate::authz::{Granted, UpdateAllocation};
use crate::db::Tx;

/// Public halves, by lease.
pub(in crate::allocations) async fn door_keys(tx: &mut Tx, leases: &[i64]) -> Result<HashMap<i64, String>> {
    let rows =
        sqlx::query!("select allocation_id, public_key from lease_door_keys where allocation_id = any($1)", leases)
            .fetch_all(&mut **tx)
            .await?;
    Ok(rows.into_iter().map(|row| (row.allocation_id, row.public_key)).collect())
}

/// The secret half, sealed.
pub(in crate::allocations) async fn sealed_door_key(tx: &mut Tx, lease: AllocationId) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar!("select sealed from lease_door_keys where allocation_id = $1", lease.0)
        .fetch_optional(&mut **tx)
        .await?)
}

/// False where somebody was quicker, or the lease lets nobody in any more: it is held as it is until this is committed.
pub(in crate::allocations) async fn insert_door_key(
    tx: &mut Tx,
    lease: AllocationId,
    (public_key, sealed): (&str, &[u8]),
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into lease_door_keys (allocation_id, public_key, sealed, created_at)
         select held.id, $2, $3, $4
         from (select id from allocations where id = $1 and state in ('active', 'grace') for share) held
         on conflict do nothing",
        lease.0,
        public_key,
        sealed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets those of leases that let nobody in, however they came to stay; how many.
pub(in crate::allocations) async fn sweep_door_keys(tx: &mut Tx) -> Result<u64> {
    let done = sqlx::query!(
        "delete from lease_door_keys where allocation_id in (
           select k.allocation_id from lease_door_keys k join allocations a on a.id = k.allocation_id
           where a.state not in ('scheduled', 'active', 'grace'))"
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

pub(in crate::allocations) async fn forget_door_key(tx: &mut Tx, granted: &Granted<UpdateAllocation>) -> Result<()> {
    sqlx::query!("delete from lease_door_keys where allocation_id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(())
}
