//! SQL of figures, the newest state and links.

mod history;
mod latest;
mod record;
mod used;
mod write;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::allocations::MachineHolder;
use contract::machines::{Pool, ServiceState};
use contract::{GpuId, MachineId};
use sqlx::Row as _;
use uuid::Uuid;

pub(super) use history::{gpu_indices, history};
pub(super) use latest::{latest, newest_samples, save_latest};
pub(super) use record::{gpu_errors, gpu_happenings, throttled_hours, xid_errors_of};
pub(super) use used::gpu_use_of;
pub(super) use write::{insert_samples, is_missing_partition, mark_pending, note_seen, roll_up, take_pending};

use super::hub::{Catalog, CatalogGpu};
use super::{GpuActivity, Peer};
use crate::Result;
use crate::authz::{Granted, ReportMetrics};
use crate::db::Tx;

/// Where figures of a range are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    Raw,
    Minute,
    TenMinutes,
    Hour,
}

impl Tier {
    /// Its name, and the suffix of its tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Tier::Raw => "raw",
            Tier::Minute => "1m",
            Tier::TenMinutes => "10m",
            Tier::Hour => "1h",
        }
    }

    pub(super) fn seconds(self) -> i64 {
        match self {
            Tier::Raw => 1,
            Tier::Minute => 60,
            Tier::TenMinutes => 600,
            Tier::Hour => 3600,
        }
    }

    pub(super) fn finer(self) -> Option<Tier> {
        match self {
            Tier::Raw => None,
            Tier::Minute => Some(Tier::Raw),
            Tier::TenMinutes => Some(Tier::Minute),
            Tier::Hour => Some(Tier::TenMinutes),
        }
    }

    pub(super) fn coarser(self) -> Option<Tier> {
        match self {
            Tier::Raw => Some(Tier::Minute),
            Tier::Minute => Some(Tier::TenMinutes),
            Tier::TenMinutes => Some(Tier::Hour),
            Tier::Hour => None,
        }
    }
}

/// The machines after this one, in the order of their ids and no more than so many. `holders`: who has which machine.
pub(super) async fn catalog_after(
    tx: &mut Tx,
    after: MachineId,
    most: i64,
    holders: &mut HashMap<MachineId, MachineHolder>,
) -> Result<Vec<Catalog>> {
    let machines = sqlx::query!(
        r#"select id, code, name, region, monitored, pool, service_state, service_note,
                  declared->>'gpuModel' as declared_model, last_seen_at
           from machines where deleted_at is null and id > $1 order by id limit $2"#,
        after.0,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    let last = machines.last().map_or(after.0, |machine| machine.id);
    let rows = sqlx::query!(
        "select machine_id, gpu_index, uuid, model, memory_bytes, lost from gpus
         where removed_at is null and machine_id > $1 and machine_id <= $2 order by machine_id, gpu_index",
        after.0,
        last
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut gpus: HashMap<i64, Vec<CatalogGpu>> = HashMap::new();
    for row in rows {
        gpus.entry(row.machine_id).or_default().push(CatalogGpu {
            index: row.gpu_index.unsigned_abs(),
            uuid: row.uuid,
            model: row.model,
            memory_bytes: row.memory_bytes.map(i64::unsigned_abs),
            lost: row.lost,
        });
    }
    Ok(machines
        .into_iter()
        .map(|row| Catalog {
            id: MachineId(row.id),
            code: row.code,
            name: row.name,
            region: row.region,
            monitored: row.monitored,
            pool: Pool::parse(&row.pool).unwrap_or(Pool::Whole),
            service_state: ServiceState::parse(&row.service_state).unwrap_or(ServiceState::InService),
            service_note: row.service_note,
            holder: holders.remove(&MachineId(row.id)),
            declared_model: row.declared_model,
            last_seen_at: row.last_seen_at,
            gpus: gpus.remove(&row.id).unwrap_or_default(),
        })
        .collect())
}

pub(super) async fn gpu_ids(tx: &mut Tx, machine: MachineId) -> Result<HashMap<String, GpuId>> {
    let rows = sqlx::query!("select id, uuid from gpus where machine_id = $1", machine.0).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.uuid, GpuId(row.id))).collect())
}

/// Mean utilisation and memory, %, of all GPUs by the beginning of the step, from the ten minutes' or the hours' roll-up.
pub(super) async fn gpu_trend(
    tx: &mut Tx,
    fine: bool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<HashMap<i64, (Option<f32>, Option<f32>)>> {
    let table = if fine { "gpu_samples_10m" } else { "gpu_samples_1h" };
    let mut sql = sqlx::QueryBuilder::<sqlx::Postgres>::new(
        "select extract(epoch from at)::bigint as step, avg(util_avg)::real as util, \
         (100 * sum(memory_used_avg) / nullif(sum(memory_total), 0))::real as memory from ",
    );
    sql.push(table).push(" where at >= ").push_bind(from).push(" and at <= ").push_bind(to).push(" group by at");
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let read = |row: &sqlx::postgres::PgRow| Ok((row.try_get("step")?, (row.try_get("util")?, row.try_get("memory")?)));
    rows.iter().map(read).collect()
}

pub(super) async fn gpu_activity(
    tx: &mut Tx,
    gpus: &[i64],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    threshold: f32,
) -> Result<Vec<GpuActivity>> {
    let rows = sqlx::query!(
        r#"select gpu_id, max(at) as "seen_at!", max(at) filter (where util_percent >= $4) as active_at,
                  max(util_percent) filter (where at > $3::timestamptz - interval '1 minute') as recent_percent
           from gpu_samples
           where gpu_id = any($1) and at > $2 and at <= $3 and util_percent is not null and not lost
           group by gpu_id"#,
        gpus,
        from,
        until,
        threshold
    )
    .fetch_all(&mut **tx)
    .await?;
    let used = rows.into_iter().map(|row| GpuActivity {
        gpu: row.gpu_id,
        seen_at: row.seen_at,
        active_at: row.active_at,
        recent_percent: row.recent_percent,
    });
    Ok(used.collect())
}

pub(super) async fn xid_errors(tx: &mut Tx, gpus: &[i64], from: DateTime<Utc>, until: DateTime<Utc>) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from gpu_events
           where gpu_id = any($1) and kind = 'xid' and at >= $2 and at < $3"#,
        gpus,
        from,
        until
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count.unsigned_abs())
}

/// Takes the machine's link for this server, which is reached there; returns whether the machine is monitored.
pub(super) async fn take_link(
    tx: &mut Tx,
    granted: &Granted<ReportMetrics>,
    link: Uuid,
    (server, address): (Uuid, Option<&str>),
) -> Result<bool> {
    sqlx::query!(
        "insert into node_links (machine_id, server_id, link_id, internal_address, lease_until)
         values ($1, $2, $3, $4, now() + interval '15 seconds')
         on conflict (machine_id) do update set server_id = $2, link_id = $3, internal_address = $4,
           lease_until = now() + interval '15 seconds', connected_at = now()",
        granted.id().0,
        server,
        link,
        address
    )
    .execute(&mut **tx)
    .await?;
    let monitored = sqlx::query_scalar!("select monitored from machines where id = $1", granted.id().0)
        .fetch_one(&mut **tx)
        .await?;
    Ok(monitored)
}

/// The server that holds the machine's link.
pub(super) async fn link_holder(tx: &mut Tx, machine: MachineId) -> Result<Option<Peer>> {
    let row = sqlx::query!(
        r#"select server_id, internal_address, now() as "now!" from node_links
           where machine_id = $1 and lease_until > now()"#,
        machine.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Peer { server: row.server_id, address: row.internal_address, now: row.now }))
}

pub(super) async fn database_time(tx: &mut Tx) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&mut **tx).await?)
}

pub(super) async fn drop_link(tx: &mut Tx, machine: MachineId, link: Uuid) -> Result<()> {
    sqlx::query!("delete from node_links where machine_id = $1 and link_id = $2", machine.0, link)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Renews leases; returns the links that are still ours, with whether their machine is monitored.
pub(super) async fn renew_links(tx: &mut Tx, links: &[(MachineId, Uuid)]) -> Result<HashMap<Uuid, bool>> {
    let (machines, ids): (Vec<i64>, Vec<Uuid>) = links.iter().map(|(machine, id)| (machine.0, *id)).unzip();
    let rows = sqlx::query!(
        "update node_links l set lease_until = now() + interval '15 seconds'
         from unnest($1::bigint[], $2::uuid[]) as held(machine_id, link_id), machines m
         where l.machine_id = held.machine_id and l.link_id = held.link_id and m.id = l.machine_id
           and m.deleted_at is null and m.service_state <> 'retired'
         returning l.link_id, m.monitored",
        &machines,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.monitored)).collect())
}

pub(super) async fn ensure_partitions(tx: &mut Tx, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<i32> {
    Ok(sqlx::query_scalar!(r#"select ensure_partitions($1, $2) as "made!""#, from, to).fetch_one(&mut **tx).await?)
}

pub(super) async fn drop_expired_partitions(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(r#"select drop_expired_partitions($1) as "name!""#, now).fetch_all(&mut **tx).await?)
}
