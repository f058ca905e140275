//! SQL of who works on an instance. One worker at a time; what a dead one had is free after a while, by database time.

use contract::InstanceId;
use uuid::Uuid;

use crate::Result;
use crate::db::Tx;

/// How long a worker counts without a sign of life, seconds.
const LEASE: f64 = 15.0;

/// True when nobody else is at it.
pub(in crate::instances) async fn take(tx: &mut Tx, id: InstanceId, token: Uuid) -> Result<bool> {
    let taken = sqlx::query!(
        "update instances set lease_token = $2, lease_until = now() + make_interval(secs => $3)
         where id = $1 and (lease_until is null or lease_until < now())",
        id.0,
        token,
        LEASE
    )
    .execute(&mut **tx)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// A sign of life; returns the wish there is by now, or nothing when it is somebody else's.
pub(in crate::instances) async fn beat(tx: &mut Tx, id: InstanceId, token: Uuid) -> Result<Option<i64>> {
    let wish = sqlx::query_scalar!(
        "update instances set lease_until = now() + make_interval(secs => $3)
         where id = $1 and lease_token = $2 returning wish",
        id.0,
        token,
        LEASE
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(wish)
}

/// Lets it go, unless another wish came meanwhile; true when it is let go, or was somebody else's.
pub(in crate::instances) async fn leave(tx: &mut Tx, id: InstanceId, token: Uuid, wish: i64) -> Result<bool> {
    let kept = sqlx::query_scalar!(
        r#"with left_alone as (
             update instances set lease_token = null, lease_until = null
             where id = $1 and lease_token = $2 and wish = $3 returning id)
           select exists (select from instances where id = $1 and lease_token = $2)
                  and not exists (select from left_alone) as "kept!""#,
        id.0,
        token,
        wish
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(!kept)
}

/// Whether nobody is at it, of a row that is locked.
pub(in crate::instances) async fn free(tx: &mut Tx, id: InstanceId) -> Result<bool> {
    let free = sqlx::query_scalar!(
        r#"select lease_until is null or lease_until < now() as "free!" from instances where id = $1"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(free.unwrap_or(false))
}
