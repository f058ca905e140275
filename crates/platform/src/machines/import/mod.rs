//! Machines from a workbook.
//!
//! Invariants: nothing about any machine changes before the confirmation, and then everything in one transaction or nothing;
//! a workbook is parsed only in a child process (see the crate `sheets`), row by row, in a durable job that may die anywhere
//! and begins anew; what somebody changed since the verdicts were made is not overwritten.

pub mod columns;
mod evaluate;
mod reading;

use contract::machines::{
    IMPORT_HOURS, ImportRow, ImportRowQuery, ImportState, ImportView, MAX_IMPORT_BYTES, MachineQuery,
};
use contract::{ErrorCode, ImportId, Page, Permission};

pub use evaluate::Written;
pub(in crate::machines) use evaluate::{Existing, Judged};
pub use reading::read_import;

use super::store::import as store;
pub use super::store::import::ExportRow;
use crate::authz::{CreateMachine, Fleet, MachineRef};
use crate::jobs::{NewJob, enqueue_in_tx};
use crate::{Error, OpContext, Platform, Result, allocations, audit};

/// Names of the example in our template, in both languages: a row of this name is skipped.
pub const EXAMPLE_NAMES: [&str; 2] = ["示例（请删除本行）", "Example (delete this row)"];

/// Stages a workbook; it is read in the background, and [`get_import`] says how far that is.
///
/// # Errors
/// `Validation` for no file, `TooLarge` beyond [`MAX_IMPORT_BYTES`].
pub async fn stage_import(
    platform: &Platform,
    ctx: &OpContext,
    file_name: &str,
    content: Vec<u8>,
) -> Result<ImportView> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(CreateMachine, &Fleet)?;
    ctx.authorize_list::<MachineRef>(Permission::MachinesUpdate)?;
    if content.is_empty() {
        return Err(Error::field("file", "field-file-required"));
    }
    if content.len() > MAX_IMPORT_BYTES {
        return Err(Error::new(ErrorCode::TooLarge));
    }
    // Only the name counts, whatever path a browser sent.
    let name: String = file_name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(200).collect();
    let name = if name.trim().is_empty() { "machines.xlsx".to_owned() } else { name };
    let expires = ctx.now() + chrono::TimeDelta::hours(IMPORT_HOURS);
    let id = store::insert(&mut tx, &granted, &name, &content, ctx, expires).await?;
    queue(&mut tx, ctx, id).await?;
    let view = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(view)
}

async fn queue(tx: &mut crate::db::Tx, ctx: &OpContext, id: ImportId) -> Result<()> {
    let mut job = NewJob::new("machines-import", ctx.now());
    job.payload = serde_json::json!({ "import": id.0 });
    // A person waits for it.
    job.priority = 10;
    job.max_attempts = 3;
    enqueue_in_tx(tx, &job).await.map(|_| ())
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
    let (list, total) = store::rows(&mut tx, id, query.verdict, page, page_size).await?;
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

/// Writes what is new and what changes, in one transaction; rows with errors are left out.
///
/// # Errors
/// `WrongState` unless it is ready; `Conflict` (`error-import-changed`) when a machine changed since the verdicts were made:
/// then nothing is written and the workbook is read again.
pub async fn confirm_import(platform: &Platform, ctx: &OpContext, id: ImportId) -> Result<ImportView> {
    may_import(ctx)?;
    ctx.authorize_list::<MachineRef>(Permission::MachinesUpdate)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(CreateMachine, &Fleet)?;
    let before = store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    must_be_ready(&before)?;
    if before.new_rows + before.update_rows == 0 {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-import-nothing"));
    }
    let repooled = store::pool_changes(&mut tx, id).await?;
    let lent_meanwhile = !allocations::held_among(&mut tx, &repooled).await?.is_empty();
    let written = store::apply(&mut tx, &granted, id).await;
    let changed_meanwhile = match &written {
        _ if lent_meanwhile => true,
        Ok((new, updated)) => (*new, *updated) != (before.new_rows, before.update_rows),
        Err(error) => matches!(error.code, ErrorCode::AlreadyExists | ErrorCode::Conflict),
    };
    if changed_meanwhile {
        tx.rollback().await?;
        read_again(platform, ctx, id).await?;
        return Err(Error::new(ErrorCode::Conflict).with_key("error-import-changed"));
    }
    written?;
    store::close(&mut tx, &granted, id, ImportState::Confirmed, ctx.now()).await?;
    let after = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let codes = store::codes(&mut tx, id, 1000).await?;
    let facts = serde_json::json!({
        "file": after.file_name, "new": after.new_rows, "updated": after.update_rows, "machines": codes,
    });
    audit::record_in_tx(&mut tx, ctx, entry("machines:import", id, facts)).await?;
    tx.commit().await?;
    platform.live().forget_catalog();
    Ok(after)
}

async fn read_again(platform: &Platform, ctx: &OpContext, id: ImportId) -> Result<()> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(CreateMachine, &Fleet)?;
    store::begin_again(&mut tx, &granted, id).await?;
    queue(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(())
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

fn must_be_ready(view: &ImportView) -> Result<()> {
    if view.state == ImportState::Ready { Ok(()) } else { Err(wrong_state(view)) }
}

fn wrong_state(view: &ImportView) -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-import-state").with_arg("state", view.state.code())
}
