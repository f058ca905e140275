//! What a confirmed import wrote, taken back as a whole, however many rows it had.

use contract::imports::{ImportState, ImportSubject, ImportView, RowVerdict};
use contract::{ErrorCode, ImportId, Permission};

use super::{entry, store, subject, wrong_state};
use crate::authz::MachineRef;
use crate::{Error, OpContext, Platform, Result, audit, machines};

/// Only of machines: people are not unmade.
const SUBJECT: ImportSubject = ImportSubject::Machines;

/// Takes back what an import of machines wrote, in one transaction: those that it added are deleted, those that it changed are
/// as they were in these columns. What somebody changed or uses since stays as it is, and its rows say so.
///
/// # Errors
/// `WrongState` unless it is confirmed and was not taken back before.
pub async fn take_back(platform: &Platform, ctx: &OpContext, id: ImportId) -> Result<ImportView> {
    let kind = subject::kind(SUBJECT);
    let ctx = &ctx.trying_on(TAKING_BACK, kind.target, id);
    subject::may_look(ctx, SUBJECT)?;
    subject::may_update(ctx, SUBJECT)?;
    ctx.authorize_list::<MachineRef>(Permission::MachinesDelete)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = subject::authorize(ctx, SUBJECT)?;
    let view = store::lock(&mut tx, SUBJECT, id).await?.ok_or_else(Error::not_found)?;
    if view.state != ImportState::Confirmed {
        return Err(wrong_state(&view));
    }
    if view.taken_back_at.is_some() {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-import-taken-back"));
    }
    let (mut taken, mut kept) = (0, 0);
    // What was added goes first: a name that somebody gets back may be one of theirs.
    for verdict in [RowVerdict::New, RowVerdict::Update] {
        let mut after = 0;
        loop {
            let mut rows = store::judged_after(&mut tx, id, after).await?;
            let Some(last) = rows.last() else { break };
            after = last.row;
            rows.retain(|row| row.verdict == verdict);
            if rows.is_empty() {
                continue;
            }
            let done = machines::import::take_back(&mut tx, ctx, id, &rows).await?;
            taken += done.taken;
            kept += done.kept.len() as u32;
            store::note_kept(&mut tx, &granted, id, &done.kept).await?;
        }
    }
    store::note_taken_back(&mut tx, &granted, id, (taken, kept), ctx.now()).await?;
    let facts = serde_json::json!({ "file": view.file_name, "takenBack": taken, "kept": kept });
    audit::record_in_tx(&mut tx, ctx, entry(SUBJECT, TAKING_BACK, id, facts)).await?;
    let after = store::get(&mut tx, SUBJECT, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    platform.live().forget_catalog();
    Ok(after)
}

const TAKING_BACK: &str = "machines:take-back-import";
