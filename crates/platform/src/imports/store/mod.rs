//! SQL of staged imports.

mod again;
mod parts;
mod taken_back;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::ImportId;
use contract::imports::{
    ImportRow, ImportRowQuery, ImportState, ImportSubject, ImportView, Note, PlaceChange, RowFault, RowVerdict,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::types::Json;

pub(super) use again::{count_again, forget_differences, judge_again, judged_after};
pub(super) use parts::{insert_part, note_size, part, staged};
pub(super) use taken_back::{note_kept, note_taken_back};

use super::Judged;
use super::subject::{self, MayImport};
use crate::db::Tx;
use crate::{Error, OpContext, Result, UserPrincipal};

/// What cells say, by column.
type Cells = BTreeMap<String, String>;

/// Rows fetched at once to be judged.
const CHUNK: i64 = 1000;
/// Rows fetched at once for a workbook: all that lies in memory of it.
const WRITTEN_AT_ONCE: i64 = 250;

fn json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(Error::internal)
}

fn to_json(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

/// A row that is written, as it was staged.
pub(crate) struct ToWrite {
    pub row: u32,
    pub verdict: RowVerdict,
    pub code: Option<String>,
    pub written: serde_json::Value,
    pub secret: Option<String>,
    pub base_revision: Option<i64>,
}

/// Rows that are written when it is confirmed, after this one, at most a thousand.
pub(crate) async fn to_write_after(tx: &mut Tx, id: ImportId, after: u32) -> Result<Vec<ToWrite>> {
    let found = sqlx::query!(
        r#"select row_number, verdict, code, written as "written!", secret, base_revision from import_rows
           where import_id = $1 and row_number > $2 and verdict in ('new', 'update') and written is not null
           order by row_number limit $3"#,
        id.0,
        i32::try_from(after).unwrap_or(i32::MAX),
        CHUNK
    )
    .fetch_all(&mut **tx)
    .await?;
    found
        .into_iter()
        .map(|row| {
            Ok(ToWrite {
                row: row.row_number.unsigned_abs(),
                verdict: verdict(&row.verdict)?,
                code: row.code,
                written: row.written,
                secret: row.secret,
                base_revision: row.base_revision,
            })
        })
        .collect()
}

/// What an import that is still to be read is about, and who staged it.
pub(super) async fn unread(tx: &mut Tx, id: ImportId) -> Result<Option<(ImportSubject, Option<serde_json::Value>)>> {
    let row = sqlx::query!("select subject, staged_as from imports where id = $1 and state = 'reading'", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let subject = ImportSubject::parse(&row.subject)
        .ok_or_else(|| Error::internal(format!("unknown subject of an import: {}", row.subject)))?;
    Ok(Some((subject, row.staged_as)))
}

pub(super) async fn insert(
    tx: &mut Tx,
    granted: &MayImport,
    file_name: &str,
    ctx: &OpContext,
    expires_at: DateTime<Utc>,
) -> Result<ImportId> {
    let id = sqlx::query_scalar!(
        "insert into imports (file_name, created_by, created_name, created_at, expires_at, subject, staged_as)
         values ($1, $2, $3, $4, $5, $6, $7) returning id",
        file_name,
        ctx.user().map(|user| user.id.0),
        ctx.user().map(|user| user.display_name.clone()).unwrap_or_default(),
        ctx.now(),
        expires_at,
        granted.subject.code(),
        ctx.user().map(UserPrincipal::keep).transpose()?
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(ImportId(id))
}

pub(super) async fn get(tx: &mut Tx, subject: ImportSubject, id: ImportId) -> Result<Option<ImportView>> {
    let row = sqlx::query!(
        r#"select id, file_name, state, refusal, sheet, other_sheets, unknown_columns, row_count, new_rows, update_rows,
                unchanged_rows, error_rows, created_name, created_at, expires_at, confirmed_at,
                taken_back_at, taken_back_rows, kept_rows,
                (select count(*) from import_rows where import_id = $1 and was is not null) as "changed_rows!"
         from imports where id = $1 and subject = $2"#,
        id.0,
        subject.code()
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
        other_sheets: row.other_sheets,
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
        taken_back_at: row.taken_back_at,
        taken_back_rows: row.taken_back_rows.unsigned_abs(),
        kept_rows: row.kept_rows.unsigned_abs(),
    }))
}

/// As [`get`], and nobody else confirms or discards it meanwhile.
pub(super) async fn lock(tx: &mut Tx, subject: ImportSubject, id: ImportId) -> Result<Option<ImportView>> {
    sqlx::query!("select id from imports where id = $1 for update", id.0).fetch_optional(&mut **tx).await?;
    get(tx, subject, id).await
}

/// The workbook as the version before stored it.
pub(super) async fn content(tx: &mut Tx, id: ImportId) -> Result<Option<Vec<u8>>> {
    let content =
        sqlx::query_scalar!("select content from imports where id = $1", id.0).fetch_optional(&mut **tx).await?;
    Ok(content.flatten())
}

pub(super) async fn forget_rows(tx: &mut Tx, id: ImportId) -> Result<()> {
    sqlx::query!("delete from import_rows where import_id = $1", id.0).execute(&mut **tx).await?;
    sqlx::query!(
        "update imports set row_count = 0, new_rows = 0, update_rows = 0, unchanged_rows = 0, error_rows = 0
         where id = $1",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn insert_rows(tx: &mut Tx, id: ImportId, rows: &[Judged]) -> Result<()> {
    let numbers: Vec<i32> = rows.iter().map(|row| i32::try_from(row.row).unwrap_or(i32::MAX)).collect();
    let verdicts: Vec<String> = rows.iter().map(|row| row.verdict.code().to_owned()).collect();
    let codes: Vec<Option<String>> = rows.iter().map(|row| row.code.clone()).collect();
    let cells = rows.iter().map(|row| to_json(&row.cells)).collect::<Result<Vec<_>>>()?;
    let written: Vec<Option<serde_json::Value>> = rows.iter().map(|row| row.written.clone()).collect();
    // Arrays of arrays do not travel; the names hold no comma.
    let changes: Vec<String> = rows.iter().map(|row| row.changes.join(",")).collect();
    let faults = rows.iter().map(|row| to_json(&row.faults)).collect::<Result<Vec<_>>>()?;
    let revisions: Vec<Option<i64>> = rows.iter().map(|row| row.base_revision).collect();
    let secrets: Vec<Option<String>> = rows.iter().map(|row| row.secret.clone()).collect();
    let before = rows.iter().map(|row| to_json(&row.before)).collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "insert into import_rows (import_id, row_number, verdict, code, cells, written, changes, faults, base_revision,
                                  secret, before)
         select $1, n, v, c, cells, w, case when ch = '' then '{}' else string_to_array(ch, ',') end, f, r, s, b
         from unnest($2::int[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::text[], $8::jsonb[], $9::bigint[],
                     $10::text[], $11::jsonb[]) as t (n, v, c, cells, w, ch, f, r, s, b)",
        id.0,
        &numbers,
        &verdicts,
        &codes as &[Option<String>],
        &cells,
        &written as &[Option<serde_json::Value>],
        &changes,
        &faults,
        &revisions as &[Option<i64>],
        &secrets as &[Option<String>],
        &before
    )
    .execute(&mut **tx)
    .await?;
    let count = |verdict: RowVerdict| rows.iter().filter(|row| row.verdict == verdict).count() as i32;
    sqlx::query!(
        "update imports set row_count = row_count + $2, new_rows = new_rows + $3,
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

/// The sheet that was read and the other ones, and the headings that nobody knows.
pub(super) async fn note_sheet(
    tx: &mut Tx,
    id: ImportId,
    (sheet, others): (&str, &[String]),
    unknown: &[String],
) -> Result<()> {
    sqlx::query!(
        "update imports set sheet = $2, other_sheets = $3, unknown_columns = $4 where id = $1",
        id.0,
        sheet,
        others,
        unknown
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Unless somebody discarded it meanwhile.
pub(super) async fn finish_reading(tx: &mut Tx, id: ImportId) -> Result<()> {
    sqlx::query!("update imports set state = 'ready', content = null where id = $1 and state = 'reading'", id.0)
        .execute(&mut **tx)
        .await?;
    forget_parts(tx, id).await
}

/// What is read, refused or over needs its workbook no more.
async fn forget_parts(tx: &mut Tx, id: ImportId) -> Result<()> {
    sqlx::query!(
        "delete from import_parts p using imports i
         where p.import_id = $1 and i.id = $1 and i.state <> 'reading'",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn refuse(tx: &mut Tx, id: ImportId, note: &Note) -> Result<()> {
    sqlx::query!(
        "update imports set state = 'refused', refusal = $2, content = null where id = $1 and state = 'reading'",
        id.0,
        to_json(note)?
    )
    .execute(&mut **tx)
    .await?;
    forget_parts(tx, id).await
}

/// Ends it; hashes of passwords are where they belong by now, or nowhere.
pub(super) async fn close(
    tx: &mut Tx,
    _granted: &MayImport,
    id: ImportId,
    state: ImportState,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update imports set state = $2, content = null,
                confirmed_at = case when $2 = 'confirmed' then $3::timestamptz end
         where id = $1",
        id.0,
        state.code(),
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("update import_rows set secret = null where import_id = $1 and secret is not null", id.0)
        .execute(&mut **tx)
        .await?;
    forget_parts(tx, id).await
}

fn verdict(word: &str) -> Result<RowVerdict> {
    RowVerdict::parse(word).ok_or_else(|| Error::internal(format!("unknown verdict {word}")))
}

fn row(
    subject: ImportSubject,
    number: i32,
    (now, was): (&str, Option<&str>),
    code: Option<String>,
    (cells, changes, before, faults): (Json<Cells>, Vec<String>, Json<Cells>, Json<Vec<RowFault>>),
    written: Option<serde_json::Value>,
) -> Result<ImportRow> {
    // Of people; rows of machines, and those that the version before staged, have none.
    let places: Option<Vec<PlaceChange>> =
        written.as_ref().and_then(|written| written.get("become")).cloned().map(json).transpose()?;
    let (stored, notes) = match written {
        Some(written) => subject::stored(subject, &cells.0, written)?,
        None => (Cells::new(), Vec::new()),
    };
    Ok(ImportRow {
        row: number.unsigned_abs(),
        verdict: verdict(now)?,
        was: was.map(verdict).transpose()?,
        code,
        cells: cells.0,
        changes,
        before: before.0,
        stored,
        notes,
        places: places.unwrap_or_default(),
        faults: faults.0,
    })
}

pub(super) async fn rows(
    tx: &mut Tx,
    (subject, id): (ImportSubject, ImportId),
    query: &ImportRowQuery,
    page: u32,
    page_size: u32,
) -> Result<(Vec<ImportRow>, u64)> {
    let verdict = query.verdict.map(RowVerdict::code);
    let changed = query.changed.unwrap_or(false);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from import_rows
           where import_id = $1 and ($2::text is null or verdict = $2) and (not $3 or was is not null)"#,
        id.0,
        verdict,
        changed
    )
    .fetch_one(&mut **tx)
    .await?;
    let found = sqlx::query!(
        r#"select row_number, verdict, was, code, cells as "cells: Json<Cells>", changes,
                  before as "before: Json<Cells>", faults as "faults: Json<Vec<RowFault>>", written
           from import_rows
           where import_id = $1 and ($2::text is null or verdict = $2) and (not $3 or was is not null)
           order by row_number limit $4 offset $5"#,
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
        .map(|r| {
            let said = (r.cells, r.changes, r.before, r.faults);
            row(subject, r.row_number, (&r.verdict, r.was.as_deref()), r.code, said, r.written)
        })
        .collect::<Result<_>>()?;
    Ok((list, total.unsigned_abs()))
}

pub(super) async fn rows_after(
    tx: &mut Tx,
    (subject, id): (ImportSubject, ImportId),
    after: u32,
) -> Result<Vec<ImportRow>> {
    let found = sqlx::query!(
        r#"select row_number, verdict, was, code, cells as "cells: Json<Cells>", changes,
                  before as "before: Json<Cells>", faults as "faults: Json<Vec<RowFault>>", written
           from import_rows where import_id = $1 and row_number > $2 order by row_number limit $3"#,
        id.0,
        i32::try_from(after).unwrap_or(i32::MAX),
        WRITTEN_AT_ONCE
    )
    .fetch_all(&mut **tx)
    .await?;
    found
        .into_iter()
        .map(|r| {
            let said = (r.cells, r.changes, r.before, r.faults);
            row(subject, r.row_number, (&r.verdict, r.was.as_deref()), r.code, said, r.written)
        })
        .collect()
}

pub(super) async fn codes(tx: &mut Tx, id: ImportId, most: i64) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select code as "code!" from import_rows
           where import_id = $1 and verdict in ('new', 'update') and code is not null order by row_number limit $2"#,
        id.0,
        most
    )
    .fetch_all(&mut **tx)
    .await?)
}

pub(super) async fn delete_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64> {
    let gone = sqlx::query!("delete from imports where expires_at <= $1", now).execute(&mut **tx).await?;
    Ok(gone.rows_affected())
}

/// Whether its workbook cannot be used.
pub(super) async fn is_refused(tx: &mut Tx, id: ImportId) -> Result<bool> {
    let refused = sqlx::query_scalar!(
        r#"select exists(select from imports where id = $1 and state = 'refused') as "refused!""#,
        id.0
    );
    Ok(refused.fetch_one(&mut **tx).await?)
}
