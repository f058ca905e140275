//! What machines were used for and what customers had, in a period: put together from allocations and the hourly figures.
//!
//! Invariants: what is to come counts nothing; what was not measured is null, never 0; an export is of one instant.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Datelike, Months, NaiveTime, TimeDelta, Utc};
use contract::customers::CustomerQuery;
use contract::reports::{CustomerStatistics, MachineStatistics, MonthlyUsage, StatisticsQuery, UsageQuery};
use contract::{Page, Permission};

use crate::allocations::{Span, SpansOf};
use crate::authz::{AllocationRef, CustomerRef, MachineRef};
use crate::db::Tx;
use crate::exports::Pages;
use crate::fields::Wrong;
use crate::machines::GpuTimes;
use crate::{Error, OpContext, Platform, Result, allocations, audit, customers, machines, metrics};

/// Longest period, days.
const MAX_DAYS: i64 = 731;
/// Most months of the use by month.
const MAX_MONTHS: u32 = 24;

type Period = (DateTime<Utc>, DateTime<Utc>);

/// What each machine was used for.
///
/// # Errors
/// `Validation` for a period that makes no sense; `NotFound` for who does not run the fleet.
pub async fn machine_statistics(
    platform: &Platform,
    ctx: &OpContext,
    query: &StatisticsQuery,
) -> Result<Page<MachineStatistics>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let period = may_read(ctx, query)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = of_machines(platform, ctx, &mut tx, query, period, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// The same for every machine of the search, as it all was at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As [`machine_statistics`]', and whatever `take` gives.
pub async fn export_machine_statistics(
    platform: &Platform,
    ctx: &OpContext,
    query: &StatisticsQuery,
    mut take: impl FnMut(MachineStatistics) -> Result<()> + Send,
) -> Result<bool> {
    let period = may_read(ctx, query)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some((number, size)) = pages.wanted() {
        let (rows, _) = of_machines(platform, ctx, &mut tx, query, period, number, size).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// What each customer had.
///
/// # Errors
/// As [`machine_statistics`]'.
pub async fn customer_statistics(
    platform: &Platform,
    ctx: &OpContext,
    query: &StatisticsQuery,
) -> Result<Page<CustomerStatistics>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let period = may_read(ctx, query)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = of_customers(&mut tx, ctx.now(), query, period, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// The same for every customer of the search, as it all was at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As [`machine_statistics`]', and whatever `take` gives.
pub async fn export_customer_statistics(
    platform: &Platform,
    ctx: &OpContext,
    query: &StatisticsQuery,
    mut take: impl FnMut(CustomerStatistics) -> Result<()> + Send,
) -> Result<bool> {
    let period = may_read(ctx, query)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some((number, size)) = pages.wanted() {
        let (rows, _) = of_customers(&mut tx, ctx.now(), query, period, number, size).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// The use of the last months, the oldest first.
///
/// # Errors
/// As [`machine_statistics`]'.
pub async fn monthly_usage(platform: &Platform, ctx: &OpContext, query: &UsageQuery) -> Result<Vec<MonthlyUsage>> {
    authorize(ctx)?;
    let months = query.months.unwrap_or(12);
    if !(1..=MAX_MONTHS).contains(&months) {
        let mut wrong = Wrong::new();
        let bounds = vec![("min", "1".to_owned()), ("max", MAX_MONTHS.to_string())];
        wrong.add_with("months", "field-number-range", bounds);
        wrong.into_result()?;
    }
    let this = ctx.now().date_naive().with_day(1).unwrap_or_default();
    let first = this.checked_sub_months(Months::new(months - 1)).unwrap_or(this);
    let starts: Vec<DateTime<Utc>> = (0..=months)
        .filter_map(|month| first.checked_add_months(Months::new(month)))
        .map(|day| day.and_time(NaiveTime::MIN).and_utc())
        .collect();
    let mut tx = platform.db().begin(ctx).await?;
    let one = query.customer_id.map(|id| [id.0]);
    let of = one.as_ref().map_or(SpansOf::Everybody, |one| SpansOf::Customers(one));
    let spans = allocations::spans_between(&mut tx, of, starts[0], ctx.now()).await?;
    let gpus = gpus_of(&mut tx, &spans).await?;
    tx.commit().await?;
    Ok(starts
        .windows(2)
        .map(|month| {
            let mut customers = BTreeSet::new();
            let mut usage = MonthlyUsage {
                month: month[0].format("%Y-%m").to_string(),
                customers: 0,
                allocations: 0,
                machine_hours: 0.0,
                gpu_hours: 0.0,
            };
            for span in &spans {
                let (from, until) = (span.from.max(month[0]), span.until.min(month[1]));
                let hours = hours(from, until);
                if hours > 0.0 {
                    customers.insert(span.customer.0);
                    usage.allocations += 1;
                    usage.machine_hours += hours;
                    usage.gpu_hours += gpus.hours(span.machine.0, from, until);
                }
            }
            usage.customers = customers.len() as u64;
            usage
        })
        .collect())
}

/// Who runs the fleet, its customers and its allocations.
fn authorize(ctx: &OpContext) -> Result<()> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    ctx.authorize_list::<CustomerRef>(Permission::CustomersManage)?;
    ctx.authorize_list::<MachineRef>(Permission::MetricsView)?;
    Ok(())
}

fn may_read(ctx: &OpContext, query: &StatisticsQuery) -> Result<Period> {
    authorize(ctx)?;
    let until = query.until.map_or(ctx.now(), |until| until.min(ctx.now()));
    let from = query.from.unwrap_or(until - TimeDelta::days(30));
    if from >= until || until - from > TimeDelta::days(MAX_DAYS) {
        return Err(Error::field("from", "field-time-range"));
    }
    Ok((from, until))
}

fn hours(from: DateTime<Utc>, until: DateTime<Utc>) -> f64 {
    ((until - from).num_milliseconds() as f64 / 3_600_000.0).max(0.0)
}

/// The GPUs of these machines over time.
async fn gpus_of(tx: &mut Tx, spans: &[Span]) -> Result<GpuTimes> {
    let mut ids: Vec<i64> = spans.iter().map(|span| span.machine.0).collect();
    ids.sort_unstable();
    ids.dedup();
    GpuTimes::load(tx, &ids).await
}

async fn of_machines(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    query: &StatisticsQuery,
    (from, until): Period,
    page: u32,
    page_size: u32,
) -> Result<(Vec<MachineStatistics>, u64)> {
    let (found, total) = machines::page_of_names(tx, query.q.as_deref(), page, page_size).await?;
    let ids: Vec<i64> = found.iter().map(|(id, ..)| id.0).collect();
    let mut briefs = machines::briefs(platform, tx, &ids, ctx.now()).await?;
    let gpus = GpuTimes::load(tx, &ids).await?;
    let mut lent: HashMap<i64, (f64, f64)> = HashMap::new();
    for span in allocations::spans_between(tx, SpansOf::Machines(&ids), from, until).await? {
        let (machines, of_gpus) = lent.entry(span.machine.0).or_default();
        *machines += hours(span.from, span.until);
        *of_gpus += gpus.hours(span.machine.0, span.from, span.until);
    }
    let periods: Vec<_> = found.iter().map(|(id, ..)| (*id, from, until)).collect();
    let used = metrics::gpu_use_of(tx, &periods, ctx.now()).await?;
    let list = found
        .into_iter()
        .zip(used)
        .map(|((id, code, name), (samples, util))| {
            let brief = briefs.remove(&id.0).unwrap_or_default();
            let (lent_hours, gpu_hours) = lent.get(&id.0).copied().unwrap_or_default();
            MachineStatistics {
                id: code,
                name,
                region: brief.region,
                gpu_model: brief.gpu_model,
                gpu_count: brief.gpu_count,
                lent_hours,
                lent_percent: 100.0 * lent_hours / hours(from, until),
                gpu_hours,
                gpu_util_percent: (samples > 0.0).then(|| (util / samples) as f32),
            }
        })
        .collect();
    Ok((list, total))
}

async fn of_customers(
    tx: &mut Tx,
    now: DateTime<Utc>,
    query: &StatisticsQuery,
    (from, until): Period,
    page: u32,
    page_size: u32,
) -> Result<(Vec<CustomerStatistics>, u64)> {
    let wanted = CustomerQuery { q: query.q.clone(), ..CustomerQuery::default() };
    let (found, total) = customers::list_in_tx(tx, &wanted, page, page_size).await?;
    let ids: Vec<i64> = found.iter().map(|row| row.id.0).collect();
    let spans = allocations::spans_between(tx, SpansOf::Customers(&ids), from, until).await?;
    let gpus = gpus_of(tx, &spans).await?;
    let periods: Vec<_> = spans.iter().map(|span| (span.machine, span.from, span.until)).collect();
    let used = metrics::gpu_use_of(tx, &periods, now).await?;
    let mut sums: HashMap<i64, (CustomerStatistics, f64, f64)> = found
        .iter()
        .map(|row| {
            let empty = CustomerStatistics {
                customer_id: row.id,
                name: row.name.clone(),
                allocations: 0,
                machine_hours: 0.0,
                gpu_hours: 0.0,
                gpu_util_percent: None,
            };
            (row.id.0, (empty, 0.0, 0.0))
        })
        .collect();
    for (span, (samples, util)) in spans.iter().zip(used) {
        let Some((sum, all_samples, all_util)) = sums.get_mut(&span.customer.0) else { continue };
        let hours = hours(span.from, span.until);
        sum.allocations += 1;
        sum.machine_hours += hours;
        sum.gpu_hours += gpus.hours(span.machine.0, span.from, span.until);
        *all_samples += samples;
        *all_util += util;
    }
    let list = ids.iter().filter_map(|id| sums.remove(id)).map(|(sum, samples, util)| CustomerStatistics {
        gpu_util_percent: (samples > 0.0).then(|| (util / samples) as f32),
        ..sum
    });
    Ok((list.collect(), total))
}
