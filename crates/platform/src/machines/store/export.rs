//! SQL of the machines' workbook: what is written down of each.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::allocations::{LeaseToCome, MachineHolder};
use contract::machines::{DiscoveredHardware, GpuView, Presence, ServiceState, presence};

use super::{json, pool, service_state};
use crate::Result;
use crate::db::Tx;
use crate::machines::import::Written;

/// A machine as a workbook has it: what people decided, which an import takes back, and what is so by itself.
#[derive(Clone, Debug)]
pub struct ExportRow {
    pub code: String,
    pub machine: Written,
    pub service_state: ServiceState,
    pub presence: Presence,
    /// False while nobody listens to the machine: its presence means nothing then.
    pub monitored: bool,
    pub discovered: Option<DiscoveredHardware>,
    pub gpus: Vec<GpuView>,
    /// Who has it now; for those who may see allocations.
    pub holder: Option<MachineHolder>,
    /// Who is to have it next; for the same.
    pub next: Option<LeaseToCome>,
}

/// These machines, in their order, with their ids; who has them is another slice's to say.
pub(in crate::machines) async fn export_rows(
    tx: &mut Tx,
    ids: &[i64],
    now: DateTime<Utc>,
) -> Result<Vec<(i64, ExportRow)>> {
    let mut gpus: HashMap<i64, Vec<GpuView>> = super::gpus(tx, ids).await?;
    let rows = sqlx::query!(
        "select m.id, m.code, m.name, m.region, m.public_address, m.private_address, m.pool, m.monitored, m.listed, m.remark,
                m.declared, m.discovered, m.service_state, m.last_seen_at
         from unnest($1::bigint[]) with ordinality as wanted (id, place) join machines m on m.id = wanted.id
         order by wanted.place",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let machine = Written {
                name: row.name,
                region: row.region,
                public_address: row.public_address,
                private_address: row.private_address,
                pool: pool(&row.pool)?,
                monitored: row.monitored,
                listed: row.listed,
                remark: row.remark,
                declared: json(row.declared)?,
            };
            let export = ExportRow {
                code: row.code,
                machine,
                service_state: service_state(&row.service_state)?,
                presence: presence(row.last_seen_at, now),
                monitored: row.monitored,
                discovered: row.discovered.map(json).transpose()?,
                gpus: gpus.remove(&row.id).unwrap_or_default(),
                holder: None,
                next: None,
            };
            Ok((row.id, export))
        })
        .collect()
}
