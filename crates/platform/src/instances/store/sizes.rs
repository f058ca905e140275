//! SQL of another spec for an instance.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::InstanceId;
use contract::instances::InstanceSpec;
use serde::{Deserialize, Serialize};

use super::{Part, Row, hold, release, signed};
use crate::authz::{Granted, ManageOwnInstance};
use crate::db::Tx;
use crate::{Error, Result};

/// What is kept from another spec on until the container that was there then is gone. Somebody may start that one any time: at
/// its machine, by its engine's own doing, or as a server of an older version. So what it was made with stays held as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::instances) struct Remake {
    /// What that container was made of.
    pub spec: InstanceSpec,
    /// And of GPUs with.
    pub cards: Vec<Part>,
    /// What the next one gets.
    pub next: Vec<Part>,
}

impl Remake {
    /// What both together may use: all of a GPU where either has all of it, else the larger part.
    pub(in crate::instances) fn held(&self) -> Vec<Part> {
        let mut held = BTreeMap::new();
        for (gpu, mib) in self.cards.iter().chain(&self.next) {
            let both = |had: &mut Option<u64>| *had = had.zip(*mib).map(|(one, other)| one.max(other));
            held.entry(*gpu).and_modify(both).or_insert(*mib);
        }
        held.into_iter().collect()
    }
}

/// No container of an earlier spec is there any more: it holds what it gets, and no more than that.
pub(in crate::instances) async fn settle(tx: &mut Tx, row: &Row, now: DateTime<Utc>) -> Result<()> {
    let Some(remake) = &row.remake else { return Ok(()) };
    release(tx, row.id, now).await?;
    hold(tx, row.id, &remake.next).await?;
    sqlx::query!("update instances set remake = null where id = $1", row.id.0).execute(&mut **tx).await?;
    Ok(())
}

/// It gets this from its next start on; its container is then the one of `remakes`.
pub(in crate::instances) async fn set_spec(
    tx: &mut Tx,
    granted: &Granted<ManageOwnInstance>,
    spec: &InstanceSpec,
    (remakes, remake): (i64, &Remake),
) -> Result<()> {
    sqlx::query!(
        "update instances
         set spec_id = $2, spec = $3, gpu_count = $4, cpu_cores = $5, memory_gb = $6, disk_gb = $7, remakes_wanted = $8,
             remake = $9, wish = wish + 1, revision = revision + 1
         where id = $1",
        granted.id().0,
        spec.id.0,
        serde_json::to_value(spec).map_err(Error::internal)?,
        signed(spec.gpu_count)?,
        signed(spec.cpu_cores)?,
        signed(spec.memory_gb)?,
        signed(spec.system_disk_gb.saturating_add(spec.data_disk_gb))?,
        remakes,
        serde_json::to_value(remake).map_err(Error::internal)?
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether its next container may begin with an empty data disk instead of the one that is gone.
pub(in crate::instances) async fn begins_empty(tx: &mut Tx, id: InstanceId) -> Result<bool> {
    let empty =
        sqlx::query_scalar!("select begins_empty from instances where id = $1", id.0).fetch_optional(&mut **tx).await?;
    Ok(empty == Some(true))
}

/// Its people know that its next container is made anew, with an empty data disk.
pub(in crate::instances) async fn begin_empty(tx: &mut Tx, id: InstanceId) -> Result<()> {
    sqlx::query!("update instances set begins_empty = true, told_anew = true where id = $1", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Its data disk is there: that an empty one may take its place was said of another time.
pub(in crate::instances) async fn keep_disk(tx: &mut Tx, id: InstanceId) -> Result<()> {
    sqlx::query!("update instances set begins_empty = false where id = $1 and begins_empty", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Its container is there, and its data disk with it: what was said of the next ones was said of another time.
pub(in crate::instances) async fn keep_container(tx: &mut Tx, id: InstanceId) -> Result<()> {
    sqlx::query!(
        "update instances set begins_empty = false, told_anew = false where id = $1 and (begins_empty or told_anew)",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// This container was made of it. True where its people know already that one is, because they were told before, or of this
/// very one by a worker that died then.
pub(in crate::instances) async fn note_made(tx: &mut Tx, id: InstanceId, container: &str) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"with was as (select id, told_anew, told_container from instances where id = $1 for update)
           update instances i set begins_empty = false, told_anew = false, told_container = $2
           from was where i.id = was.id
           returning (was.told_anew or was.told_container is not distinct from $2) as "known!""#,
        id.0,
        container
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(known.unwrap_or(true))
}

/// Whether an image is being made of its container.
pub(in crate::instances) async fn is_being_saved(tx: &mut Tx, id: InstanceId) -> Result<bool> {
    let going = sqlx::query_scalar!(
        r#"select exists (select from instance_saves where instance_id = $1 and ended_at is null) as "going!""#,
        id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(going)
}
