//! SQL of machines and their GPUs.

mod export;
mod gpus;
mod host_keys;
mod hosts;
pub(super) mod import;
mod list;
mod service;
mod tokens;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::machines::{
    DiscoveredHardware, GpuView, MachineCreate, MachineFacets, MachineUpdate, MachineView, Pool, Presence,
    ServiceState, models_in_words, presence,
};

pub use export::ExportRow;
pub(super) use export::export_rows;
pub(super) use gpus::{Card, cards, gpu_times};
pub(super) use host_keys::{all_host_keys, host_keys, keys_accounts, set_host_keys, set_keys_account, ssh_access_of};
pub(super) use hosts::{gpu_uuids, hosts, lock_id, open_windows};
pub(super) use list::{Wanted, codes_matching, ids_in_order, list, page_of_names};
pub(super) use service::{
    Connection, EndedWindow, Window, begin_window, connection, delete, end_window, end_windows_past, insert_window,
    machines_with_due_windows, past_windows, service_state_of, service_states, set_connection, set_monitored,
    set_service, windows,
};
pub(super) use tokens::{NewToken, insert_token, join_token, join_tokens, revoke_token, use_token};

use super::Brief;
use crate::allocations::LeaseMachine;
use crate::authz::{CreateMachine, Granted, ReportMetrics, UpdateMachine};
use crate::db::{Tx, contains};
use crate::{Error, Result};

fn json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(Error::internal)
}

fn to_json(value: &impl serde::Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

fn pool(word: &str) -> Result<Pool> {
    Pool::parse(word).ok_or_else(|| Error::internal(format!("unknown pool {word}")))
}

fn service_state(word: &str) -> Result<ServiceState> {
    ServiceState::parse(word).ok_or_else(|| Error::internal(format!("unknown service state {word}")))
}

pub(super) async fn id_of(tx: &mut Tx, code: &str) -> Result<Option<MachineId>> {
    let id = sqlx::query_scalar!("select id from machines where code = $1 and deleted_at is null", code)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(id.map(MachineId))
}

/// Also of a deleted machine, whose code may be another's by now.
pub(super) async fn ids_ever_of(tx: &mut Tx, code: &str) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!("select id from machines where code = $1 order by id", code).fetch_all(&mut **tx).await?)
}

/// Which of these codes are, or were, of a machine that the transaction's caller may find.
pub(super) async fn known_codes(tx: &mut Tx, codes: &[String]) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!("select distinct code from machines where code = any($1)", codes)
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn ids_by_name(tx: &mut Tx) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!("select id from machines order by lower(name), id").fetch_all(&mut **tx).await?)
}

pub(super) async fn matching(tx: &mut Tx, text: &str) -> Result<Vec<i64>> {
    let Some(pattern) = contains(text) else { return Ok(Vec::new()) };
    Ok(sqlx::query_scalar!(
        "select id from machines where deleted_at is null and (code ilike $1 or name ilike $1)",
        pattern
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Without the presence, which depends on the time; with what it is made from.
pub(super) async fn briefs(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, (Brief, Option<DateTime<Utc>>)>> {
    let rows = sqlx::query!(
        r#"select m.id, m.code, m.name, m.region, m.monitored, m.last_seen_at, g.models, g.count as "count!",
                  m.declared->>'gpuModel' as declared_model, (m.declared->>'gpuCount')::bigint as declared_count
           from machines m
           left join lateral (select array_agg(model order by gpu_index, id) as models, count(*) as count from gpus
                              where machine_id = m.id and removed_at is null) g on true
           where m.id = any($1)"#,
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let count = if row.count > 0 { Some(row.count) } else { row.declared_count };
            let brief = Brief {
                code: row.code,
                name: row.name,
                region: row.region,
                gpu_model: models_in_words(row.models.iter().flatten().map(String::as_str)).or(row.declared_model),
                gpu_count: count.and_then(|count| u32::try_from(count).ok()),
                presence: Presence::NeverSeen,
                monitored: row.monitored,
            };
            (row.id, (brief, row.last_seen_at))
        })
        .collect())
}

/// Machines that could be lent as they stand, whoever has them.
pub(super) async fn lendable(tx: &mut Tx) -> Result<Vec<(MachineId, String)>> {
    let rows = sqlx::query!(
        "select id, code from machines where deleted_at is null and pool = 'whole' and service_state = 'in_service'"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (MachineId(row.id), row.code)).collect())
}

pub(super) async fn lock_for_lease(tx: &mut Tx, code: &str) -> Result<Option<LeaseMachine>> {
    let row = sqlx::query!(
        "select id, pool, service_state from machines where code = $1 and deleted_at is null for update",
        code
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(LeaseMachine {
            id: MachineId(row.id),
            pool: pool(&row.pool)?,
            service_state: service_state(&row.service_state)?,
        })
    })
    .transpose()
}

pub(super) async fn lock(tx: &mut Tx, code: &str) -> Result<Option<MachineId>> {
    let id = sqlx::query_scalar!("select id from machines where code = $1 and deleted_at is null for update", code)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(id.map(MachineId))
}

pub(super) async fn view(tx: &mut Tx, code: &str, now: DateTime<Utc>) -> Result<Option<(MachineId, MachineView)>> {
    let row = sqlx::query!(
        "select id, code, name, region, public_address, private_address, pool, monitored, listed, remark,
                service_state, service_note, service_changed_at, last_seen_at, declared, discovered, agent_version, revision,
                created_at, updated_at
         from machines where code = $1 and deleted_at is null",
        code
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id = MachineId(row.id);
    let gpus = gpus(tx, &[row.id]).await?.remove(&row.id).unwrap_or_default();
    let declared = json(row.declared)?;
    let discovered: Option<DiscoveredHardware> = row.discovered.map(json).transpose()?;
    let differences = discovered.as_ref().map(|d| super::differences(&declared, d, &gpus)).unwrap_or_default();
    let maintenance = service::windows(tx, &[row.id]).await?.into_iter().map(|(_, window)| window).collect();
    let connection = Some(service::connection(tx, row.id).await?);
    let view = MachineView {
        id: row.code,
        name: row.name,
        region: row.region,
        public_address: row.public_address,
        private_address: row.private_address,
        pool: pool(&row.pool)?,
        monitored: row.monitored,
        listed: row.listed,
        remark: row.remark,
        service_state: service_state(&row.service_state)?,
        service_note: row.service_note,
        service_changed_at: row.service_changed_at,
        maintenance,
        connection,
        presence: presence(row.last_seen_at, now),
        last_seen_at: row.last_seen_at,
        declared,
        discovered,
        differences,
        gpus,
        agent_version: row.agent_version,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Some((id, view)))
}

/// GPUs of these machines, by machine, in order of their index.
async fn gpus(tx: &mut Tx, machines: &[i64]) -> Result<HashMap<i64, Vec<GpuView>>> {
    let rows = sqlx::query!(
        "select machine_id, gpu_index, uuid, model, memory_bytes, pci_bus_id, power_limit_w, mig_enabled, ecc_enabled, mig_devices,
                lost
         from gpus where machine_id = any($1) and removed_at is null order by machine_id, gpu_index, id",
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut gpus: HashMap<i64, Vec<GpuView>> = HashMap::new();
    for row in rows {
        gpus.entry(row.machine_id).or_default().push(GpuView {
            index: row.gpu_index.unsigned_abs(),
            uuid: row.uuid,
            model: row.model,
            memory_bytes: row.memory_bytes.map(i64::unsigned_abs),
            pci_bus_id: row.pci_bus_id,
            power_limit_w: row.power_limit_w,
            mig_enabled: row.mig_enabled,
            ecc_enabled: row.ecc_enabled,
            lost: row.lost,
            mig_devices: json(row.mig_devices)?,
        });
    }
    Ok(gpus)
}

pub(super) async fn codes(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let rows = sqlx::query!("select id, code from machines where id = any($1)", ids).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.code)).collect())
}

pub(super) async fn discovered_of(tx: &mut Tx, id: MachineId) -> Result<Option<DiscoveredHardware>> {
    let value = sqlx::query_scalar!("select discovered from machines where id = $1", id.0).fetch_one(&mut **tx).await?;
    value.map(json).transpose()
}

pub(super) async fn facets(tx: &mut Tx) -> Result<MachineFacets> {
    let regions = sqlx::query_scalar!(
        r#"select distinct region as "region!" from machines
           where deleted_at is null and region is not null order by 1 limit 200"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let gpu_models = sqlx::query_scalar!(
        r#"select distinct coalesce(g.model, m.declared->>'gpuModel') as "model!"
           from machines m left join gpus g on g.machine_id = m.id and g.removed_at is null
           where m.deleted_at is null and coalesce(g.model, m.declared->>'gpuModel') is not null order by 1 limit 200"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let row = sqlx::query!(
        r#"select count(*) as "machines!",
                  coalesce(sum(coalesce(nullif(g.count, 0), (m.declared->>'gpuCount')::bigint, 0)), 0)::bigint as "gpus!"
           from machines m
             left join lateral (select count(*) as count from gpus where machine_id = m.id and removed_at is null) g on true
           where m.deleted_at is null"#
    )
    .fetch_one(&mut **tx)
    .await?;
    let (machines, gpus) = (row.machines.unsigned_abs(), row.gpus.unsigned_abs());
    // Who has them, another slice says.
    Ok(MachineFacets { regions, gpu_models, customers: Vec::new(), machines, gpus })
}

/// The next free `host-NNN`.
pub(super) async fn next_code(tx: &mut Tx) -> Result<String> {
    loop {
        let number =
            sqlx::query_scalar!(r#"select nextval('machines_code_number') as "number!""#).fetch_one(&mut **tx).await?;
        let code = format!("host-{number:03}");
        let taken = sqlx::query_scalar!(
            r#"select exists(select from machines where code = $1 and deleted_at is null) as "taken!""#,
            code
        )
        .fetch_one(&mut **tx)
        .await?;
        if !taken {
            return Ok(code);
        }
    }
}

pub(super) async fn insert(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    code: &str,
    machine: &MachineCreate,
) -> Result<()> {
    sqlx::query!(
        "insert into machines (code, name, region, public_address, private_address, pool, monitored, listed, remark,
                               declared)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        code,
        machine.name,
        machine.region,
        machine.public_address,
        machine.private_address,
        machine.pool.unwrap_or(Pool::Whole).code(),
        machine.monitored.unwrap_or(true),
        machine.listed,
        machine.remark,
        to_json(&machine.declared)?
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn update(tx: &mut Tx, granted: &Granted<UpdateMachine>, change: &MachineUpdate) -> Result<()> {
    sqlx::query!(
        "update machines set name = $2, region = $3, public_address = $4, private_address = $5,
                pool = coalesce($6, pool), monitored = coalesce($7, monitored), listed = $8, remark = $9,
                declared = $10, revision = revision + 1
         where id = $1",
        granted.id().0,
        change.name,
        change.region,
        change.public_address,
        change.private_address,
        change.pool.map(|pool| pool.code()),
        change.monitored,
        change.listed,
        change.remark,
        to_json(&change.declared)?
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The machine of an agent's key.
pub(super) struct KnownKey {
    pub id: MachineId,
    pub code: String,
    /// False for a retired or deleted machine.
    pub allowed: bool,
}

pub(super) async fn machine_by_key(tx: &mut Tx, key_hash: &[u8; 32]) -> Result<Option<KnownKey>> {
    let row = sqlx::query!(
        r#"select id, code, deleted_at is null and service_state <> 'retired' as "allowed!"
           from machines where node_key_hash = $1"#,
        &key_hash[..]
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| KnownKey { id: MachineId(row.id), code: row.code, allowed: row.allowed }))
}

/// Gives an existing machine its agent's key; `None` when it is gone or its present agent is alive.
pub(super) async fn attach_key(
    tx: &mut Tx,
    machine: MachineId,
    key_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<(MachineId, String)>> {
    let code = sqlx::query_scalar!(
        "update machines set node_key_hash = $2
         where id = $1 and deleted_at is null and service_state <> 'retired'
           and (node_key_hash is null or last_seen_at is null or last_seen_at < $3::timestamptz - interval '1 minute')
         returning code",
        machine.0,
        &key_hash[..],
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(code.map(|code| (machine, code)))
}

/// A new machine named after its host; the name becomes the code where it can.
pub(super) async fn insert_joined(tx: &mut Tx, host: &str, key_hash: &[u8; 32]) -> Result<(MachineId, String)> {
    // One join at a time, so that two hosts of the same name do not race for it.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('remotegpu.join'))").fetch_one(&mut **tx).await?;
    let wanted: String = host
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .take(40)
        .collect();
    let wanted = wanted.trim_matches('-').to_owned();
    // A host that is set up anew after its machine was deleted is called as before.
    let free = sqlx::query_scalar!(
        r#"select not exists(select from machines where code = $1 and deleted_at is null) as "free!""#,
        wanted
    )
    .fetch_one(&mut **tx)
    .await?;
    let usable = contract::machines::is_valid_code(&wanted);
    let code = if usable && free { wanted.clone() } else { next_code(tx).await? };
    let name = if wanted.is_empty() { code.clone() } else { wanted };
    let row = sqlx::query!(
        "insert into machines (code, name, node_key_hash)
         select $1, case when exists(select from machines where lower(name) = lower($2) and deleted_at is null)
                         then $2 || ' (' || $1 || ')' else $2 end, $3
         returning id",
        code,
        name,
        &key_hash[..]
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((MachineId(row.id), code))
}

pub(super) async fn save_discovered(
    tx: &mut Tx,
    granted: &Granted<ReportMetrics>,
    discovered: &DiscoveredHardware,
    agent_version: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update machines set discovered = $2, agent_version = $3, discovered_at = $4
         where id = $1 and (discovered is distinct from $2 or agent_version is distinct from $3)",
        granted.id().0,
        to_json(discovered)?,
        agent_version,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// UUIDs of these that belong to another machine which is alive and still lists them: an agent cannot take those over by
/// naming them.
pub(super) async fn held_elsewhere(
    tx: &mut Tx,
    granted: &Granted<ReportMetrics>,
    uuids: &[String],
    alive_since: DateTime<Utc>,
) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "select g.uuid from gpus g join machines m on m.id = g.machine_id
         where g.uuid = any($2) and g.machine_id <> $1 and g.removed_at is null
           and m.deleted_at is null and m.last_seen_at > $3",
        granted.id().0,
        uuids,
        alive_since
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Writes the GPUs of a machine; true when the set, or what is lost, changed. A GPU that moved here moves with its id.
pub(super) async fn save_gpus(
    tx: &mut Tx,
    granted: &Granted<ReportMetrics>,
    gpus: &[GpuView],
    now: DateTime<Utc>,
) -> Result<bool> {
    let machine = granted.id().0;
    let uuids: Vec<String> = gpus.iter().map(|gpu| gpu.uuid.clone()).collect();
    let gone = sqlx::query!(
        "update gpus set removed_at = $3 where machine_id = $1 and removed_at is null and not (uuid = any($2))",
        machine,
        &uuids,
        now
    )
    .execute(&mut **tx)
    .await?;
    let mut changed = gone.rows_affected() > 0;
    for gpu in gpus {
        let known =
            sqlx::query!("select lost, removed_at from gpus where uuid = $1 and machine_id = $2", gpu.uuid, machine)
                .fetch_optional(&mut **tx)
                .await?;
        changed |= known.is_none_or(|row| row.lost != gpu.lost || row.removed_at.is_some());
        sqlx::query!(
            "insert into gpus (machine_id, gpu_index, uuid, model, memory_bytes, pci_bus_id, power_limit_w, mig_enabled,
                               ecc_enabled, mig_devices, lost)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict (uuid) do update set machine_id = $1, gpu_index = $2, model = $4, memory_bytes = $5,
               pci_bus_id = $6, power_limit_w = $7, mig_enabled = $8, ecc_enabled = $9, mig_devices = $10, lost = $11,
               removed_at = null,
               first_seen_at = case when gpus.machine_id = $1 then gpus.first_seen_at else now() end
             where (gpus.machine_id, gpus.gpu_index, gpus.model, gpus.memory_bytes, gpus.pci_bus_id,
                    gpus.power_limit_w, gpus.mig_enabled, gpus.ecc_enabled, gpus.mig_devices, gpus.lost,
                    gpus.removed_at)
               is distinct from ($1, $2, $4, $5, $6, $7, $8, $9, $10, $11, null::timestamptz)",
            machine,
            i32::try_from(gpu.index).unwrap_or(i32::MAX),
            gpu.uuid,
            gpu.model,
            gpu.memory_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            gpu.pci_bus_id,
            gpu.power_limit_w,
            gpu.mig_enabled,
            gpu.ecc_enabled,
            to_json(&gpu.mig_devices)?,
            gpu.lost
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(changed)
}
