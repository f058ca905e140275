//! Machines from a workbook.
//!
//! Invariants: nothing about any machine changes before the confirmation, and then everything in one transaction or nothing;
//! a workbook is parsed only in a child process (see the crate `sheets`), row by row, in a durable job that may die anywhere
//! and begins anew; no process holds a workbook whole; confirming judges again, and what somebody changed since the
//! verdicts were shown is not overwritten.

pub mod columns;
mod confirm;
mod evaluate;
mod reading;

use contract::machines::{
    IMPORT_HOURS, ImportRow, ImportRowQuery, ImportState, ImportView, MAX_IMPORT_BYTES, MAX_STAGED_BYTES,
    MAX_STAGED_IMPORTS, MachineQuery,
};
use contract::{ErrorCode, ImportId, Page, Permission};
use tokio::io::{AsyncRead, AsyncReadExt as _};

pub use confirm::confirm_import;
pub use evaluate::Written;
pub(in crate::machines) use evaluate::{Existing, Judged};
pub use reading::read_import;

use super::store::import as store;
pub use super::store::import::ExportRow;
use crate::authz::{CreateMachine, Fleet, MachineRef};
use crate::jobs::{NewJob, enqueue_in_tx};
use crate::{Error, OpContext, Platform, Result, audit};

/// Names of the example in our template, in both languages: a row of this name is skipped.
pub const EXAMPLE_NAMES: [&str; 2] = ["示例（请删除本行）", "Example (delete this row)"];

/// Bytes of a part of a stored workbook.
const PART: usize = 1 << 20;

/// Stages a workbook; it is read in the background, and [`get_import`] says how far that is.
///
/// # Errors
/// `Validation` for no file, `TooLarge` beyond [`MAX_IMPORT_BYTES`], `QuotaExceeded` for who has too many or too much
/// staged already.
pub async fn stage_import(
    platform: &Platform,
    ctx: &OpContext,
    file_name: &str,
    mut content: impl AsyncRead + Unpin,
) -> Result<ImportView> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(CreateMachine, &Fleet)?;
    ctx.authorize_list::<MachineRef>(Permission::MachinesUpdate)?;
    // Only the name counts, whatever path a browser sent.
    let name: String = file_name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(200).collect();
    let name = if name.trim().is_empty() { "machines.xlsx".to_owned() } else { name };
    let expires = ctx.now() + chrono::TimeDelta::hours(IMPORT_HOURS);
    let (others, others_bytes) = store::staged(&mut tx, &granted, ctx).await?;
    if others >= MAX_STAGED_IMPORTS {
        return Err(too_much(others));
    }
    let id = store::insert(&mut tx, &granted, &name, ctx, expires).await?;
    let mut size = 0;
    for part in 0.. {
        let mut bytes = Vec::with_capacity(PART);
        (&mut content).take(PART as u64).read_to_end(&mut bytes).await.map_err(Error::internal)?;
        if bytes.is_empty() {
            break;
        }
        size += bytes.len();
        if size > MAX_IMPORT_BYTES {
            return Err(Error::new(ErrorCode::TooLarge));
        }
        store::insert_part(&mut tx, &granted, id, part, &bytes).await?;
    }
    if size == 0 {
        return Err(Error::field("file", "field-file-required"));
    }
    let size = size as i64;
    if others_bytes + size > MAX_STAGED_BYTES {
        return Err(too_much(others));
    }
    store::note_size(&mut tx, &granted, id, size).await?;
    let mut job = NewJob::new("machines-read-import", ctx.now());
    job.payload = serde_json::json!({ "import": id.0 });
    // A person waits for it.
    job.priority = 10;
    enqueue_in_tx(&mut tx, &job).await?;
    let view = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    platform.bell().notify_one();
    Ok(view)
}

fn too_much(staged: i64) -> Error {
    Error::new(ErrorCode::QuotaExceeded)
        .with_key("error-import-too-many")
        .with_arg("n", staged)
        .with_arg("max", MAX_STAGED_IMPORTS)
        .with_arg("mib", MAX_STAGED_BYTES >> 20)
}

fn may_import(ctx: &OpContext) -> Result<()> {
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    ctx.authorize(CreateMachine, &Fleet).map(|_| ())
}

/// A staged import.
pub async fn get_import(platform: &Platform, ctx: &OpContext, id: ImportId) -> Result<ImportView> {
    may_import(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let view = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(view)
}

/// Rows of a staged import, in their order.
pub async fn import_rows(
    platform: &Platform,
    ctx: &OpContext,
    id: ImportId,
    query: &ImportRowQuery,
) -> Result<Page<ImportRow>> {
    may_import(ctx)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let (list, total) = store::rows(&mut tx, id, query, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// The rows after this one, at most a thousand: for the result's workbook.
pub async fn import_rows_after(
    platform: &Platform,
    ctx: &OpContext,
    id: ImportId,
    after: u32,
) -> Result<Vec<ImportRow>> {
    may_import(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::rows_after(&mut tx, id, after).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Throws a staged import away.
///
/// # Errors
/// `WrongState` for one that is over.
pub async fn discard_import(platform: &Platform, ctx: &OpContext, id: ImportId) -> Result<()> {
    may_import(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(CreateMachine, &Fleet)?;
    let view = store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if matches!(view.state, ImportState::Confirmed | ImportState::Discarded) {
        return Err(wrong_state(&view));
    }
    store::close(&mut tx, &granted, id, ImportState::Discarded, ctx.now()).await?;
    let facts = serde_json::json!({ "file": view.file_name });
    audit::record_in_tx(&mut tx, ctx, entry("machines:discard-import", id, facts)).await?;
    tx.commit().await?;
    Ok(())
}

/// Forgets imports whose day is over. Run by the job queue.
pub async fn forget_imports(platform: &Platform) -> Result<u64> {
    let ctx = platform.system(crate::SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let forgotten = store::delete_expired(&mut tx, ctx.now()).await?;
    tx.commit().await?;
    Ok(forgotten)
}

/// Who takes the list away is in the log: to be called before it is read for a workbook.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &MachineQuery) -> Result<()> {
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    audit::record_export(platform, ctx, ("machines:export", "fleet"), None, query).await
}

/// Machines as a workbook has them, with these filters, after this code, at most a thousand: for the export.
pub async fn export_after(
    platform: &Platform,
    ctx: &OpContext,
    query: &MachineQuery,
    after: Option<&str>,
) -> Result<Vec<ExportRow>> {
    let scope = ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = super::store::export_after(&mut tx, scope, query, after, ctx.now()).await?;
    tx.commit().await?;
    Ok(rows)
}

fn entry(action: &'static str, id: ImportId, after: serde_json::Value) -> audit::Entry {
    audit::Entry {
        action,
        target_kind: "machine_import",
        target_id: Some(id.to_string()),
        customer: None,
        before: None,
        after: Some(after),
    }
}

fn wrong_state(view: &ImportView) -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-import-state").with_arg("state", view.state.code())
}
