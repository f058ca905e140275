//! The confirmation: judged again by what the fleet is now, then everything or nothing.

use contract::machines::{ImportState, ImportView, RowVerdict};
use contract::{ErrorCode, ImportId, Permission};

use super::evaluate::{Evaluation, Judged, TextRow};
use super::{entry, may_import, store, wrong_state};
use crate::authz::{CreateMachine, Fleet, Granted, MachineRef};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, allocations, audit};

/// Writes what is new and what changes, in one transaction; rows with errors are left out.
///
/// # Errors
/// `WrongState` unless it is ready and its day is not over; `Conflict` (`error-import-changed`) when rows would turn out
/// differently from what was shown: then nothing is written, and those rows say what they were and what they are.
pub async fn confirm_import(platform: &Platform, ctx: &OpContext, id: ImportId) -> Result<ImportView> {
    may_import(ctx)?;
    ctx.authorize_list::<MachineRef>(Permission::MachinesUpdate)?;
    // What somebody changes between the judging and the writing is found by the writing: then once more, row by row.
    for every_row in [false, true] {
        if let Some(view) = try_once(platform, ctx, id, every_row).await? {
            platform.live().forget_catalog();
            return Ok(view);
        }
    }
    Err(Error::new(ErrorCode::Conflict).with_key("error-import-raced"))
}

/// `None`: somebody changed a machine at this very moment, and nothing was written.
async fn try_once(platform: &Platform, ctx: &OpContext, id: ImportId, every_row: bool) -> Result<Option<ImportView>> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(CreateMachine, &Fleet)?;
    let before = store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if before.state != ImportState::Ready {
        return Err(wrong_state(&before));
    }
    if before.expires_at <= ctx.now() {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-import-expired"));
    }
    let repooled = store::pool_changes(&mut tx, id).await?;
    let lent_meanwhile = !allocations::held_among(&mut tx, &repooled).await?.is_empty();
    if every_row || lent_meanwhile || store::is_stale(&mut tx, id).await? {
        let changed = judge_again(&mut tx, &granted, id).await?;
        if changed > 0 {
            tx.commit().await?;
            return Err(Error::new(ErrorCode::Conflict).with_key("error-import-changed").with_arg("n", changed));
        }
    }
    if before.new_rows + before.update_rows == 0 {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-import-nothing"));
    }
    match store::apply(&mut tx, &granted, id).await {
        Ok((new, updated)) if (new, updated) == (before.new_rows, before.update_rows) => {}
        Err(error) if !matches!(error.code, ErrorCode::AlreadyExists | ErrorCode::Conflict) => return Err(error),
        _ => {
            tx.rollback().await?;
            return Ok(None);
        }
    }
    store::close(&mut tx, &granted, id, ImportState::Confirmed, ctx.now()).await?;
    let after = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let codes = store::codes(&mut tx, id, 1000).await?;
    let facts = serde_json::json!({
        "file": after.file_name, "new": after.new_rows, "updated": after.update_rows, "machines": codes,
    });
    audit::record_in_tx(&mut tx, ctx, entry("machines:import", id, facts)).await?;
    tx.commit().await?;
    Ok(Some(after))
}

/// Judges every row from its cells, in their order, and writes down what came out differently: how many rows that
/// somebody has looked at would turn out differently.
async fn judge_again(tx: &mut Tx, granted: &Granted<CreateMachine>, id: ImportId) -> Result<u32> {
    store::forget_differences(tx, granted, id).await?;
    let mut evaluation = Evaluation::default();
    let (mut after, mut changed) = (0, 0);
    loop {
        let before = store::judged_after(tx, id, after).await?;
        let Some(last) = before.last() else { break };
        after = last.row;
        let rows = before.iter().map(|row| TextRow {
            row: row.row,
            cells: row.cells.clone(),
            given: row.code.clone().filter(|_| row.verdict == RowVerdict::New),
        });
        let now = evaluation.judge(tx, rows.collect()).await?;
        let (mut different, mut was) = (Vec::new(), Vec::new());
        for (before, now) in before.into_iter().zip(now) {
            let shown = is_different(&before, &now);
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

/// Whether somebody who agreed to the one would have to be asked about the other. A machine that was changed by hand is
/// asked about even where the same columns would be written: what somebody typed meanwhile is not overwritten unseen.
fn is_different(before: &Judged, now: &Judged) -> bool {
    before.verdict != now.verdict
        || (now.verdict == RowVerdict::Update
            && (before.base_revision != now.base_revision || before.changes != now.changes))
        || (now.verdict == RowVerdict::New && before.code != now.code)
}
