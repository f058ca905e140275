//! The confirmation: judged again by what there is now, then everything or nothing.

use contract::imports::{ImportState, ImportSubject, ImportView, RowVerdict};
use contract::{ErrorCode, ImportId};

use super::subject::{self, Judge, MayImport};
use super::{Judged, TextRow, entry, store, wrong_state};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, audit};

/// Names that the log keeps of an import.
const NAMED: i64 = 1000;

/// Writes what is new and what changes, in one transaction; rows with errors are left out.
///
/// # Errors
/// `WrongState` unless it is ready and its day is not over; `Conflict` (`error-import-changed`) when rows would turn out
/// differently from what was shown: then nothing is written, and those rows say what they were and what they are.
pub async fn confirm(platform: &Platform, ctx: &OpContext, subject: ImportSubject, id: ImportId) -> Result<ImportView> {
    let ctx = &ctx.trying(entry(subject, subject::kind(subject).importing, id, serde_json::Value::Null));
    subject::may_look(ctx, subject)?;
    subject::may_update(ctx, subject)?;
    // What somebody changes between the judging and the writing is found by the writing: then once more, row by row.
    for every_row in [false, true] {
        if let Some(view) = try_once(platform, ctx, (subject, id), every_row).await? {
            return Ok(view);
        }
    }
    Err(Error::new(ErrorCode::Conflict).with_key("error-import-raced"))
}

/// `None`: somebody changed something at this very moment, and nothing was written.
async fn try_once(
    platform: &Platform,
    ctx: &OpContext,
    (subject, id): (ImportSubject, ImportId),
    every_row: bool,
) -> Result<Option<ImportView>> {
    let mut judge = Judge::new(platform, ctx, subject).await?;
    let mut tx = subject::begin(platform, ctx, subject).await?;
    let granted = subject::authorize(ctx, subject)?;
    let before = store::lock(&mut tx, subject, id).await?.ok_or_else(Error::not_found)?;
    if before.state != ImportState::Ready {
        return Err(wrong_state(&before));
    }
    if before.expires_at <= ctx.now() {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-import-expired"));
    }
    if every_row || judge.is_stale(&mut tx, id).await? {
        let changed = judge_again(&mut tx, &granted, &mut judge, id).await?;
        if changed > 0 {
            tx.commit().await?;
            return Err(Error::new(ErrorCode::Conflict).with_key("error-import-changed").with_arg("n", changed));
        }
    }
    if before.new_rows + before.update_rows == 0 {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-import-nothing"));
    }
    match judge.apply(platform, ctx, &mut tx, &granted, id).await {
        Ok((new, updated)) if (new, updated) == (before.new_rows, before.update_rows) => {}
        Err(error) if !matches!(error.code, ErrorCode::AlreadyExists | ErrorCode::Conflict) => return Err(error),
        _ => {
            tx.rollback().await?;
            return Ok(None);
        }
    }
    store::close(&mut tx, &granted, id, ImportState::Confirmed, ctx.now()).await?;
    let after = store::get(&mut tx, subject, id).await?.ok_or_else(Error::not_found)?;
    let mut facts = serde_json::json!({
        "file": after.file_name, "new": after.new_rows, "updated": after.update_rows,
    });
    facts[subject.code()] = store::codes(&mut tx, id, NAMED).await?.into();
    audit::record_in_tx(&mut tx, ctx, entry(subject, subject::kind(subject).importing, id, facts)).await?;
    tx.commit().await?;
    judge.done(platform);
    Ok(Some(after))
}

/// Judges every row from its cells, in their order, and writes down what came out differently: how many rows that
/// somebody has looked at would turn out differently.
async fn judge_again(tx: &mut Tx, granted: &MayImport, judge: &mut Judge, id: ImportId) -> Result<u32> {
    store::forget_differences(tx, granted, id).await?;
    let (mut after, mut changed) = (0, 0);
    loop {
        let before = store::judged_after(tx, id, after).await?;
        let Some(last) = before.last() else { break };
        after = last.row;
        let rows = before.iter().map(|row| TextRow {
            row: row.row,
            cells: row.cells.clone(),
            given: row.code.clone().filter(|_| row.verdict == RowVerdict::New),
            secret: row.secret.clone(),
            faults: row.faults.clone(),
        });
        let now = judge.judge(tx, rows.collect()).await?;
        let (mut different, mut was) = (Vec::new(), Vec::new());
        for (before, now) in before.into_iter().zip(now) {
            let shown = is_different(judge, &before, &now)?;
            changed += u32::from(shown);
            if shown || before.base_revision != now.base_revision || before.faults != now.faults {
                was.push(shown.then_some(before.verdict));
                different.push(now);
            }
        }
        store::judge_again(tx, granted, id, &different, &was).await?;
    }
    store::count_again(tx, granted, id).await?;
    Ok(changed)
}

/// Whether somebody who agreed to the one would have to be asked about the other, by what the row would do: a machine that
/// was cordoned meanwhile gets the same region as before. What somebody typed meanwhile is not overwritten unseen, though:
/// it is asked about even where the same would be written.
fn is_different(judge: &Judge, before: &Judged, now: &Judged) -> Result<bool> {
    if before.verdict != now.verdict {
        return Ok(true);
    }
    if !matches!(now.verdict, RowVerdict::Update | RowVerdict::New) {
        return Ok(false);
    }
    if before.code != now.code || before.changes != now.changes || overwritten(before) != overwritten(now) {
        return Ok(true);
    }
    Ok(before.written != now.written && judge.effect(before)? != judge.effect(now)?)
}

/// What there is in the columns that change.
fn overwritten(judged: &Judged) -> Vec<Option<&String>> {
    judged.changes.iter().map(|column| judged.before.get(column)).collect()
}
