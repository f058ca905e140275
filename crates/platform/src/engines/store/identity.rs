//! SQL of which engine a machine's instances are on, and of another one that answers in its place.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contract::MachineId;

use crate::Result;
use crate::authz::{ConnectMachine, Granted};
use crate::db::Tx;
use crate::engines::identity::EngineIdentity;

pub(in crate::engines) async fn find(tx: &mut Tx, machine: MachineId) -> Result<Option<EngineIdentity>> {
    let row = sqlx::query!(
        "select revision, engine_id, engine_id_at, other_engine_id, other_since, given_up_ids from engine_connections
         where machine_id = $1",
        machine.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| EngineIdentity {
        revision: row.revision,
        id: row.engine_id,
        said_at: row.engine_id_at,
        other: row.other_engine_id,
        other_since: row.other_since,
        given_up: row.given_up_ids,
    }))
}

/// At which of these machines another engine answers.
pub(in crate::engines) async fn others_among(tx: &mut Tx, machines: &[i64]) -> Result<HashSet<i64>> {
    let others = sqlx::query_scalar!(
        "select machine_id from engine_connections where machine_id = any($1) and other_since is not null",
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(others.into_iter().collect())
}

/// It is the one, or the one again; nothing where its connection was changed meanwhile, or another one accepted.
pub(in crate::engines) async fn set_same(
    tx: &mut Tx,
    machine: MachineId,
    known: &EngineIdentity,
    now: DateTime<Utc>,
    id: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "update engine_connections
         set engine_id = $3, engine_id_at = $4, other_engine_id = null, other_since = null
         where machine_id = $1 and revision = $2 and engine_id is not distinct from $5",
        machine.0,
        known.revision,
        id,
        now,
        known.id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The other one that answers is the one from now on, and the one before is given up. False where its connection was changed
/// meanwhile, or another one answers by now.
pub(in crate::engines) async fn accept(
    tx: &mut Tx,
    granted: &Granted<ConnectMachine>,
    known: &EngineIdentity,
    now: DateTime<Utc>,
) -> Result<bool> {
    let accepted = sqlx::query!(
        "update engine_connections
         set engine_id = other_engine_id, engine_id_at = $4, other_engine_id = null, other_since = null,
             given_up_ids = array_remove(array_remove(array_append(array_remove(given_up_ids, engine_id), engine_id),
                                                      other_engine_id), null::text)
         where machine_id = $1 and revision = $2 and other_since is not null and other_engine_id is not distinct from $3",
        granted.id().0,
        known.revision,
        known.other,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(accepted.rows_affected() == 1)
}

/// Another one answers; true where that is news. Not where its connection was changed meanwhile, or this one accepted.
pub(in crate::engines) async fn set_other(
    tx: &mut Tx,
    machine: MachineId,
    known: &EngineIdentity,
    now: DateTime<Utc>,
    id: Option<&str>,
) -> Result<bool> {
    let is_news = sqlx::query_scalar!(
        r#"with was as (select machine_id, other_since from engine_connections
                        where machine_id = $1 and revision = $2 and engine_id is not distinct from $5 for update)
           update engine_connections e set other_engine_id = $3, other_since = coalesce(was.other_since, $4)
           from was where e.machine_id = was.machine_id
           returning (was.other_since is null) as "is_news!""#,
        machine.0,
        known.revision,
        id,
        now,
        known.id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(is_news.unwrap_or(false))
}
