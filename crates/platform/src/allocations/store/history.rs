//! SQL of what happened to an allocation.

use chrono::{DateTime, Utc};
use contract::AllocationId;
use contract::allocations::AllocationEventView;

use crate::Result;
use crate::db::Tx;

pub(in crate::allocations) async fn insert_event(
    tx: &mut Tx,
    id: AllocationId,
    at: DateTime<Utc>,
    kind: &str,
    (ends_before, ends_after): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    actor_name: &str,
    note: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "insert into allocation_events (allocation_id, at, kind, ends_before, ends_after, actor_name, note)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id.0,
        at,
        kind,
        ends_before,
        ends_after,
        actor_name,
        note
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Most of what happened to one that anybody is shown: the newest.
const MOST: i64 = 500;

/// Oldest first. Notes are between staff, except those that answer the customer; so is what was left out when it came back.
pub(in crate::allocations) async fn events(
    tx: &mut Tx,
    id: AllocationId,
    staff: bool,
) -> Result<Vec<AllocationEventView>> {
    let rows = sqlx::query!(
        "select at, kind, ends_before, ends_after, actor_name, note from allocation_events
         where allocation_id = $1 order by id desc limit $2",
        id.0,
        MOST
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .rev()
        .filter(|row| staff || row.kind != "step_skipped")
        .map(|row| AllocationEventView {
            at: row.at,
            ends_before: row.ends_before,
            ends_after: row.ends_after,
            actor_name: row.actor_name,
            note: row.note.filter(|_| staff || matches!(row.kind.as_str(), "renewal_requested" | "renewal_refused")),
            kind: row.kind,
        })
        .collect())
}
