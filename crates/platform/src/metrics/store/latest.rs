//! The newest states, as servers tell each other.

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::metrics::{GpuFigures, HostFigures};
use uuid::Uuid;

use crate::Result;
use crate::db::Tx;
use crate::metrics::hub::{Stored, Tick};

pub(in crate::metrics) async fn save_latest(
    tx: &mut Tx,
    server: Uuid,
    states: &[(MachineId, DateTime<Utc>, serde_json::Value)],
) -> Result<()> {
    let ids: Vec<i64> = states.iter().map(|(id, _, _)| id.0).collect();
    let at: Vec<DateTime<Utc>> = states.iter().map(|(_, at, _)| *at).collect();
    let values: Vec<serde_json::Value> = states.iter().map(|(_, _, state)| state.clone()).collect();
    sqlx::query!(
        "insert into machine_latest (machine_id, server_id, at, state)
         select u.id, $1, u.at, u.state from unnest($2::bigint[], $3::timestamptz[], $4::jsonb[]) as u(id, at, state)
         order by u.id
         on conflict (machine_id) do update set server_id = excluded.server_id, at = excluded.at, state = excluded.state
         where machine_latest.at <= excluded.at",
        server,
        &ids,
        &at,
        &values
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What other servers wrote in the last minute; everything when `all`.
pub(in crate::metrics) async fn latest(tx: &mut Tx, server: Uuid, all: bool) -> Result<Vec<(String, Stored)>> {
    let rows = sqlx::query!(
        "select m.code, l.state from machine_latest l join machines m on m.id = l.machine_id
         where m.deleted_at is null and ($2 or (l.server_id <> $1 and l.at > now() - interval '1 minute'))",
        server,
        all
    )
    .fetch_all(&mut **tx)
    .await?;
    // A state written by another version that does not read is skipped: the next second brings one that does.
    Ok(rows.into_iter().filter_map(|row| Some((row.code, serde_json::from_value(row.state).ok()?))).collect())
}

/// The newest stored sample of every machine, for when `machine_latest` was emptied by a crash of PostgreSQL.
pub(in crate::metrics) async fn newest_samples(tx: &mut Tx) -> Result<Vec<(String, Stored)>> {
    let hosts = sqlx::query!(
        r#"select m.id, m.code, s.at, s.cpu_percent, s.load1, s.memory_used_bytes, s.memory_total_bytes,
                  s.swap_used_bytes, s.swap_total_bytes, s.disk_used_bytes, s.disk_total_bytes
           from machines m cross join lateral (
             select at, cpu_percent, load1, memory_used_bytes, memory_total_bytes, swap_used_bytes, swap_total_bytes,
                    disk_used_bytes, disk_total_bytes
             from machine_samples where machine_id = m.id order by at desc limit 1) s
           where m.deleted_at is null"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let gpus = sqlx::query!(
        r#"select g.machine_id, g.uuid, s.at, s.lost, s.util_percent, s.memory_used_bytes, s.memory_total_bytes,
                  s.temperature_c, s.power_w, s.power_limit_w
           from gpus g cross join lateral (
             select at, lost, util_percent, memory_used_bytes, memory_total_bytes, temperature_c, power_w, power_limit_w
             from gpu_samples where gpu_id = g.id order by at desc limit 1) s
           where g.removed_at is null"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let bytes = |value: Option<i64>| value.map(i64::unsigned_abs);
    Ok(hosts
        .into_iter()
        .map(|row| {
            let host = HostFigures {
                cpu_percent: row.cpu_percent,
                load1: row.load1,
                memory_used_bytes: bytes(row.memory_used_bytes),
                memory_total_bytes: bytes(row.memory_total_bytes),
                swap_used_bytes: bytes(row.swap_used_bytes),
                swap_total_bytes: bytes(row.swap_total_bytes),
                disk_used_bytes: bytes(row.disk_used_bytes),
                disk_total_bytes: bytes(row.disk_total_bytes),
                ..HostFigures::default()
            };
            let gpus = gpus.iter().filter(|gpu| gpu.machine_id == row.id && gpu.at == row.at).map(|gpu| GpuFigures {
                uuid: gpu.uuid.clone(),
                lost: gpu.lost,
                util_percent: gpu.util_percent,
                memory_used_bytes: bytes(gpu.memory_used_bytes),
                memory_total_bytes: bytes(gpu.memory_total_bytes),
                temperature_c: gpu.temperature_c,
                power_w: gpu.power_w,
                power_limit_w: gpu.power_limit_w,
                ..GpuFigures::default()
            });
            let tick = Tick { at: row.at, host, gpus: gpus.collect(), events: Vec::new() };
            (row.code, Stored { tick, events: Vec::new(), processes: Vec::new(), processes_at: None })
        })
        .collect())
}
