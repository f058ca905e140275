//! SQL of when engines are looked at. Leases and turns are of the database's time, so that servers agree about them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::MachineId;
use uuid::Uuid;

use crate::Result;
use crate::db::Tx;
use crate::engines::looks::DueLook;

pub(in crate::engines) async fn take_due(
    tx: &mut Tx,
    server: Uuid,
    limit: i64,
    lease: Duration,
) -> Result<Vec<DueLook>> {
    let token = Uuid::new_v4();
    // One that has no row yet was described just now, or by a server of the version before.
    let machines = sqlx::query_scalar!(
        "with due as (
           select e.machine_id from engine_connections e left join engine_looks l on l.machine_id = e.machine_id
           where (l.machine_id is null
                  or (l.next_at <= now() and (l.lease_until is null or l.lease_until < now())))
             and not exists (select from node_links n where n.machine_id = e.machine_id and e.kind = 'agent'
                             and n.server_id <> $1 and n.lease_until > now())
           order by l.next_at nulls first, e.machine_id limit $2)
         insert into engine_looks as l (machine_id, lease_token, lease_until)
         select machine_id, $3, now() + make_interval(secs => $4) from due
         on conflict (machine_id) do update
           set lease_token = excluded.lease_token, lease_until = excluded.lease_until, asked = false
           where l.next_at <= now() and (l.lease_until is null or l.lease_until < now())
         returning machine_id",
        server,
        limit,
        token,
        lease.as_secs_f64()
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(machines.into_iter().map(|id| DueLook { machine: MachineId(id), token }).collect())
}

/// Without a finding, what was known of it stays.
pub(in crate::engines) async fn give_back(
    tx: &mut Tx,
    look: &DueLook,
    found: Option<std::result::Result<(), &str>>,
    (now, again): (DateTime<Utc>, Duration),
) -> Result<()> {
    sqlx::query!(
        "update engine_looks
         set lease_token = null, lease_until = null, asked = false,
             next_at = now() + case when asked then interval '0' else make_interval(secs => $3) end,
             looked_at = case when $4 then $5 else looked_at end,
             answered_at = case when $4 and $6::text is null then $5 else answered_at end,
             fault = case when $4 then $6 else fault end
         where machine_id = $1 and lease_token = $2",
        look.machine.0,
        look.token,
        again.as_secs_f64(),
        found.is_some(),
        now,
        found.and_then(std::result::Result::err)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::engines) async fn ask(tx: &mut Tx, machine: MachineId) -> Result<()> {
    sqlx::query!(
        "update engine_looks set next_at = least(next_at, now()), asked = true where machine_id = $1",
        machine.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// When it answered last.
pub(in crate::engines) async fn answered(tx: &mut Tx, machine: MachineId) -> Result<Option<DateTime<Utc>>> {
    let at = sqlx::query_scalar!("select answered_at from engine_looks where machine_id = $1", machine.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(at.flatten())
}

/// Its connection is another one now: what was found out of the one before says nothing.
/// Whether it said how much its instances store; each time that it does not in a row, it is left alone for twice as long.
pub(in crate::engines) async fn measured(
    tx: &mut Tx,
    machine: MachineId,
    fault: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into engine_looks as l (machine_id, disks_fault, disks_failures, disks_retry_at)
         select machine_id, $2::text, case when $2::text is null then 0 else 1 end,
                case when $2::text is not null then $3::timestamptz + interval '20 minutes' end
         from engine_connections where machine_id = $1
         on conflict (machine_id) do update
           set disks_fault = excluded.disks_fault,
               disks_failures = case when excluded.disks_fault is null then 0 else l.disks_failures + 1 end,
               disks_retry_at = case when excluded.disks_fault is not null
                 then $3::timestamptz + make_interval(mins => 20 * (1 << least(l.disks_failures, 3))) end",
        machine.0,
        fault,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::engines) async fn forget(tx: &mut Tx, machine: MachineId) -> Result<()> {
    sqlx::query!("delete from engine_looks where machine_id = $1", machine.0).execute(&mut **tx).await?;
    Ok(())
}
