//! SQL of how engines are reached.

pub(super) mod identity;
pub(super) mod looks;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::engines::{EngineKind, EngineReport};
use runtime::docker::Fault;
use serde_json::Value;

use super::check::Pems;
use crate::authz::{ConnectMachine, Granted, OperateMachine};
use crate::db::Tx;
use crate::{Error, Platform, Result};

pub(super) const CA: &str = "ca_certificate";
pub(super) const CERTIFICATE: &str = "client_certificate";
pub(super) const KEY: &str = "client_key";

/// What a sealed text is bound to.
pub(super) fn place(column: &str, id: MachineId) -> String {
    format!("engine_connections.{column}:{}", id.0)
}

/// A connection as it is kept.
pub(super) struct Row {
    pub kind: EngineKind,
    pub socket: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    ca: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub engine_expires_at: Option<DateTime<Utc>>,
    pub revision: i64,
    pub updated_at: DateTime<Utc>,
    pub last_tested_at: Option<DateTime<Utc>>,
    pub last_fault: Option<String>,
    pub last_detail: Option<String>,
    pub last_report: Option<Value>,
    /// Why it does not say how much its instances store.
    pub disks_fault: Option<String>,
    pub engine_id: Option<String>,
    pub other_engine_id: Option<String>,
    pub other_since: Option<DateTime<Utc>>,
}

impl Row {
    /// Its certificates and key; nothing for a socket.
    pub(super) fn open(&self, platform: &Platform, id: MachineId) -> Result<Option<Pems>> {
        let (Some(ca), Some(certificate), Some(key)) = (&self.ca, &self.certificate, &self.key) else {
            return Ok(None);
        };
        let open = |column, sealed: &[u8]| {
            let text = platform.keyring().open(&place(column, id), sealed)?;
            String::from_utf8(text).map_err(Error::internal)
        };
        Ok(Some(Pems { ca: open(CA, ca)?, certificate: open(CERTIFICATE, certificate)?, key: open(KEY, key)? }))
    }
}

/// What is written.
pub(super) struct Sealed {
    pub kind: EngineKind,
    pub socket: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub ca: Option<Vec<u8>>,
    pub certificate: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl Default for Sealed {
    fn default() -> Self {
        Self {
            kind: EngineKind::Local,
            socket: None,
            host: None,
            port: None,
            ca: None,
            certificate: None,
            key: None,
            expires_at: None,
        }
    }
}

/// What a test found out; with the end of the engine's own certificate.
pub(super) struct Tested {
    pub at: DateTime<Utc>,
    pub result: std::result::Result<(EngineReport, Option<DateTime<Utc>>), Fault>,
}

pub(super) async fn find(tx: &mut Tx, machine: MachineId) -> Result<Option<Row>> {
    let row = sqlx::query!(
        "select kind, socket, host, port, ca_certificate, client_certificate, client_key, expires_at,
                engine_expires_at, revision, updated_at, last_tested_at, last_fault, last_detail, last_report,
                engine_id, other_engine_id, other_since,
                (select l.disks_fault from engine_looks l where l.machine_id = e.machine_id) as disks_fault
         from engine_connections e where e.machine_id = $1",
        machine.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let kind = EngineKind::parse(&row.kind)
        .ok_or_else(|| Error::internal(format!("unknown kind of connection {}", row.kind)))?;
    Ok(Some(Row {
        kind,
        socket: row.socket,
        host: row.host,
        port: row.port.map(u16::try_from).transpose().map_err(Error::internal)?,
        ca: row.ca_certificate,
        certificate: row.client_certificate,
        key: row.client_key,
        expires_at: row.expires_at,
        engine_expires_at: row.engine_expires_at,
        revision: row.revision,
        updated_at: row.updated_at,
        last_tested_at: row.last_tested_at,
        last_fault: row.last_fault,
        last_detail: row.last_detail,
        last_report: row.last_report,
        disks_fault: row.disks_fault,
        engine_id: row.engine_id,
        other_engine_id: row.other_engine_id,
        other_since: row.other_since,
    }))
}

/// What is known of the engines of these machines, by machine.
pub(super) async fn known(tx: &mut Tx, machines: &[i64]) -> Result<HashMap<i64, super::KnownEngine>> {
    let rows = sqlx::query!(
        r#"select e.machine_id as "machine_id!", e.kind as "kind!", e.last_tested_at, e.last_fault, e.last_report,
                  l.looked_at as "looked_at?", l.answered_at as "answered_at?", l.fault as "fault?"
           from engine_connections e left join engine_looks l on l.machine_id = e.machine_id
           where e.machine_id = any($1)"#,
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    let known = rows.into_iter().map(|row| {
        let report: Option<EngineReport> =
            row.last_report.map(serde_json::from_value).transpose().map_err(Error::internal)?;
        // Whoever asked last knows best: somebody's test, or the look that comes round.
        let looked_since = row.looked_at > row.last_tested_at;
        let engine = super::KnownEngine {
            by_agent: EngineKind::parse(&row.kind) == Some(EngineKind::Agent),
            fault: if looked_since { row.fault } else { row.last_fault },
            heard_at: row.answered_at.max(row.last_tested_at.filter(|_| report.is_some())),
            report,
        };
        Ok((row.machine_id, engine))
    });
    known.collect()
}

/// See [`super::described`].
pub(super) async fn described(
    tx: &mut Tx,
    machine: Option<MachineId>,
    (page, size): (u32, u32),
) -> Result<(Vec<(MachineId, EngineKind)>, u64)> {
    let only = machine.map(|machine| machine.0);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "n!" from engine_connections where $1::bigint is null or machine_id = $1"#,
        only
    )
    .fetch_one(&mut **tx)
    .await?;
    let rows = sqlx::query!(
        "select machine_id, kind from engine_connections where $1::bigint is null or machine_id = $1
         order by machine_id limit $2 offset $3",
        only,
        i64::from(size),
        i64::from(page - 1) * i64::from(size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let known = rows.into_iter().map(|row| {
        let kind = EngineKind::parse(&row.kind)
            .ok_or_else(|| Error::internal(format!("unknown kind of connection {}", row.kind)))?;
        Ok((MachineId(row.machine_id), kind))
    });
    Ok((known.collect::<Result<_>>()?, total.unsigned_abs()))
}

/// Certificates that end soon.
pub(super) struct Ending {
    pub machine: MachineId,
    /// The first end of those that are stored and the engine's own.
    pub ends_at: DateTime<Utc>,
    /// The end people were told of last, and how many days before.
    warned: Option<(DateTime<Utc>, i64)>,
}

impl Ending {
    /// Whether people know of this end in this step, or a later one.
    pub(super) fn was_told(&self, days: i64) -> bool {
        self.warned.is_some_and(|(of, told)| of == self.ends_at && told <= days)
    }
}

/// Those that end before; locked, and without those another server looks at.
pub(super) async fn ending(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<Ending>> {
    let rows = sqlx::query!(
        r#"select machine_id, least(expires_at, engine_expires_at) as "ends_at!", warned_of, warned_days
           from engine_connections where least(expires_at, engine_expires_at) <= $1
           order by machine_id for update skip locked"#,
        before
    )
    .fetch_all(&mut **tx)
    .await?;
    let ending = |machine: i64, ends_at, of: Option<DateTime<Utc>>, days: Option<i32>| Ending {
        machine: MachineId(machine),
        ends_at,
        warned: of.zip(days.map(i64::from)),
    };
    Ok(rows.into_iter().map(|row| ending(row.machine_id, row.ends_at, row.warned_of, row.warned_days)).collect())
}

/// People have been told.
pub(super) async fn set_warned(tx: &mut Tx, machine: MachineId, of: DateTime<Utc>, days: i64) -> Result<()> {
    let days = i32::try_from(days).map_err(Error::internal)?;
    sqlx::query!(
        "update engine_connections set warned_of = $2, warned_days = $3 where machine_id = $1",
        machine.0,
        of,
        days
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes it, new or anew; what a test found out before goes.
pub(super) async fn save(tx: &mut Tx, granted: &Granted<ConnectMachine>, new: &Sealed) -> Result<()> {
    sqlx::query!(
        "insert into engine_connections
           (machine_id, kind, socket, host, port, ca_certificate, client_certificate, client_key, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (machine_id) do update
           set kind = excluded.kind, socket = excluded.socket, host = excluded.host, port = excluded.port,
               ca_certificate = excluded.ca_certificate, client_certificate = excluded.client_certificate,
               client_key = excluded.client_key, expires_at = excluded.expires_at, engine_expires_at = null,
               last_tested_at = null, last_fault = null, last_detail = null, last_report = null,
               other_engine_id = null, other_since = null,
               revision = nextval('engine_connections_revision')",
        granted.id().0,
        new.kind.code(),
        new.socket,
        new.host,
        new.port.map(i32::from),
        new.ca,
        new.certificate,
        new.key,
        new.expires_at
    )
    .execute(&mut **tx)
    .await?;
    looks::forget(tx, granted.id()).await
}

pub(super) async fn delete(tx: &mut Tx, machine: MachineId) -> Result<()> {
    sqlx::query!("delete from engine_connections where machine_id = $1", machine.0).execute(&mut **tx).await?;
    Ok(())
}

/// False when it is another connection by now.
pub(super) async fn set_tested(
    tx: &mut Tx,
    granted: &Granted<OperateMachine>,
    revision: i64,
    tested: &Tested,
) -> Result<bool> {
    let (report, expires_at, fault) = match &tested.result {
        Ok((report, expires_at)) => (Some(report), *expires_at, None),
        Err(fault) => (None, None, Some(fault)),
    };
    let report = report.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    // The end of the engine's own certificate stays known while it cannot be reached.
    let done = sqlx::query!(
        "update engine_connections
         set last_tested_at = $3, last_fault = $4, last_detail = $5, last_report = $6,
             engine_expires_at = coalesce($7, engine_expires_at)
         where machine_id = $1 and revision = $2",
        granted.id().0,
        revision,
        tested.at,
        fault.map(|fault| fault.kind.code()),
        fault.map(|fault| fault.detail.as_str()),
        report,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
