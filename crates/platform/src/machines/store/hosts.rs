//! Machines as a slice that places things on them needs to know them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::machines::{DiscoveredHardware, Pool, Presence, ServiceState};
use contract::{GpuId, MachineId};

use super::{json, pool, service_state};
use crate::Result;
use crate::db::Tx;
use crate::machines::{HostCard, HostFacts};

/// Those that customers may choose, or this one whatever it is.
pub(in crate::machines) async fn hosts(tx: &mut Tx, only: Option<MachineId>) -> Result<Vec<HostFacts>> {
    let rows = sqlx::query!(
        "select id, code, name, region, pool, service_state, last_seen_at, discovered
         from machines where deleted_at is null and case when $1::bigint is null then listed else id = $1 end
         order by code",
        only.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut cards = cards(tx, &ids).await?;
    let host = rows.into_iter().map(|row| {
        let discovered: Option<DiscoveredHardware> = row.discovered.map(json).transpose()?;
        Ok(HostFacts {
            id: MachineId(row.id),
            code: row.code,
            name: row.name,
            region: row.region,
            is_shared: pool(&row.pool)? == Pool::Shared,
            in_service: service_state(&row.service_state)? == ServiceState::InService,
            last_seen_at: row.last_seen_at,
            presence: Presence::NeverSeen,
            discovered,
            cards: cards.remove(&row.id).unwrap_or_default(),
        })
    });
    host.collect()
}

async fn cards(tx: &mut Tx, machines: &[i64]) -> Result<HashMap<i64, Vec<HostCard>>> {
    let rows = sqlx::query!(
        r#"select id, machine_id, uuid, model, memory_bytes, lost or coalesce(mig_enabled, false) as "unusable!"
           from gpus where machine_id = any($1) and removed_at is null order by machine_id, gpu_index, id"#,
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut cards: HashMap<i64, Vec<HostCard>> = HashMap::new();
    for row in rows {
        cards.entry(row.machine_id).or_default().push(HostCard {
            id: GpuId(row.id),
            model: row.model,
            memory: row.memory_bytes.map(i64::unsigned_abs),
            usable: !row.unusable,
        });
    }
    Ok(cards)
}

/// Ends of the windows for which machines are out of service that were in service before.
pub(in crate::machines) async fn open_windows(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<MachineId, DateTime<Utc>>> {
    let rows = sqlx::query!(
        "select w.machine_id, w.ends_at from maintenance_windows w join machines m on m.id = w.machine_id
         where w.machine_id = any($1) and w.state = 'active' and w.state_before = 'in_service'
           and m.service_state = 'maintenance' order by w.ends_at",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (MachineId(row.machine_id), row.ends_at)).collect())
}

/// UUIDs of GPUs, by id.
pub(in crate::machines) async fn gpu_uuids(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let rows = sqlx::query!("select id, uuid from gpus where id = any($1)", ids).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.uuid)).collect())
}

/// Locks one, whatever becomes of it.
pub(in crate::machines) async fn lock_id(tx: &mut Tx, id: MachineId) -> Result<bool> {
    let found = sqlx::query_scalar!("select id from machines where id = $1 and deleted_at is null for update", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(found.is_some())
}
