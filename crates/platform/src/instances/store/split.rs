//! What is kept of an instance's part of a GPU, and of the memory its programs use.

use chrono::{DateTime, Utc};
use contract::InstanceId;

use crate::Result;
use crate::db::Tx;
use crate::instances::split::Setup;

/// The columns of an instance that are about this.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::instances) struct SplitRow {
    pub setup: Option<Setup>,
    /// GPU memory of its own programs, bytes.
    pub bytes: Option<u64>,
    pub at: Option<DateTime<Utc>>,
    /// The most of it in its present stretch of the ledger.
    pub peak: Option<u64>,
    pub bare: bool,
    pub broken_since: Option<DateTime<Utc>>,
    pub told_at: Option<DateTime<Utc>>,
}

/// What a container is made with; what was measured of the one before counts no more.
pub(in crate::instances) async fn set_setup(tx: &mut Tx, id: InstanceId, setup: Option<Setup>) -> Result<()> {
    sqlx::query!(
        "update instances
         set split_setup = $2, split_bare = false, split_broken_since = null, gpu_memory_bytes = null,
             gpu_memory_at = null, disk_system_used = null, disk_system_at = null, disks_run = null, disks_stop_at = null
         where id = $1",
        id.0,
        setup.map(Setup::code)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What was measured.
pub(in crate::instances) async fn set_measured(tx: &mut Tx, id: InstanceId, row: &SplitRow) -> Result<()> {
    sqlx::query!(
        "update instances
         set gpu_memory_bytes = $2, gpu_memory_at = $3, gpu_memory_peak = $4, split_bare = $5, split_broken_since = $6,
             split_told_at = $7
         where id = $1",
        id.0,
        row.bytes.and_then(|bytes| i64::try_from(bytes).ok()),
        row.at,
        row.peak.and_then(|bytes| i64::try_from(bytes).ok()),
        row.bare,
        row.broken_since,
        row.told_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Another stretch of the ledger begins: its most is not known yet.
pub(in crate::instances) async fn forget_peak(tx: &mut Tx, id: InstanceId) -> Result<()> {
    sqlx::query!("update instances set gpu_memory_peak = null where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}
