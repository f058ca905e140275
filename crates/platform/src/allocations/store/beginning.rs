//! SQL of leases whose time has come.

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::allocations::WaitReason;

use super::Row;
use crate::Result;
use crate::authz::{Granted, UpdateAllocation};
use crate::db::Tx;

/// How many leases of the machine have ended.
pub(in crate::allocations) async fn ended_on(tx: &mut Tx, machine: MachineId) -> Result<i64> {
    let ended = sqlx::query_scalar!(
        r#"select count(*) as "n!" from allocations where machine_id = $1 and state = 'ended'"#,
        machine.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(ended)
}

/// Its customer has the machine from now on.
pub(in crate::allocations) async fn begin(
    tx: &mut Tx,
    granted: &Granted<UpdateAllocation>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update allocations set state = 'active', began_at = $2, revision = revision + 1 where id = $1",
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It waits from now on, or for something else than before.
pub(in crate::allocations) async fn set_waiting(
    tx: &mut Tx,
    granted: &Granted<UpdateAllocation>,
    now: DateTime<Utc>,
    why: WaitReason,
) -> Result<()> {
    sqlx::query!(
        "update allocations set waits_since = coalesce(waits_since, $2), waits_for = $3, revision = revision + 1
         where id = $1",
        granted.id().0,
        now,
        why.code()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Allocations of a machine that have not begun, the next first.
pub(in crate::allocations) async fn scheduled_on(tx: &mut Tx, machine: MachineId) -> Result<Vec<Row>> {
    let ids = sqlx::query_scalar!(
        "select id from allocations where machine_id = $1 and state = 'scheduled' order by starts_at, id",
        machine.0
    )
    .fetch_all(&mut **tx)
    .await?;
    super::get_all(tx, &ids).await
}
