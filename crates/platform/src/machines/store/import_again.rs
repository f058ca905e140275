//! SQL of judging the rows of a staged import again.

use contract::ImportId;
use contract::machines::RowVerdict;

use super::import::{CHUNK, verdict};
use super::{json, to_json};
use crate::Result;
use crate::authz::{CreateMachine, Granted};
use crate::db::Tx;
use crate::machines::import::Judged;

/// Whether a row may turn out differently from how it was judged: one look at all of them, where nothing changed the only
/// one. Errors that only speak of the sheet itself stay what they are; the others are worth a second look.
pub(in crate::machines) async fn is_stale(tx: &mut Tx, id: ImportId) -> Result<bool> {
    // `offset 0` keeps the names' two halves apart: joined, a plan without fresh statistics compares every row with every
    // machine, because behind row-level security lower(…) may not lead into an index.
    let stale = sqlx::query_scalar!(
        r#"select exists(
             select from machine_import_rows r
             where r.import_id = $1 and r.verdict in ('update', 'unchanged')
               and not exists(select from machines m
                              where m.code = r.code and m.deleted_at is null and m.revision = r.base_revision)
           ) or exists(
             select from machine_import_rows r join machines m on m.code = r.code
             where r.import_id = $1 and r.verdict = 'new'
           ) or exists(
             select from (select r.code, lower(r.machine->>'name') as name_key from machine_import_rows r
                          where r.import_id = $1 and r.verdict <> 'error' offset 0) named
             where exists(select from machines m
                          where m.deleted_at is null and m.name_key = named.name_key and m.code <> named.code offset 0)
           ) or exists(
             select from machine_import_rows r, jsonb_array_elements(r.faults) fault
             where r.import_id = $1 and r.verdict = 'error' and fault->'note'->>'key' in
               ('field-machine-code-taken', 'field-machine-name-taken', 'field-import-twice', 'field-pool-allocated')
           ) as "stale!""#,
        id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(stale)
}

pub(in crate::machines) async fn forget_differences(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    id: ImportId,
) -> Result<()> {
    sqlx::query!("update machine_import_rows set was = null where import_id = $1 and was is not null", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Rows as they were judged, without what would be written, after this one.
pub(in crate::machines) async fn judged_after(tx: &mut Tx, id: ImportId, after: u32) -> Result<Vec<Judged>> {
    let found = sqlx::query!(
        "select row_number, verdict, code, cells, changes, faults, base_revision from machine_import_rows
         where import_id = $1 and row_number > $2 order by row_number limit $3",
        id.0,
        i32::try_from(after).unwrap_or(i32::MAX),
        CHUNK
    )
    .fetch_all(&mut **tx)
    .await?;
    found
        .into_iter()
        .map(|row| {
            Ok(Judged {
                row: row.row_number.unsigned_abs(),
                verdict: verdict(&row.verdict)?,
                code: row.code,
                cells: json(row.cells)?,
                machine: None,
                changes: row.changes,
                faults: json(row.faults)?,
                base_revision: row.base_revision,
            })
        })
        .collect()
}

/// Writes down new judgements, each with the verdict that was shown where it differs.
pub(in crate::machines) async fn judge_again(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    id: ImportId,
    rows: &[Judged],
    was: &[Option<RowVerdict>],
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i32> = rows.iter().map(|row| i32::try_from(row.row).unwrap_or(i32::MAX)).collect();
    let verdicts: Vec<String> = rows.iter().map(|row| row.verdict.code().to_owned()).collect();
    let was: Vec<Option<String>> = was.iter().map(|was| was.map(|was| was.code().to_owned())).collect();
    let codes: Vec<Option<String>> = rows.iter().map(|row| row.code.clone()).collect();
    let machines = rows.iter().map(|row| row.machine.as_ref().map(to_json).transpose()).collect::<Result<Vec<_>>>()?;
    // Arrays of arrays do not travel; the names hold no comma.
    let changes: Vec<String> = rows.iter().map(|row| row.changes.join(",")).collect();
    let faults = rows.iter().map(|row| to_json(&row.faults)).collect::<Result<Vec<_>>>()?;
    let revisions: Vec<Option<i64>> = rows.iter().map(|row| row.base_revision).collect();
    sqlx::query!(
        "update machine_import_rows r
         set verdict = v, was = w, code = c, machine = m, faults = f, base_revision = b,
             changes = case when ch = '' then '{}' else string_to_array(ch, ',') end
         from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::jsonb[], $9::bigint[])
              as t (n, v, w, c, m, ch, f, b)
         where r.import_id = $1 and r.row_number = n",
        id.0,
        &numbers,
        &verdicts,
        &was as &[Option<String>],
        &codes as &[Option<String>],
        &machines as &[Option<serde_json::Value>],
        &changes,
        &faults,
        &revisions as &[Option<i64>]
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::machines) async fn count_again(
    tx: &mut Tx,
    _granted: &Granted<CreateMachine>,
    id: ImportId,
) -> Result<()> {
    sqlx::query!(
        "update machine_imports i set new_rows = c.new_rows, update_rows = c.update_rows,
                unchanged_rows = c.unchanged_rows, error_rows = c.error_rows
         from (select count(*) filter (where verdict = 'new') as new_rows,
                      count(*) filter (where verdict = 'update') as update_rows,
                      count(*) filter (where verdict = 'unchanged') as unchanged_rows,
                      count(*) filter (where verdict = 'error') as error_rows
               from machine_import_rows where import_id = $1) c
         where i.id = $1",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
