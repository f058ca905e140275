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

/// False where somebody was quicker.
pub(in crate::allocations) async fn insert_door_key(
    tx: &mut Tx,
    lease: AllocationId,
    (public_key, sealed): (&str, &[u8]),
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into lease_door_keys (allocation_id, public_key, sealed, created_at) values ($1, $2, $3, $4)
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

pub(in crate::allocations) async fn forget_door_key(tx: &mut Tx, granted: &Granted<UpdateAllocation>) -> Result<()> {
    sqlx::query!("delete from lease_door_keys where allocation_id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(())
}
