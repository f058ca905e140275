//! Renewing or reclaiming many allocations: first what would become of each, then the doing, each for itself.

use chrono::{DateTime, Utc};
use contract::allocations::{
    AllocationAction, AllocationBulk, AllocationEnd, AllocationRenew, AllocationView, MAX_MONTHS,
};
use contract::machines::MAX_BULK;
use contract::{AllocationId, ErrorCode, Permission};

use super::{end_in_tx, keep, list, renew_in_tx, store, views};
use crate::authz::AllocationRef;
use crate::db::Tx;
use crate::fields::Wrong;
use crate::machines::Preview;
use crate::{Error, OpContext, Platform, Result, machines, settings};

/// Does it.
///
/// # Errors
/// `Validation` for no or too many allocations or for months that make no sense; `NotFound` when it may not be done at all.
pub async fn act_on_many(
    platform: &Platform,
    ctx: &OpContext,
    bulk: AllocationBulk,
) -> Result<Vec<(AllocationId, Result<()>)>> {
    let action = match bulk.action {
        AllocationAction::Renew => "allocations:renew",
        AllocationAction::Reclaim => "allocations:end",
    };
    check(&ctx.trying_new(action, "allocation"), &bulk)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (ids, more) = chosen(&mut tx, ctx, &bulk).await?;
    tx.commit().await?;
    if more > 0 {
        return Err(machines::too_many_match(MAX_BULK as u64 + more));
    }
    if ids.is_empty() {
        return Err(Error::field("ids", "field-choose-some"));
    }
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        outcomes.push((id, act(platform, ctx, id, &bulk, true).await.map(|_| ())));
    }
    Ok(outcomes)
}

/// What would become of each, and when it would end: the same work in a transaction that is thrown away.
///
/// # Errors
/// As [`act_on_many`]'s, but none for none or for more than fit.
pub async fn preview_many(
    platform: &Platform,
    ctx: &OpContext,
    bulk: &AllocationBulk,
) -> Result<Preview<AllocationView, DateTime<Utc>>> {
    check(ctx, bulk)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (ids, more) = chosen(&mut tx, ctx, bulk).await?;
    let ids: Vec<i64> = ids.into_iter().map(|id| id.0).collect();
    let found = store::get_all(&mut tx, &ids).await?;
    let shown = views(platform, ctx, &mut tx, found).await?;
    tx.commit().await?;
    let mut rows = Vec::with_capacity(shown.len());
    for view in shown {
        let outcome = act(platform, ctx, view.id, bulk, false).await;
        rows.push((view, outcome));
    }
    Ok(Preview { rows, more })
}

/// The allocations, each once, at most [`MAX_BULK`]; and how many more match.
async fn chosen(tx: &mut Tx, ctx: &OpContext, bulk: &AllocationBulk) -> Result<(Vec<AllocationId>, u64)> {
    let Some(query) = &bulk.matching else {
        let mut seen = std::collections::HashSet::new();
        return Ok((bulk.ids.iter().copied().filter(|id| seen.insert(*id)).collect(), 0));
    };
    if !bulk.ids.is_empty() {
        return Err(Error::field("ids", "field-ids-or-matching"));
    }
    let (rows, total) = list::holding(tx, ctx, query, u32::try_from(MAX_BULK).unwrap_or(u32::MAX)).await?;
    let more = total.saturating_sub(rows.len() as u64);
    Ok((rows.into_iter().map(|row| row.id).collect(), more))
}

fn check(ctx: &OpContext, bulk: &AllocationBulk) -> Result<()> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    ctx.authorize_many::<AllocationRef>(Permission::AllocationsUpdate)?;
    if bulk.ids.len() > MAX_BULK {
        return Err(Error::new(ErrorCode::Validation).with_field("ids", "field-too-many"));
    }
    let mut wrong = Wrong::new();
    if bulk.action == AllocationAction::Renew && !bulk.months.is_some_and(|months| (1..=MAX_MONTHS).contains(&months)) {
        wrong.add_with("months", "field-number-range", vec![("min", "1".to_owned()), ("max", MAX_MONTHS.to_string())]);
    }
    if !bulk.revisions.is_empty() && bulk.revisions.len() != bulk.ids.len() {
        wrong.add("revisions", "field-revisions-each");
    }
    wrong.text("note", bulk.note.clone(), 1000);
    wrong.into_result()
}

/// Returns its end.
async fn act(
    platform: &Platform,
    ctx: &OpContext,
    id: AllocationId,
    bulk: &AllocationBulk,
    real: bool,
) -> Result<DateTime<Utc>> {
    let zone = settings::time_zone(platform).await;
    let mut tx = platform.db().begin(ctx).await?;
    let after = match bulk.action {
        AllocationAction::Renew => {
            let place = bulk.ids.iter().position(|known| *known == id);
            let revision = place.and_then(|place| bulk.revisions.get(place).copied());
            let body = AllocationRenew { months: bulk.months, note: bulk.note.clone(), revision, ends_at: None };
            renew_in_tx(platform, &mut tx, ctx, id, body, zone).await?
        }
        AllocationAction::Reclaim => {
            end_in_tx(platform, &mut tx, ctx, id, AllocationEnd { note: bulk.note.clone() }).await?
        }
    };
    if real {
        keep(platform, tx).await?
    } else {
        tx.rollback().await?
    }
    Ok(after.ends_at)
}
