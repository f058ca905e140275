//! Machines as a workbook has them: what `imports` has to know of them, and the export.

pub mod columns;
mod evaluate;
mod take_back;

use std::collections::HashMap;

use contract::imports::RowVerdict;
use contract::machines::MachineQuery;
use contract::{ImportId, MachineId, Permission};

pub(crate) use columns::COLUMNS;
pub use columns::EXPORTED;
pub(crate) use evaluate::Evaluation;
pub(in crate::machines) use evaluate::Existing;
pub use evaluate::Written;
pub(in crate::machines) use evaluate::decided;
pub(crate) use evaluate::stored;
pub(crate) use take_back::take_back;

use super::entry;
pub use super::store::ExportRow;
use super::store::import as store;
use crate::authz::{CreateMachine, Granted, MachineRef};
use crate::db::Tx;
use crate::imports::to_write_after;
use crate::{Error, OpContext, Platform, Result, allocations, audit, instances};

/// Machines that are read at once for the workbook: all that lies in memory of it.
const EXPORT_CHUNK: usize = 250;

/// Whether a row may turn out differently from how it was judged: one look at all of them.
pub(crate) async fn is_stale(tx: &mut Tx, id: ImportId) -> Result<bool> {
    let repooled = store::pool_changes(tx, id).await?;
    let taken_meanwhile = !allocations::held_among(tx, &repooled).await?.is_empty()
        || !instances::used_among(tx, &repooled).await?.is_empty();
    Ok(taken_meanwhile || store::is_stale(tx, id).await?)
}

/// Writes the staged rows, each with its event as the form writes it: how many machines are new and how many changed. A machine
/// that changed since is left out, which the caller sees by the number: then nothing of it may be committed.
pub(crate) async fn apply(
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &Granted<CreateMachine>,
    id: ImportId,
) -> Result<(u32, u32)> {
    // Before they are written over.
    let mut after = 0;
    loop {
        let rows = to_write_after(tx, id, after).await?;
        let Some(last) = rows.last() else { break };
        after = last.row;
        let codes: Vec<String> = rows.iter().filter_map(|row| row.code.clone()).collect();
        let existing = store::existing(tx, &codes, &[]).await?;
        let before: HashMap<&str, &Written> =
            existing.iter().map(|machine| (machine.code.as_str(), &machine.written)).collect();
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(code) = &row.code else { continue };
            let written: Written = serde_json::from_value(row.written.clone()).map_err(Error::internal)?;
            let after = Some(decided(&written));
            entries.push(match row.verdict {
                RowVerdict::New => entry("machines:create", code, None, after),
                _ => entry("machines:update", code, before.get(code.as_str()).map(|was| decided(was)), after),
            });
        }
        audit::record_many_in_tx(tx, ctx, &entries).await?;
    }
    store::apply(tx, granted, id).await
}

/// Who takes the list away is in the log: to be called before it is read for a workbook.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &MachineQuery) -> Result<()> {
    ctx.trying_new("machines:export", "fleet").authorize_list::<MachineRef>(Permission::MachinesView)?;
    audit::record_export(platform, ctx, ("machines:export", "fleet"), None, query).await
}

/// Every machine of these filters in the order asked for, as it all was at one instant.
///
/// # Errors
/// As the list's, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &MachineQuery,
    mut take: impl FnMut(ExportRow) -> Result<()> + Send,
) -> Result<()> {
    let scope = ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let sort = query.sort_columns().map_err(|_| Error::field("sort", "field-sort-unknown"))?;
    let sees_holders = ctx.holds(Permission::AllocationsManage);
    let mut tx = platform.db().snapshot(ctx).await?;
    let wanted = super::held::wanted(&mut tx, ctx, query, &sort).await?;
    let ids = super::store::ids_in_order(&mut tx, scope, &wanted, &sort, ctx.now()).await?;
    for chunk in ids.chunks(EXPORT_CHUNK) {
        let (mut holders, mut next) = match sees_holders {
            true => (
                allocations::holders(&mut tx, Some(chunk), ctx.now()).await?,
                allocations::next_leases(&mut tx, chunk).await?,
            ),
            false => (HashMap::new(), HashMap::new()),
        };
        for (id, mut row) in super::store::export_rows(&mut tx, chunk, ctx.now()).await? {
            row.holder = holders.remove(&MachineId(id));
            row.next = next.remove(&MachineId(id));
            take(row)?;
        }
    }
    tx.commit().await?;
    Ok(())
}
