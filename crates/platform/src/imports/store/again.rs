//! SQL of judging the rows of a staged import again.

use contract::ImportId;
use contract::imports::RowVerdict;

use super::{CHUNK, json, to_json, verdict};
use crate::Result;
use crate::db::Tx;
use crate::imports::Judged;
use crate::imports::subject::MayImport;

pub(in crate::imports) async fn forget_differences(tx: &mut Tx, _granted: &MayImport, id: ImportId) -> Result<()> {
    sqlx::query!("update import_rows set was = null where import_id = $1 and was is not null", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Rows as they were judged, after this one.
pub(in crate::imports) async fn judged_after(tx: &mut Tx, id: ImportId, after: u32) -> Result<Vec<Judged>> {
    let found = sqlx::query!(
        "select row_number, verdict, code, cells, written, changes, before, faults, base_revision, secret from import_rows
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
                written: row.written,
                changes: row.changes,
                before: json(row.before)?,
                faults: json(row.faults)?,
                base_revision: row.base_revision,
                secret: row.secret,
            })
        })
        .collect()
}

/// Writes down new judgements, each with the verdict that was shown where it differs.
pub(in crate::imports) async fn judge_again(
    tx: &mut Tx,
    _granted: &MayImport,
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
    let written: Vec<Option<serde_json::Value>> = rows.iter().map(|row| row.written.clone()).collect();
    // Arrays of arrays do not travel; the names hold no comma.
    let changes: Vec<String> = rows.iter().map(|row| row.changes.join(",")).collect();
    let faults = rows.iter().map(|row| to_json(&row.faults)).collect::<Result<Vec<_>>>()?;
    let revisions: Vec<Option<i64>> = rows.iter().map(|row| row.base_revision).collect();
    let before = rows.iter().map(|row| to_json(&row.before)).collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "update import_rows r
         set verdict = v, was = w, code = c, written = x, faults = f, base_revision = b, before = o,
             changes = case when ch = '' then '{}' else string_to_array(ch, ',') end
         from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::jsonb[], $9::bigint[],
                     $10::jsonb[]) as t (n, v, w, c, x, ch, f, b, o)
         where r.import_id = $1 and r.row_number = n",
        id.0,
        &numbers,
        &verdicts,
        &was as &[Option<String>],
        &codes as &[Option<String>],
        &written as &[Option<serde_json::Value>],
        &changes,
        &faults,
        &revisions as &[Option<i64>],
        &before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::imports) async fn count_again(tx: &mut Tx, _granted: &MayImport, id: ImportId) -> Result<()> {
    sqlx::query!(
        "update imports i set new_rows = c.new_rows, update_rows = c.update_rows,
                unchanged_rows = c.unchanged_rows, error_rows = c.error_rows
         from (select count(*) filter (where verdict = 'new') as new_rows,
                      count(*) filter (where verdict = 'update') as update_rows,
                      count(*) filter (where verdict = 'unchanged') as unchanged_rows,
                      count(*) filter (where verdict = 'error') as error_rows
               from import_rows where import_id = $1) c
         where i.id = $1",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
