//! SQL of how much of its disks an instance takes.

use chrono::{DateTime, Utc};
use contract::instances::DiskState;
use contract::{InstanceId, MachineId};
use uuid::Uuid;

use crate::Result;
use crate::db::Tx;

/// So many bytes, and when that was found out.
pub(in crate::instances) type Measured = (u64, DateTime<Utc>);

/// The columns of an instance that are about this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::instances) struct DiskRow {
    /// When its engine was asked last.
    pub at: Option<DateTime<Utc>>,
    /// Bytes beside its data disk.
    pub system: Option<Measured>,
    /// Bytes on its data disk.
    pub data: Option<Measured>,
    /// What its people were told last.
    pub told: DiskState,
    /// The run it was asked in, which is called by when that began.
    pub run: Option<DateTime<Utc>>,
    /// When it is stopped, as its people were told, unless there is room before.
    pub stop_at: Option<DateTime<Utc>>,
}

/// One that its engine is asked for, as it was known then.
pub(in crate::instances) struct AskedDisks {
    pub id: InstanceId,
    pub container: Option<String>,
    pub remakes: i64,
}

/// Machines whose engines answer, with instances that were not measured since; those of which any waits longest come first.
pub(in crate::instances) async fn due_disks(
    tx: &mut Tx,
    server: Uuid,
    (since, now): (DateTime<Utc>, DateTime<Utc>),
    limit: i64,
) -> Result<Vec<MachineId>> {
    let ids = sqlx::query_scalar!(
        "select i.machine_id from instances i
           join engine_looks l on l.machine_id = i.machine_id
           join engine_connections e on e.machine_id = i.machine_id
         where i.deleted_at is null and i.made_at is not null
           and (i.disks_looked_at is null or i.disks_looked_at < $1)
           and l.answered_at is not null and l.fault is null
           and (l.disks_retry_at is null or l.disks_retry_at <= $2)
           and not exists (select from node_links n where n.machine_id = e.machine_id and e.kind = 'agent'
                           and n.server_id <> $3 and n.lease_until > now())
         group by i.machine_id order by min(coalesce(i.disks_looked_at, i.made_at)), i.machine_id limit $4",
        since,
        now,
        server,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(MachineId).collect())
}

/// Instances of a machine that were not measured since; nobody else begins to before that is so again.
pub(in crate::instances) async fn claim_disks(
    tx: &mut Tx,
    machine: MachineId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<AskedDisks>> {
    let rows = sqlx::query!(
        "update instances set disks_looked_at = $3
         where machine_id = $1 and deleted_at is null and made_at is not null
           and (disks_looked_at is null or disks_looked_at < $2)
         returning id, container_id, remakes_done",
        machine.0,
        since,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    let asked = rows.into_iter().map(|row| AskedDisks {
        id: InstanceId(row.id),
        container: row.container_id,
        remakes: row.remakes_done,
    });
    Ok(asked.collect())
}

/// What was measured, and what follows.
pub(in crate::instances) async fn set_disks(tx: &mut Tx, id: InstanceId, row: &DiskRow) -> Result<()> {
    let told = match row.told {
        DiskState::Fine => None,
        told => Some(told.code()),
    };
    sqlx::query!(
        "update instances
         set disks_at = $2, disk_system_used = $3, disk_data_used = $4, disks_told = $5, disk_system_at = $6,
             disk_data_at = $7, disks_run = $8, disks_stop_at = $9
         where id = $1",
        id.0,
        row.at,
        row.system.and_then(|(bytes, _)| i64::try_from(bytes).ok()),
        row.data.and_then(|(bytes, _)| i64::try_from(bytes).ok()),
        told,
        row.system.map(|(_, at)| at),
        row.data.map(|(_, at)| at),
        row.run,
        row.stop_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
