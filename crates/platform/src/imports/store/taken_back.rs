//! SQL of taking back what an import wrote.

use chrono::{DateTime, Utc};
use contract::ImportId;

use super::to_json;
use crate::Result;
use crate::db::Tx;
use crate::imports::subject::MayImport;
use crate::imports::{Kept, fault};

/// Why rows are not taken back, each with its reason.
pub(in crate::imports) async fn note_kept(
    tx: &mut Tx,
    _granted: &MayImport,
    id: ImportId,
    kept: &[Kept],
) -> Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i32> = kept.iter().map(|kept| i32::try_from(kept.row).unwrap_or(i32::MAX)).collect();
    let faults = kept.iter().map(|kept| to_json(&[fault(kept.column, kept.why, &[])])).collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "update import_rows r set faults = f from unnest($2::int[], $3::jsonb[]) as t (n, f)
         where r.import_id = $1 and r.row_number = n",
        id.0,
        &numbers,
        &faults
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::imports) async fn note_taken_back(
    tx: &mut Tx,
    _granted: &MayImport,
    id: ImportId,
    (taken, kept): (u32, u32),
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update imports set taken_back_at = $2, taken_back_rows = $3, kept_rows = $4 where id = $1",
        id.0,
        now,
        i32::try_from(taken).unwrap_or(i32::MAX),
        i32::try_from(kept).unwrap_or(i32::MAX)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
