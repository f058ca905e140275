//! SQL of when machines had which GPUs.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::db::Tx;

/// A GPU that a machine has or had, or one that was only said to be in it.
pub(in crate::machines) struct GpuTime {
    pub machine: i64,
    /// Absent: no agent has seen any GPU there, and `declared` counts.
    pub first_seen_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
    pub declared: Option<i32>,
}

pub(in crate::machines) async fn gpu_times(tx: &mut Tx, ids: &[i64]) -> Result<Vec<GpuTime>> {
    let rows = sqlx::query_as!(
        GpuTime,
        r#"select m.id as "machine!", g.first_seen_at as "first_seen_at?", g.removed_at as "removed_at?",
                  (m.declared->>'gpuCount')::integer as declared
           from machines m left join gpus g on g.machine_id = m.id where m.id = any($1)"#,
        ids
    );
    Ok(rows.fetch_all(&mut **tx).await?)
}
