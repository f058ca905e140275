//! SQL of when machines had which GPUs.

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::machines::{PassportEvent, PassportGpu};

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

/// A GPU that is or was in a machine.
pub(in crate::machines) struct Card {
    pub id: i64,
    pub gpu: PassportGpu,
}

impl Card {
    /// When it was found there, and when it was gone.
    pub(in crate::machines) fn came_and_went(&self) -> impl Iterator<Item = PassportEvent> {
        let event = |kind: &str, at: DateTime<Utc>| PassportEvent {
            at,
            until: at,
            kind: kind.to_owned(),
            gpu: self.gpu.index,
            uuid: self.gpu.uuid.clone(),
            value: None,
            times: 1,
        };
        let gone = self.gpu.removed_at.map(|at| event("removed", at));
        std::iter::once(event("found", self.gpu.first_seen_at)).chain(gone)
    }
}

/// Those that are there by their index, then those that are gone, the last first. A card that moved is its new machine's.
pub(in crate::machines) async fn cards(tx: &mut Tx, machine: MachineId) -> Result<Vec<Card>> {
    let rows = sqlx::query!(
        "select id, gpu_index, uuid, model, memory_bytes, mig_enabled, ecc_enabled, lost, first_seen_at, removed_at
         from gpus where machine_id = $1
         order by removed_at is not null, removed_at desc, gpu_index, id",
        machine.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let cards = rows.into_iter().map(|row| Card {
        id: row.id,
        gpu: PassportGpu {
            index: row.gpu_index.unsigned_abs(),
            uuid: row.uuid,
            model: row.model,
            memory_bytes: row.memory_bytes.map(i64::unsigned_abs),
            mig_enabled: row.mig_enabled,
            ecc_enabled: row.ecc_enabled,
            lost: row.lost,
            first_seen_at: row.first_seen_at,
            removed_at: row.removed_at,
            errors: None,
        },
    });
    Ok(cards.collect())
}
