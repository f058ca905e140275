//! What was used and what it costs, added up, and the rows that it comes of.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use contract::billing::{
    BillingGroup, BillingQuery, BillingUsage, LedgerLine, LedgerQuery, MAX_PERIOD_DAYS, MAX_STEPS, UsageLine,
    UsageTotal,
};
use contract::{CustomerId, InstanceId, Page, Permission, SpecId, UserId};

use super::store;
use crate::authz::{LedgerRef, OwnLedgerRef, Scope};
use crate::exports::Pages;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, audit, calendar};

/// From, and until without it.
pub(super) type Period = (DateTime<Utc>, DateTime<Utc>);

/// Whose rows.
pub(super) struct Which {
    pub customer: Option<CustomerId>,
    pub user: Option<UserId>,
    pub machine: Option<String>,
    pub spec: Option<SpecId>,
    pub instance: Option<InstanceId>,
}

/// Everybody's, by the filters.
fn of_staff(ctx: &OpContext, query: &BillingQuery) -> Result<Which> {
    ctx.authorize_list::<LedgerRef>(Permission::BillingView)?;
    Ok(Which {
        customer: query.customer_id,
        user: query.user_id,
        machine: query.machine.clone().filter(|code| !code.is_empty()),
        spec: query.spec_id,
        instance: query.instance_id,
    })
}

/// One's customer's, for its owners, or one's own; whatever the filters say.
fn of_reader(ctx: &OpContext, query: &BillingQuery) -> Result<Which> {
    let which = Which {
        customer: ctx.user().and_then(|user| user.active_customer),
        user: query.user_id,
        machine: query.machine.clone().filter(|code| !code.is_empty()),
        spec: query.spec_id,
        instance: query.instance_id,
    };
    match ctx.authorize_list::<OwnLedgerRef>(Permission::BillingViewOwn)? {
        Scope::Customer(customer) => Ok(Which { customer: Some(customer), ..which }),
        Scope::Own(person) if which.customer.is_some() => Ok(Which { user: Some(person), ..which }),
        Scope::Own(_) | Scope::All => Err(Error::not_found()),
    }
}

/// Everybody's use, for staff.
///
/// # Errors
/// `NotFound` for who does not see it, `Validation` for a period that makes no sense or has too many steps.
pub async fn usage(platform: &Platform, ctx: &OpContext, query: &BillingQuery) -> Result<BillingUsage> {
    sum(platform, ctx, &of_staff(ctx, query)?, query).await
}

/// One's customer's, for its owners, or one's own.
///
/// # Errors
/// As [`usage`]'s.
pub async fn own_usage(platform: &Platform, ctx: &OpContext, query: &BillingQuery) -> Result<BillingUsage> {
    sum(platform, ctx, &of_reader(ctx, query)?, query).await
}

/// [`usage`] for a workbook: who takes it away is in the log.
///
/// # Errors
/// As [`usage`]'s.
pub async fn export_usage(platform: &Platform, ctx: &OpContext, query: &BillingQuery) -> Result<BillingUsage> {
    let which = of_staff(&ctx.trying_new("billing:export-usage", "ledger"), query)?;
    audit::record_export(platform, ctx, ("billing:export-usage", "ledger"), None, query).await?;
    sum(platform, ctx, &which, query).await
}

/// [`own_usage`] for a workbook: who takes it away is in the log.
///
/// # Errors
/// As [`usage`]'s.
pub async fn export_own_usage(platform: &Platform, ctx: &OpContext, query: &BillingQuery) -> Result<BillingUsage> {
    let which = of_reader(&ctx.trying_new("billing:export-usage", "ledger"), query)?;
    audit::record_export(platform, ctx, ("billing:export-usage", "ledger"), which.customer, query).await?;
    sum(platform, ctx, &which, query).await
}

async fn sum(platform: &Platform, ctx: &OpContext, which: &Which, query: &BillingQuery) -> Result<BillingUsage> {
    let zone = ctx.time_zone(platform);
    let group_by = query.group_by.unwrap_or(BillingGroup::Day);
    let (from, until) = period(ctx, query, zone)?;
    let whole = [from, until];
    let steps = match group_by {
        BillingGroup::Hour | BillingGroup::Day | BillingGroup::Month => split((from, until), group_by, zone)?,
        _ => whole.to_vec(),
    };
    let by = match group_by {
        BillingGroup::Hour | BillingGroup::Day | BillingGroup::Month => "",
        other => other.code(),
    };
    // One instant for lines and totals.
    let mut tx = platform.db().snapshot(ctx).await?;
    let lines = store::sums(&mut tx, which, &steps, by, ctx.now()).await?;
    let totals = store::sums(&mut tx, which, &whole, "", ctx.now()).await?;
    tx.commit().await?;
    let line = |row: store::Sum| UsageLine {
        starts_at: row.starts_at.filter(|_| by.is_empty()),
        key: row.key,
        name: row.name,
        seconds: row.seconds.normalize().to_string(),
        cost: row.cost.normalize().to_string(),
        currency: row.currency,
    };
    let total = |row: store::Sum| UsageTotal {
        seconds: row.seconds.normalize().to_string(),
        cost: row.cost.normalize().to_string(),
        currency: row.currency,
    };
    Ok(BillingUsage {
        group_by,
        from,
        until,
        time_zone: zone.name().to_owned(),
        lines: lines.into_iter().map(line).collect(),
        totals: totals.into_iter().map(total).collect(),
    })
}

/// The period that is asked for: this month until now, where nothing is.
fn period(ctx: &OpContext, query: &BillingQuery, zone: Tz) -> Result<Period> {
    let until = query.until.unwrap_or(ctx.now());
    let from = query.from.unwrap_or_else(|| calendar::begin_of(until, calendar::Unit::Month, zone));
    if from > until || until - from > TimeDelta::days(MAX_PERIOD_DAYS) {
        return Err(Error::field("from", "field-time-range"));
    }
    Ok((from, until))
}

/// Where hours, days or months begin in it, with its begin and its end.
fn split((from, until): Period, by: BillingGroup, zone: Tz) -> Result<Vec<DateTime<Utc>>> {
    let unit = match by {
        BillingGroup::Hour => calendar::Unit::Hour,
        BillingGroup::Month => calendar::Unit::Month,
        _ => calendar::Unit::Day,
    };
    let mut steps = vec![from];
    let mut at = from;
    while let Some(next) = calendar::next_begin(at, unit, zone).filter(|next| *next < until) {
        steps.push(next);
        at = next;
        if steps.len() > MAX_STEPS {
            let mut wrong = Wrong::new();
            wrong.add_with("until", "field-billing-steps", vec![("max", MAX_STEPS.to_string())]);
            wrong.into_result()?;
        }
    }
    steps.push(until);
    Ok(steps)
}

/// The rows that lie in the period, the newest first: everybody's, for staff.
///
/// # Errors
/// As [`usage`]'s.
pub async fn ledger(platform: &Platform, ctx: &OpContext, query: &LedgerQuery) -> Result<Page<LedgerLine>> {
    let which = of_staff(ctx, &query.into())?;
    page(platform, ctx, &which, query).await
}

/// The same of one's customer, for its owners, or of one's own.
///
/// # Errors
/// As [`usage`]'s.
pub async fn own_ledger(platform: &Platform, ctx: &OpContext, query: &LedgerQuery) -> Result<Page<LedgerLine>> {
    let which = of_reader(ctx, &query.into())?;
    page(platform, ctx, &which, query).await
}

async fn page(platform: &Platform, ctx: &OpContext, which: &Which, query: &LedgerQuery) -> Result<Page<LedgerLine>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let period = period(ctx, &query.into(), ctx.time_zone(platform))?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::lines(&mut tx, which, period, ctx.now(), (page, page_size)).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Every row of the period, as it all was at one instant; true when there are more than fit into a workbook. Who takes them away
/// is in the log.
///
/// # Errors
/// As [`usage`]'s, and whatever `take` gives.
pub async fn export_ledger(
    platform: &Platform,
    ctx: &OpContext,
    query: &LedgerQuery,
    take: impl FnMut(LedgerLine) -> Result<()> + Send,
) -> Result<bool> {
    let which = of_staff(&ctx.trying_new("billing:export-ledger", "ledger"), &query.into())?;
    audit::record_export(platform, ctx, ("billing:export-ledger", "ledger"), None, query).await?;
    all(platform, ctx, &which, query, take).await
}

/// The same of one's customer, for its owners, or of one's own.
///
/// # Errors
/// As [`export_ledger`]'s.
pub async fn export_own_ledger(
    platform: &Platform,
    ctx: &OpContext,
    query: &LedgerQuery,
    take: impl FnMut(LedgerLine) -> Result<()> + Send,
) -> Result<bool> {
    let which = of_reader(&ctx.trying_new("billing:export-ledger", "ledger"), &query.into())?;
    audit::record_export(platform, ctx, ("billing:export-ledger", "ledger"), which.customer, query).await?;
    all(platform, ctx, &which, query, take).await
}

async fn all(
    platform: &Platform,
    ctx: &OpContext,
    which: &Which,
    query: &LedgerQuery,
    mut take: impl FnMut(LedgerLine) -> Result<()> + Send,
) -> Result<bool> {
    let period = period(ctx, &query.into(), ctx.time_zone(platform))?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = store::lines(&mut tx, which, period, ctx.now(), place).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}
