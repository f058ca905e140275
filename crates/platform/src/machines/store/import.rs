//! SQL of staged imports, and of the export.

use chrono::{DateTime, Utc};
use contract::machines::{DeclaredHardware, ImportRow, ImportRowQuery, ImportState, ImportView, Note, RowVerdict};
use contract::{ImportId, MachineId};

pub(in crate::machines) use super::import_again::{
    count_again, forget_differences, is_stale, judge_again, judged_after,
};
pub(in crate::machines) use super::import_parts::{insert_part, note_size, part, staged};
use super::{json, pool, to_json};
use crate::authz::{CreateMachine, Granted};
use crate::db::Tx;
use crate::machines::import::{Existing, Judged, Written};
use crate::{Error, OpContext, Result};

/// Rows fetched at once, for a workbook or to be judged.
pub(super) const CHUNK: i64 = 1000;

/// A machine as a workbook has it.
#[derive(Clone, Debug)]
pub struct ExportRow {
    pub code: String,
    pub machine: Written,
}

pub(in crate::machines) async fn insert(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    file_name: &str,
    ctx: &OpContext,
    expires_at: DateTime<Utc>,
) -> Result<ImportId> {
    let id = sqlx::query_scalar!(
        "insert into machine_imports (file_name, created_by, created_name, created_at, expires_at)
         values ($1, $2, $3, $4, $5) returning id",
        file_name,
        ctx.user().map(|user| user.id.0),
        ctx.user().map(|user| user.display_name.clone()).unwrap_or_default(),
        ctx.now(),
        expires_at
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(ImportId(id))
}

pub(in crate::machines) async fn get(tx: &mut Tx, id: ImportId) -> Result<Option<ImportView>> {
    let row = sqlx::query!(
        r#"select id, file_name, state, refusal, sheet, unknown_columns, row_count, new_rows, update_rows, unchanged_rows,
                error_rows, created_name, created_at, expires_at, confirmed_at,
                (select count(*) from machine_import_rows where import_id = $1 and was is not null) as "changed_rows!"
         from machine_imports where id = $1"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ImportView {
        id,
        file_name: row.file_name,
        state: ImportState::parse(&row.state)
            .ok_or_else(|| Error::internal(format!("unknown import state {}", row.state)))?,
        refusal: row.refusal.map(json).transpose()?,
        sheet: row.sheet,
        unknown_columns: row.unknown_columns,
        rows: row.row_count.unsigned_abs(),
        new_rows: row.new_rows.unsigned_abs(),
        update_rows: row.update_rows.unsigned_abs(),
        unchanged_rows: row.unchanged_rows.unsigned_abs(),
        error_rows: row.error_rows.unsigned_abs(),
        changed_rows: u32::try_from(row.changed_rows).unwrap_or(u32::MAX),
        created_by: row.created_name,
        created_at: row.created_at,
        expires_at: row.expires_at,
        confirmed_at: row.confirmed_at,
    }))
}

/// As [`get`], and nobody else confirms or discards it meanwhile.
pub(in crate::machines) async fn lock(tx: &mut Tx, id: ImportId) -> Result<Option<ImportView>> {
    sqlx::query!("select id from machine_imports where id = $1 for update", id.0).fetch_optional(&mut **tx).await?;
    get(tx, id).await
}

/// The workbook as the version before stored it.
pub(in crate::machines) async fn content(tx: &mut Tx, id: ImportId) -> Result<Option<Vec<u8>>> {
    let content = sqlx::query_scalar!("select content from machine_imports where id = $1", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(content.flatten())
}

pub(in crate::machines) async fn forget_rows(tx: &mut Tx, id: ImportId) -> Result<()> {
    sqlx::query!("delete from machine_import_rows where import_id = $1", id.0).execute(&mut **tx).await?;
    sqlx::query!(
        "update machine_imports set row_count = 0, new_rows = 0, update_rows = 0, unchanged_rows = 0, error_rows = 0
         where id = $1",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::machines) async fn insert_rows(tx: &mut Tx, id: ImportId, rows: &[Judged]) -> Result<()> {
    let numbers: Vec<i32> = rows.iter().map(|row| i32::try_from(row.row).unwrap_or(i32::MAX)).collect();
    let verdicts: Vec<String> = rows.iter().map(|row| row.verdict.code().to_owned()).collect();
    let codes: Vec<Option<String>> = rows.iter().map(|row| row.code.clone()).collect();
    let cells = rows.iter().map(|row| to_json(&row.cells)).collect::<Result<Vec<_>>>()?;
    let machines = rows.iter().map(|row| row.machine.as_ref().map(to_json).transpose()).collect::<Result<Vec<_>>>()?;
    // Arrays of arrays do not travel; the names hold no comma.
    let changes: Vec<String> = rows.iter().map(|row| row.changes.join(",")).collect();
    let faults = rows.iter().map(|row| to_json(&row.faults)).collect::<Result<Vec<_>>>()?;
    let revisions: Vec<Option<i64>> = rows.iter().map(|row| row.base_revision).collect();
    sqlx::query!(
        "insert into machine_import_rows (import_id, row_number, verdict, code, cells, machine, changes, faults, base_revision)
         select $1, n, v, c, cells, m, case when ch = '' then '{}' else string_to_array(ch, ',') end, f, r
         from unnest($2::int[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::text[], $8::jsonb[], $9::bigint[])
              as t (n, v, c, cells, m, ch, f, r)",
        id.0,
        &numbers,
        &verdicts,
        &codes as &[Option<String>],
        &cells,
        &machines as &[Option<serde_json::Value>],
        &changes,
        &faults,
        &revisions as &[Option<i64>]
    )
    .execute(&mut **tx)
    .await?;
    let count = |verdict: RowVerdict| rows.iter().filter(|row| row.verdict == verdict).count() as i32;
    sqlx::query!(
        "update machine_imports set row_count = row_count + $2, new_rows = new_rows + $3,
                update_rows = update_rows + $4, unchanged_rows = unchanged_rows + $5, error_rows = error_rows + $6
         where id = $1",
        id.0,
        rows.len() as i32,
        count(RowVerdict::New),
        count(RowVerdict::Update),
        count(RowVerdict::Unchanged),
        count(RowVerdict::Error)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::machines) async fn note_sheet(tx: &mut Tx, id: ImportId, sheet: &str, unknown: &[String]) -> Result<()> {
    sqlx::query!("update machine_imports set sheet = $2, unknown_columns = $3 where id = $1", id.0, sheet, unknown)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Unless somebody discarded it meanwhile.
pub(in crate::machines) async fn finish_reading(tx: &mut Tx, id: ImportId) -> Result<()> {
    sqlx::query!(
        "update machine_imports set state = 'ready', content = null where id = $1 and state = 'reading'",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    forget_parts(tx, id).await
}

/// What is read, refused or over needs its workbook no more.
async fn forget_parts(tx: &mut Tx, id: ImportId) -> Result<()> {
    sqlx::query!(
        "delete from machine_import_parts p using machine_imports i
         where p.import_id = $1 and i.id = $1 and i.state <> 'reading'",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::machines) async fn refuse(tx: &mut Tx, id: ImportId, note: &Note) -> Result<()> {
    sqlx::query!(
        "update machine_imports set state = 'refused', refusal = $2, content = null where id = $1 and state = 'reading'",
        id.0,
        to_json(note)?
    )
    .execute(&mut **tx)
    .await?;
    forget_parts(tx, id).await
}

pub(in crate::machines) async fn close(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    id: ImportId,
    state: ImportState,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update machine_imports set state = $2, content = null,
                confirmed_at = case when $2 = 'confirmed' then $3::timestamptz end
         where id = $1",
        id.0,
        state.code(),
        now
    )
    .execute(&mut **tx)
    .await?;
    forget_parts(tx, id).await
}

pub(super) fn verdict(word: &str) -> Result<RowVerdict> {
    RowVerdict::parse(word).ok_or_else(|| Error::internal(format!("unknown verdict {word}")))
}

fn row(
    number: i32,
    (now, was): (&str, Option<&str>),
    code: Option<String>,
    (cells, changes, faults): (serde_json::Value, Vec<String>, serde_json::Value),
) -> Result<ImportRow> {
    Ok(ImportRow {
        row: number.unsigned_abs(),
        verdict: verdict(now)?,
        was: was.map(verdict).transpose()?,
        code,
        cells: json(cells)?,
        changes,
        faults: json(faults)?,
    })
}

pub(in crate::machines) async fn rows(
    tx: &mut Tx,
    id: ImportId,
    query: &ImportRowQuery,
    page: u32,
    page_size: u32,
) -> Result<(Vec<ImportRow>, u64)> {
    let verdict = query.verdict.map(RowVerdict::code);
    let changed = query.changed.unwrap_or(false);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from machine_import_rows
           where import_id = $1 and ($2::text is null or verdict = $2) and (not $3 or was is not null)"#,
        id.0,
        verdict,
        changed
    )
    .fetch_one(&mut **tx)
    .await?;
    let found = sqlx::query!(
        "select row_number, verdict, was, code, cells, changes, faults from machine_import_rows
         where import_id = $1 and ($2::text is null or verdict = $2) and (not $3 or was is not null)
         order by row_number limit $4 offset $5",
        id.0,
        verdict,
        changed,
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let list = found
        .into_iter()
        .map(|r| row(r.row_number, (&r.verdict, r.was.as_deref()), r.code, (r.cells, r.changes, r.faults)))
        .collect::<Result<_>>()?;
    Ok((list, total.unsigned_abs()))
}

pub(in crate::machines) async fn rows_after(tx: &mut Tx, id: ImportId, after: u32) -> Result<Vec<ImportRow>> {
    let found = sqlx::query!(
        "select row_number, verdict, was, code, cells, changes, faults from machine_import_rows
         where import_id = $1 and row_number > $2 order by row_number limit $3",
        id.0,
        i32::try_from(after).unwrap_or(i32::MAX),
        CHUNK
    )
    .fetch_all(&mut **tx)
    .await?;
    found
        .into_iter()
        .map(|r| row(r.row_number, (&r.verdict, r.was.as_deref()), r.code, (r.cells, r.changes, r.faults)))
        .collect()
}

pub(in crate::machines) async fn codes(tx: &mut Tx, id: ImportId, most: i64) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select code as "code!" from machine_import_rows
           where import_id = $1 and verdict in ('new', 'update') and code is not null order by row_number limit $2"#,
        id.0,
        most
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Machines with one of these codes, deleted ones too, or one of these names in lower case.
pub(in crate::machines) async fn existing(tx: &mut Tx, codes: &[String], names: &[String]) -> Result<Vec<Existing>> {
    let rows = sqlx::query!(
        r#"select id, code, name, region, public_address, private_address, pool, monitored, listed, remark, declared,
                  revision, deleted_at is not null as "deleted!"
           from machines where id = any(array(select id from machines where code = any($1)
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
                deleted: row.deleted,
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

/// Machines that it would let in another way than they are.
pub(in crate::machines) async fn pool_changes(tx: &mut Tx, id: ImportId) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!(
        "select m.id from machine_import_rows r join machines m on m.code = r.code
         where r.import_id = $1 and r.verdict = 'update' and m.pool <> r.machine->>'pool'",
        id.0
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Writes the staged rows: how many machines are new and how many changed. A machine that changed since is left out, which
/// the caller sees by the number.
pub(in crate::machines) async fn apply(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    id: ImportId,
) -> Result<(u32, u32)> {
    let updated = sqlx::query!(
        "update machines m set name = r.machine->>'name', region = r.machine->>'region',
                public_address = r.machine->>'public_address', private_address = r.machine->>'private_address',
                pool = r.machine->>'pool', monitored = (r.machine->>'monitored')::boolean,
                listed = (r.machine->>'listed')::boolean, remark = r.machine->>'remark',
                declared = r.machine->'declared', revision = m.revision + 1
         from machine_import_rows r
         where r.import_id = $1 and r.verdict = 'update' and m.code = r.code and m.revision = r.base_revision
           and m.deleted_at is null",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    let new = sqlx::query!(
        "insert into machines (code, name, region, public_address, private_address, pool, monitored, listed, remark, declared)
         select code, machine->>'name', machine->>'region', machine->>'public_address', machine->>'private_address',
                machine->>'pool', (machine->>'monitored')::boolean, (machine->>'listed')::boolean, machine->>'remark',
                machine->'declared'
         from machine_import_rows where import_id = $1 and verdict = 'new' order by row_number",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    let count = |rows: u64| u32::try_from(rows).unwrap_or(u32::MAX);
    Ok((count(new.rows_affected()), count(updated.rows_affected())))
}

pub(in crate::machines) async fn delete_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64> {
    let gone = sqlx::query!("delete from machine_imports where expires_at <= $1", now).execute(&mut **tx).await?;
    Ok(gone.rows_affected())
}
