//! The period of a lease: what its end may be, and moving it.

use chrono::{DateTime, Utc};
use contract::allocations::{AllocationDetail, AllocationRenew, MAX_MONTHS};
use contract::{AllocationId, ErrorCode, May, Permission};

use super::{detail, event, keep, lock, notices, overlap, record, renewals, store, wrong_state};
use crate::authz::{ManageAllocation, UpdateAllocation};
use crate::calendar::add_months;
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, customers, machines, settings};

/// Moves the end of an allocation: later, or earlier.
///
/// # Errors
/// `Conflict` (`error-allocation-changed`) when it changed after the revision the caller read.
pub async fn renew(
    platform: &Platform,
    ctx: &OpContext,
    id: AllocationId,
    body: AllocationRenew,
) -> Result<AllocationDetail> {
    let zone = settings::time_zone(platform).await;
    let mut tx = platform.db().begin(ctx).await?;
    let after = renew_in_tx(platform, &mut tx, ctx, id, body, zone).await?;
    let detail = detail(platform, ctx, &mut tx, after).await?;
    keep(platform, tx).await?;
    Ok(detail)
}

pub(super) async fn renew_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    id: AllocationId,
    body: AllocationRenew,
    zone: chrono_tz::Tz,
) -> Result<store::Row> {
    let ctx = &ctx.trying_on("allocations:renew", "allocation", id);
    let before = lock(tx, ctx, id).await?;
    // Somebody who looked at another end would move this one: two who press "a month more" mean one month.
    if body.revision.is_some_and(|revision| revision != before.revision) {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-allocation-changed"));
    }
    let path = if body.months.is_some() { "months" } else { "endsAt" };
    let mut wrong = Wrong::new();
    let ends_at = end_of(&mut wrong, (before.ends_at, before.starts_at), zone, body.months, body.ends_at);
    let note = wrong.text("note", body.note, 1000);
    wrong.into_result()?;
    let ends_at = ends_at.ok_or_else(|| Error::internal("checked above"))?;
    renewals::answer_open(tx, ctx, &before, ends_at).await?;
    let after = move_end(platform, tx, ctx, &before, (path, ends_at), note.as_deref()).await?;
    notices::moved(platform, tx, ctx, &before, &after).await?;
    Ok(after)
}

/// `months` after `from`, in a period that began at `began`, or `ends_at`: exactly one.
pub(super) fn end_of(
    wrong: &mut Wrong,
    (from, began): (DateTime<Utc>, DateTime<Utc>),
    zone: chrono_tz::Tz,
    months: Option<u32>,
    ends_at: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let end = match (months, ends_at) {
        (Some(_), Some(_)) => {
            wrong.add("endsAt", "field-months-or-end");
            return None;
        }
        (None, None) => {
            wrong.add("months", "field-required");
            return None;
        }
        (Some(months), None) => {
            if months == 0 || months > MAX_MONTHS {
                wrong.add_with(
                    "months",
                    "field-number-range",
                    vec![("min", "1".to_owned()), ("max", MAX_MONTHS.to_string())],
                );
                return None;
            }
            add_months(from, months, zone, Some(began))?
        }
        (None, Some(end)) => end,
    };
    let latest = add_months(from, MAX_MONTHS, zone, Some(began))?;
    if end > latest {
        wrong.add_with("endsAt", "field-end-too-late", vec![("months", MAX_MONTHS.to_string())]);
        return None;
    }
    Some(end)
}

/// Whether a lease may run longer than it does, and why not.
///
/// # Errors
/// `NotFound` for who does not see it.
pub async fn may_extend(platform: &Platform, ctx: &OpContext, id: AllocationId) -> Result<May> {
    let mut tx = platform.db().begin(ctx).await?;
    let row = super::find(&mut tx, ctx, id).await?;
    ctx.authorize(ManageAllocation, &row.resource())?;
    // What is over, or on its way back, has no end to be moved.
    let may = if row.state.can_be_moved() {
        let active = customers::is_active(&mut tx, row.customer).await?;
        crate::may(ctx, ctx.holds(Permission::AllocationsUpdate), may_be_longer(&mut tx, &row, active).await)?
    } else {
        May::default()
    };
    tx.commit().await?;
    Ok(may)
}

/// `active`: the customer is.
async fn may_be_longer(tx: &mut Tx, row: &store::Row, active: bool) -> Result<()> {
    // A machine that is being emptied, or is gone, is not promised for longer.
    if !machines::takes_renewals(tx, row.machine).await? {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-renew-service-state"));
    }
    // Nor is any machine promised to who would not be given one; a customer that is gone has none.
    if !active {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-renew-customer-disabled"));
    }
    Ok(())
}

/// Moves the end in the caller's transaction, with its event and audit row; a fault is of the field at `path`.
pub(super) async fn move_end(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    before: &store::Row,
    (path, ends_at): (&'static str, DateTime<Utc>),
    note: Option<&str>,
) -> Result<store::Row> {
    let granted = ctx.authorize(UpdateAllocation, &before.resource())?;
    if !before.state.can_be_moved() {
        return Err(wrong_state(before.state));
    }
    if ends_at <= before.starts_at.max(ctx.now()) {
        return Err(Error::field(path, "field-end-past"));
    }
    if ends_at > before.ends_at {
        let active = customers::lock(tx, before.customer).await? == Some(true);
        may_be_longer(tx, before, active).await?;
    }
    let hold = ends_at + chrono::TimeDelta::days(i64::from(before.grace_days));
    if let Some(other) = store::in_the_way(tx, before.machine, Some(before.id), before.starts_at, hold).await? {
        return Err(overlap(platform, ctx, tx, &other, path).await?);
    }
    store::set_end(tx, &granted, before, ends_at, hold, ctx.now()).await?;
    let kind = if ends_at > before.ends_at { "renewed" } else { "shortened" };
    event(tx, ctx, before.id, kind, Some(before.ends_at), Some(ends_at), note).await?;
    let after = store::get(tx, before.id).await?.ok_or_else(Error::not_found)?;
    record(tx, ctx, "allocations:renew", Some(before), &after).await?;
    Ok(after)
}
