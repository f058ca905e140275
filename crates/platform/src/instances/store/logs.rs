//! SQL of what instances said last.

use chrono::{DateTime, Utc};
use contract::InstanceId;
use contract::instances::InstanceLogLine;

use crate::db::Tx;
use crate::{Error, Result};

/// Keeps these, in place of others that were kept.
pub(in crate::instances) async fn keep_logs(
    tx: &mut Tx,
    id: InstanceId,
    lines: &[InstanceLogLine],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into instance_logs (instance_id, kept_at, lines) values ($1, $2, $3)
         on conflict (instance_id) do update set kept_at = excluded.kept_at, lines = excluded.lines",
        id.0,
        now,
        serde_json::to_value(lines).map_err(Error::internal)?
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What was kept, and when.
pub(in crate::instances) async fn kept_logs(
    tx: &mut Tx,
    id: InstanceId,
) -> Result<Option<(DateTime<Utc>, Vec<InstanceLogLine>)>> {
    let row = sqlx::query!("select kept_at, lines from instance_logs where instance_id = $1", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(|row| Ok((row.kept_at, serde_json::from_value(row.lines).map_err(Error::internal)?))).transpose()
}

/// Forgets what was kept before.
pub(in crate::instances) async fn forget_logs(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from instance_logs where kept_at < $1", before).execute(&mut **tx).await?;
    Ok(())
}
