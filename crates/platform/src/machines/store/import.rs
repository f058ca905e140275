//! SQL of importing machines. What is staged lies in the tables of `imports`: a fleet of a hundred
//! thousand rows is compared and written where it lies.

use std::collections::{HashMap, HashSet};

use contract::machines::DeclaredHardware;
use contract::{ImportId, MachineId};

use super::{json, pool};
use crate::authz::{CreateMachine, Granted, UpdateMachine};
use crate::db::Tx;
use crate::machines::import::{Existing, Written};
use crate::{Error, Result};

/// Machines with one of these codes, or one of these names in lower case.
pub(in crate::machines) async fn existing(tx: &mut Tx, codes: &[String], names: &[String]) -> Result<Vec<Existing>> {
    let rows = sqlx::query!(
        r#"select id, code, name, region, public_address, private_address, pool, monitored, listed, remark, declared,
                  revision
           from machines where id = any(array(select id from machines where deleted_at is null and code = any($1)
                                              union select id from machines where deleted_at is null and name_key = any($2)))"#,
        codes,
        names
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let declared: DeclaredHardware = json(row.declared)?;
            Ok(Existing {
                id: MachineId(row.id),
                code: row.code,
                revision: row.revision,
                written: Written {
                    name: row.name,
                    region: row.region,
                    public_address: row.public_address,
                    private_address: row.private_address,
                    pool: pool(&row.pool)?,
                    monitored: row.monitored,
                    listed: row.listed,
                    remark: row.remark,
                    declared,
                },
            })
        })
        .collect()
}

/// Machines that it would let in another way than they are; locked, so that nobody takes one before it is written.
pub(in crate::machines) async fn pool_changes(tx: &mut Tx, id: ImportId) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!(
        "select m.id from import_rows r join machines m on m.code = r.code and m.deleted_at is null
         where r.import_id = $1 and r.verdict = 'update' and m.pool <> r.written->>'pool'
         order by m.id for update of m",
        id.0
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Keeps the machines with these codes as they are for this transaction: those that an agent reports for.
pub(in crate::machines) async fn lock_joined(tx: &mut Tx, codes: &[String]) -> Result<HashSet<String>> {
    let rows = sqlx::query!(
        r#"select code, node_key_hash is not null as "joined!" from machines
           where deleted_at is null and code = any($1) order by id for update"#,
        codes
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().filter(|row| row.joined).map(|row| row.code).collect())
}

/// Writes what there was of machines that an import changed.
pub(in crate::machines) async fn restore(tx: &mut Tx, machines: &[(Granted<UpdateMachine>, Written)]) -> Result<()> {
    let ids: Vec<i64> = machines.iter().map(|(granted, _)| granted.id().0).collect();
    let written = machines.iter().map(|(_, earlier)| serde_json::to_value(earlier).map_err(Error::internal));
    let written = written.collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "update machines m set name = w->>'name', region = w->>'region', public_address = w->>'public_address',
                private_address = w->>'private_address', pool = w->>'pool', monitored = (w->>'monitored')::boolean,
                listed = (w->>'listed')::boolean, remark = w->>'remark', declared = w->'declared', revision = m.revision + 1
         from unnest($1::bigint[], $2::jsonb[]) as t (id, w) where m.id = t.id and m.deleted_at is null",
        &ids,
        &written
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ids of the machines that these rows of a confirmed import wrote, by row; none of a row that a server of the version before
/// wrote.
pub(in crate::machines) async fn written_by(tx: &mut Tx, id: ImportId, rows: &[u32]) -> Result<HashMap<u32, i64>> {
    let numbers: Vec<i32> = rows.iter().map(|row| i32::try_from(*row).unwrap_or(i32::MAX)).collect();
    let found = sqlx::query!(
        r#"select row_number, machine_id as "machine!" from import_rows
           where import_id = $1 and row_number = any($2) and machine_id is not null"#,
        id.0,
        &numbers
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(found.into_iter().map(|row| (row.row_number.unsigned_abs(), row.machine)).collect())
}

/// Writes the staged rows, each with its machine: how many machines are new and how many changed. A machine that changed since
/// is left out, which the caller sees by the number.
pub(in crate::machines) async fn apply(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    id: ImportId,
) -> Result<(u32, u32)> {
    let updated = sqlx::query!(
        "update machines m set name = r.written->>'name', region = r.written->>'region',
                public_address = r.written->>'public_address', private_address = r.written->>'private_address',
                pool = r.written->>'pool', monitored = (r.written->>'monitored')::boolean,
                listed = (r.written->>'listed')::boolean, remark = r.written->>'remark',
                declared = r.written->'declared', revision = m.revision + 1
         from import_rows r
         where r.import_id = $1 and r.verdict = 'update' and m.code = r.code and m.revision = r.base_revision
           and m.deleted_at is null",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    let new = sqlx::query!(
        "insert into machines (code, name, region, public_address, private_address, pool, monitored, listed, remark, declared)
         select code, written->>'name', written->>'region', written->>'public_address', written->>'private_address',
                written->>'pool', (written->>'monitored')::boolean, (written->>'listed')::boolean, written->>'remark',
                written->'declared'
         from import_rows where import_id = $1 and verdict = 'new' order by row_number",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update import_rows r set machine_id = m.id from machines m
         where r.import_id = $1 and r.verdict in ('new', 'update') and m.code = r.code and m.deleted_at is null",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    let count = |rows: u64| u32::try_from(rows).unwrap_or(u32::MAX);
    Ok((count(new.rows_affected()), count(updated.rows_affected())))
}

/// Whether a row may turn out differently from how it was judged: one look at all of them, where nothing changed the only
/// one. Errors that only speak of the sheet itself stay what they are; the others are worth a second look.
pub(in crate::machines) async fn is_stale(tx: &mut Tx, id: ImportId) -> Result<bool> {
    // `offset 0` keeps the names' two halves apart: joined, a plan without fresh statistics compares every row with every
    // machine, because behind row-level security lower(…) may not lead into an index.
    let stale = sqlx::query_scalar!(
        r#"select exists(
             select from import_rows r
             where r.import_id = $1 and r.verdict in ('update', 'unchanged')
               and not exists(select from machines m
                              where m.code = r.code and m.deleted_at is null and m.revision = r.base_revision)
           ) or exists(
             select from import_rows r join machines m on m.code = r.code and m.deleted_at is null
             where r.import_id = $1 and r.verdict = 'new'
           ) or exists(
             select from (select r.code, lower(r.written->>'name') as name_key from import_rows r
                          where r.import_id = $1 and r.verdict <> 'error' offset 0) named
             where exists(select from machines m
                          where m.deleted_at is null and m.name_key = named.name_key and m.code <> named.code offset 0)
           ) or exists(
             select from import_rows r, jsonb_array_elements(r.faults) fault
             where r.import_id = $1 and r.verdict = 'error' and fault->'note'->>'key' in
               ('field-machine-code-taken', 'field-machine-name-taken', 'field-import-twice', 'field-pool-allocated',
                'field-pool-instances')
           ) as "stale!""#,
        id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(stale)
}
