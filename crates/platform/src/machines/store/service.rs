//! SQL of service states, maintenance windows and connection data.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::machines::{ConnectionView, HostKeysView, MaintenanceState, MaintenanceView, SecretKind, ServiceState};
use contract::{MachineId, MaintenanceId};

use super::service_state;
use crate::authz::{ConnectMachine, DeleteMachine, Granted, OperateMachine, UpdateMachine};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

pub(in crate::machines) async fn set_service(
    tx: &mut Tx,
    granted: &Granted<OperateMachine>,
    next: ServiceState,
    note: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update machines set service_state = $2, service_note = $3, service_changed_at = $4, revision = revision + 1
         where id = $1",
        granted.id().0,
        next.code(),
        note,
        now
    )
    .execute(&mut **tx)
    .await?;
    if next == ServiceState::Retired {
        drop_links(tx, &[granted.id().0]).await?;
    }
    Ok(())
}

pub(in crate::machines) async fn service_state_of(tx: &mut Tx, machine: MachineId) -> Result<ServiceState> {
    let word =
        sqlx::query_scalar!("select service_state from machines where id = $1", machine.0).fetch_one(&mut **tx).await?;
    service_state(&word)
}

/// The servers that hold the links find their leases gone and end them.
async fn drop_links(tx: &mut Tx, machines: &[i64]) -> Result<()> {
    sqlx::query!("delete from node_links where machine_id = any($1)", machines).execute(&mut **tx).await?;
    Ok(())
}

pub(in crate::machines) async fn set_monitored(tx: &mut Tx, granted: &Granted<UpdateMachine>, on: bool) -> Result<()> {
    sqlx::query!(
        "update machines set monitored = $2, revision = revision + 1 where id = $1 and monitored <> $2",
        granted.id().0,
        on
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The rows stay for what refers to them; their agents' keys and the hosts' secrets go.
pub(in crate::machines) async fn delete(
    tx: &mut Tx,
    granted: &[Granted<DeleteMachine>],
    now: DateTime<Utc>,
) -> Result<()> {
    let ids: Vec<i64> = granted.iter().map(|granted| granted.id().0).collect();
    sqlx::query!(
        "update machines set deleted_at = $2, node_key_hash = null, ssh_secret = null, ssh_secret_kind = null,
                ssh_secret_set_at = null, revision = revision + 1
         where id = any($1)",
        &ids,
        now
    )
    .execute(&mut **tx)
    .await?;
    drop_links(tx, &ids).await?;
    sqlx::query!("update gpus set removed_at = $2 where machine_id = any($1) and removed_at is null", &ids, now)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update join_tokens set revoked_at = $2 where machine_id = any($1) and revoked_at is null", &ids, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// When a machine is out, and what its people read of it.
pub(in crate::machines) struct Window {
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub message: String,
}

pub(in crate::machines) async fn insert_window(
    tx: &mut Tx,
    granted: &Granted<OperateMachine>,
    new: &Window,
    ctx: &OpContext,
) -> Result<()> {
    sqlx::query!(
        "insert into maintenance_windows (machine_id, starts_at, ends_at, message, created_by, created_name, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        granted.id().0,
        new.starts_at,
        new.ends_at,
        new.message,
        ctx.user().map(|user| user.id.0),
        ctx.user().map(|user| user.display_name.clone()).unwrap_or_default(),
        ctx.now()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn maintenance_state(word: &str) -> Result<MaintenanceState> {
    MaintenanceState::parse(word).ok_or_else(|| Error::internal(format!("unknown maintenance state {word}")))
}

/// Planned and running windows of these machines, the next first.
pub(in crate::machines) async fn windows(tx: &mut Tx, machines: &[i64]) -> Result<Vec<(i64, MaintenanceView)>> {
    let rows = sqlx::query!(
        "select id, machine_id, starts_at, ends_at, message, state, created_name from maintenance_windows
         where machine_id = any($1) and state in ('planned', 'active') order by starts_at, id",
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = maintenance_state(&row.state)?;
            let view = MaintenanceView {
                id: MaintenanceId(row.id),
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                message: row.message,
                state,
                created_by: row.created_name,
            };
            Ok((row.machine_id, view))
        })
        .collect()
}

/// Windows of a machine that began, the newest first; one that was ended early ends when it was.
pub(in crate::machines) async fn past_windows(
    tx: &mut Tx,
    machine: MachineId,
    now: DateTime<Utc>,
    most: u32,
) -> Result<Vec<MaintenanceView>> {
    let rows = sqlx::query!(
        r#"select id, starts_at, least(ends_at, ended_at) as "ends_at!", message, state, created_name
           from maintenance_windows
           where machine_id = $1 and state in ('active', 'ended') and state_before is not null and starts_at <= $2
           order by starts_at desc, id desc limit $3"#,
        machine.0,
        now,
        i64::from(most)
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(MaintenanceView {
                id: MaintenanceId(row.id),
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                message: row.message,
                state: maintenance_state(&row.state)?,
                created_by: row.created_name,
            })
        })
        .collect()
}

/// A window that is over; `state_before` when it had begun.
pub(in crate::machines) struct EndedWindow {
    pub state_before: Option<ServiceState>,
    /// As it was planned.
    pub period: (DateTime<Utc>, DateTime<Utc>),
}

struct EndedRow {
    state_before: Option<String>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

fn ended(rows: Vec<EndedRow>) -> Result<Vec<EndedWindow>> {
    rows.into_iter()
        .map(|row| {
            let state_before = row.state_before.as_deref().map(service_state).transpose()?;
            Ok(EndedWindow { state_before, period: (row.starts_at, row.ends_at) })
        })
        .collect()
}

/// Ends one window of a machine, or all of them: what had not begun is cancelled.
pub(in crate::machines) async fn end_window(
    tx: &mut Tx,
    machine: MachineId,
    window: Option<MaintenanceId>,
    now: DateTime<Utc>,
) -> Result<Vec<EndedWindow>> {
    let rows = sqlx::query_as!(
        EndedRow,
        "update maintenance_windows
         set state = case when state = 'active' then 'ended' else 'cancelled' end, ended_at = $3
         where machine_id = $1 and ($2::bigint is null or id = $2) and state in ('planned', 'active')
         returning state_before, starts_at, ends_at",
        machine.0,
        window.map(|window| window.0),
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    ended(rows)
}

/// Ends what has run its time.
pub(in crate::machines) async fn end_windows_past(
    tx: &mut Tx,
    machine: MachineId,
    now: DateTime<Utc>,
) -> Result<Vec<EndedWindow>> {
    let rows = sqlx::query_as!(
        EndedRow,
        "update maintenance_windows set state = 'ended', ended_at = $2
         where machine_id = $1 and state in ('planned', 'active') and ends_at <= $2
         returning state_before, starts_at, ends_at",
        machine.0,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    ended(rows)
}

/// Begins the window whose time has come; it, when one began. Not on a retired machine.
pub(in crate::machines) async fn begin_window(
    tx: &mut Tx,
    machine: MachineId,
    now: DateTime<Utc>,
) -> Result<Option<Window>> {
    Ok(sqlx::query_as!(
        Window,
        "update maintenance_windows w set state = 'active', state_before = m.service_state
         from machines m
         where m.id = w.machine_id and w.machine_id = $1 and w.state = 'planned' and w.starts_at <= $2
           and w.ends_at > $2 and m.service_state not in ('retired', 'maintenance')
         returning w.starts_at, w.ends_at, w.message",
        machine.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

pub(in crate::machines) async fn machines_with_due_windows(
    tx: &mut Tx,
    now: DateTime<Utc>,
) -> Result<Vec<(MachineId, String)>> {
    let rows = sqlx::query!(
        "select distinct m.id, m.code from maintenance_windows w join machines m on m.id = w.machine_id
         where m.deleted_at is null and (w.state = 'planned' and w.starts_at <= $1 or w.state = 'active' and w.ends_at <= $1)",
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (MachineId(row.id), row.code)).collect())
}

pub(in crate::machines) async fn service_states(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, ServiceState>> {
    let rows =
        sqlx::query!("select id, service_state from machines where id = any($1)", ids).fetch_all(&mut **tx).await?;
    rows.into_iter().map(|row| Ok((row.id, service_state(&row.service_state)?))).collect()
}

pub(in crate::machines) struct Connection {
    pub port: Option<u32>,
    pub user: Option<String>,
    pub hami_core_path: Option<String>,
    pub forget: bool,
    pub secret: Option<(SecretKind, Vec<u8>)>,
}

pub(in crate::machines) async fn set_connection(
    tx: &mut Tx,
    granted: &Granted<ConnectMachine>,
    new: &Connection,
    now: DateTime<Utc>,
) -> Result<()> {
    let (kind, secret) = new.secret.as_ref().map(|(kind, sealed)| (kind.code(), &sealed[..])).unzip();
    sqlx::query!(
        "update machines set ssh_port = $2, ssh_user = $3, hami_core_path = $4,
                ssh_secret = case when $6::bytea is not null then $6 when $7 then null else ssh_secret end,
                ssh_secret_kind = case when $6::bytea is not null then $5 when $7 then null else ssh_secret_kind end,
                ssh_secret_set_at = case when $6::bytea is not null then $8 when $7 then null else ssh_secret_set_at end,
                revision = revision + 1
         where id = $1",
        granted.id().0,
        new.port.and_then(|port| i32::try_from(port).ok()),
        new.user,
        new.hami_core_path,
        kind,
        secret,
        new.forget,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::machines) async fn connection(tx: &mut Tx, machine: i64) -> Result<ConnectionView> {
    let row = sqlx::query!(
        "select ssh_port, ssh_user, ssh_secret_kind, ssh_secret_set_at, hami_core_path from machines where id = $1",
        machine
    )
    .fetch_one(&mut **tx)
    .await?;
    let keys = super::host_keys(tx, contract::MachineId(machine)).await?.and_then(|keys| {
        Some(HostKeysView {
            account: keys.account?,
            fingerprints: keys.fingerprints,
            others: keys.others,
            fault: keys.fault,
            detail: keys.detail,
            seen_at: keys.seen_at,
        })
    });
    Ok(ConnectionView {
        port: row.ssh_port.map(i32::unsigned_abs),
        user: row.ssh_user,
        secret_kind: row.ssh_secret_kind.as_deref().and_then(SecretKind::parse),
        secret_set_at: row.ssh_secret_set_at,
        hami_core_path: row.hami_core_path,
        keys,
    })
}
