//! Renewing or reclaiming many allocations: first what would become of each, then the doing, each for itself.

use contract::allocations::{
    AllocationAction, AllocationBulk, AllocationEnd, AllocationRenew, AllocationView, MAX_MONTHS,
};
use contract::machines::MAX_BULK;
use contract::{AllocationId, ErrorCode, Permission};

use super::{end_in_tx, renew_in_tx, store, views};
use crate::authz::AllocationRef;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result};

/// Does it.
///
/// # Errors
/// `Validation` for no or too many allocations or for months that make no sense; `NotFound` when it may not be done at all.
pub async fn act_on_many(
    platform: &Platform,
    ctx: &OpContext,
    bulk: AllocationBulk,
) -> Result<Vec<(AllocationId, Result<()>)>> {
    check(ctx, &bulk)?;
    if bulk.ids.is_empty() {
        return Err(Error::field("ids", "field-choose-some"));
    }
    let mut outcomes = Vec::with_capacity(bulk.ids.len());
    for id in distinct(&bulk.ids) {
        outcomes.push((id, act(platform, ctx, id, &bulk, true).await));
    }
    Ok(outcomes)
}

/// What would become of each: the same work in a transaction that is thrown away.
///
/// # Errors
/// As [`act_on_many`]'s, but none for none.
pub async fn preview_many(
    platform: &Platform,
    ctx: &OpContext,
    bulk: &AllocationBulk,
) -> Result<Vec<(AllocationView, Result<()>)>> {
    check(ctx, bulk)?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut rows = Vec::new();
    for id in distinct(&bulk.ids) {
        rows.extend(store::get(&mut tx, id).await?);
    }
    let shown = views(platform, ctx, &mut tx, rows).await?;
    tx.commit().await?;
    let mut found = Vec::with_capacity(shown.len());
    for view in shown {
        let outcome = act(platform, ctx, view.id, bulk, false).await;
        found.push((view, outcome));
    }
    Ok(found)
}

fn distinct(ids: &[AllocationId]) -> Vec<AllocationId> {
    let mut seen = std::collections::HashSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

fn check(ctx: &OpContext, bulk: &AllocationBulk) -> Result<()> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsUpdate)?;
    if bulk.ids.len() > MAX_BULK {
        return Err(Error::new(ErrorCode::Validation).with_field("ids", "field-too-many"));
    }
    let mut wrong = Wrong::new();
    if bulk.action == AllocationAction::Renew && !bulk.months.is_some_and(|months| (1..=MAX_MONTHS).contains(&months)) {
        wrong.add_with("months", "field-number-range", vec![("min", "1".to_owned()), ("max", MAX_MONTHS.to_string())]);
    }
    wrong.text("note", bulk.note.clone(), 1000);
    wrong.into_result()
}

async fn act(platform: &Platform, ctx: &OpContext, id: AllocationId, bulk: &AllocationBulk, keep: bool) -> Result<()> {
    let mut tx = platform.db().begin(ctx).await?;
    match bulk.action {
        AllocationAction::Renew => {
            let body = AllocationRenew { months: bulk.months, ends_at: None, note: bulk.note.clone() };
            renew_in_tx(platform, &mut tx, ctx, id, body).await?;
        }
        AllocationAction::Reclaim => {
            end_in_tx(&mut tx, ctx, id, AllocationEnd { note: bulk.note.clone() }).await?;
        }
    }
    if keep {
        tx.commit().await?
    } else {
        tx.rollback().await?
    }
    Ok(())
}
