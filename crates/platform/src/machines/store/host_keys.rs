//! SQL of the keys that agents keep on their hosts.

use std::collections::HashMap;

use contract::MachineId;
use contract::machines::{HostKeysFault, SshAccess};

use crate::Result;
use crate::authz::{Granted, ReportMetrics};
use crate::db::Tx;
use crate::machines::{HostKeys, Logged};

pub(in crate::machines) async fn host_keys(tx: &mut Tx, machine: MachineId) -> Result<Option<HostKeys>> {
    Ok(all_host_keys(tx, &[machine]).await?.remove(&machine))
}

pub(in crate::machines) async fn all_host_keys(
    tx: &mut Tx,
    machines: &[MachineId],
) -> Result<HashMap<MachineId, HostKeys>> {
    let ids: Vec<i64> = machines.iter().map(|machine| machine.0).collect();
    let rows = sqlx::query!(
        "select machine_id, account, fingerprints, others, others_before, others_lease, processes, lease_id, reclaim_id, fault, detail,
                sshd_keys, seen_at, logged_since, logged, unlogged
         from host_keys where machine_id = any($1)",
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let found = rows.into_iter().map(|row| {
        let keys = HostKeys {
            account: row.account,
            fingerprints: row.fingerprints,
            others: row.others.unsigned_abs(),
            others_before: row.others_lease.zip(row.others_before.map(i32::unsigned_abs)),
            processes: row.processes.map(i32::unsigned_abs),
            lease: row.lease_id,
            reclaim: row.reclaim_id,
            fault: row.fault.as_deref().and_then(HostKeysFault::parse),
            detail: row.detail,
            sshd_keys: row.sshd_keys,
            seen_at: row.seen_at,
            logged: Logged {
                since: row.logged_since,
                count: row.logged.unsigned_abs(),
                left_out: row.unlogged.unsigned_abs(),
            },
        };
        (MachineId(row.machine_id), keys)
    });
    Ok(found.collect())
}

pub(in crate::machines) async fn keys_accounts(tx: &mut Tx, machines: &[i64]) -> Result<HashMap<i64, String>> {
    let rows = sqlx::query!(
        r#"select machine_id, account as "account!" from host_keys
           where machine_id = any($1) and account is not null"#,
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.machine_id, row.account)).collect())
}

/// How each of these hosts is reached, without a secret, by code.
pub(in crate::machines) async fn ssh_access_of(tx: &mut Tx, codes: &[String]) -> Result<HashMap<String, SshAccess>> {
    let rows = sqlx::query!(
        r#"select m.code, coalesce(m.public_address, m.private_address) as host, m.ssh_port, m.ssh_user,
                  k.account as "account?", k.fault as "fault?"
           from machines m left join host_keys k on k.machine_id = m.id
           where m.deleted_at is null and m.code = any($1)"#,
        codes
    )
    .fetch_all(&mut **tx)
    .await?;
    let found = rows.into_iter().map(|row| {
        // The account in which an agent keeps keys goes before what somebody entered.
        let keys_by_agent = row.account.is_some();
        let access = SshAccess::new(row.host, row.ssh_port.map(i32::unsigned_abs), row.account.or(row.ssh_user));
        let keys_hindered = keys_by_agent && row.fault.is_some();
        (row.code, SshAccess { keys_by_agent, keys_hindered, ..access })
    });
    Ok(found.collect())
}

pub(in crate::machines) async fn set_keys_account(
    tx: &mut Tx,
    granted: &Granted<ReportMetrics>,
    account: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "insert into host_keys (machine_id, account) values ($1, $2)
         on conflict (machine_id) do update set account = excluded.account",
        granted.id().0,
        account
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The account is said when the link opens, and stays.
pub(in crate::machines) async fn set_host_keys(
    tx: &mut Tx,
    granted: &Granted<ReportMetrics>,
    found: &HostKeys,
) -> Result<()> {
    sqlx::query!(
        "insert into host_keys (machine_id, fingerprints, others, lease_id, fault, detail, seen_at, sshd_keys, reclaim_id,
           others_before, others_lease, processes, logged_since, logged, unlogged)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (machine_id) do update
           set fingerprints = excluded.fingerprints, others = excluded.others, lease_id = excluded.lease_id,
               fault = excluded.fault, detail = excluded.detail, seen_at = excluded.seen_at, sshd_keys = excluded.sshd_keys,
               reclaim_id = excluded.reclaim_id, others_before = excluded.others_before,
               others_lease = excluded.others_lease, processes = excluded.processes,
               logged_since = excluded.logged_since, logged = excluded.logged, unlogged = excluded.unlogged",
        granted.id().0,
        &found.fingerprints,
        i32::try_from(found.others).unwrap_or(i32::MAX),
        found.lease,
        found.fault.map(HostKeysFault::code),
        found.detail,
        found.seen_at,
        &found.sshd_keys,
        found.reclaim,
        found.others_before.and_then(|(_, count)| i32::try_from(count).ok()),
        found.others_before.map(|(lease, _)| lease),
        found.processes.and_then(|count| i32::try_from(count).ok()),
        found.logged.since,
        i32::try_from(found.logged.count).unwrap_or(i32::MAX),
        i32::try_from(found.logged.left_out).unwrap_or(i32::MAX)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
