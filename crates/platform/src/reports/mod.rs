//! The fleet at a glance: numbers put together from the slices' own operations; nothing is stored here.

mod statistics;
mod workbench;

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use contract::allocations::{AllocationQuery, ENDING_SOON_DAYS, RenewalQuery, RenewalState};
use contract::customers::CustomerQuery;
use contract::metrics::FleetTotals;
use contract::reports::{
    CustomerShare, CustomerUsage, DashboardStats, GpuTrend, MachineStatus, TrendQuery, TrendRange,
};
use contract::{CustomerId, Permission};

pub use statistics::{
    customer_statistics, export_customer_statistics, export_machine_statistics, machine_statistics, monthly_usage,
};
pub use workbench::{my_dashboard, my_machines};

use crate::authz::AllocationRef;
use crate::machines::GpuTimes;
use crate::{OpContext, Platform, Result, SystemActor, allocations, billing, customers, machines, metrics};

/// Numbers of the staff's first page.
///
/// # Errors
/// `NotFound` for who does not see the whole fleet.
pub async fn dashboard(platform: &Platform, ctx: &OpContext) -> Result<DashboardStats> {
    let wall = metrics::wall(platform, ctx).await?;
    let lent = allocations::lent(platform, ctx).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let lendable = machines::lendable(&mut tx).await?;
    tx.commit().await?;
    let taken: HashSet<&str> = lent.iter().map(|(_, code)| code.as_str()).collect();
    let silent: HashSet<&str> =
        wall.machines.iter().filter(|tile| tile.is_offline()).map(|tile| tile.id.as_str()).collect();
    let is_free = |code: &str| !taken.contains(code) && !silent.contains(code);
    let free = lendable.iter().filter(|(_, code)| is_free(code)).count();
    let ending = AllocationQuery {
        days: u32::try_from(ENDING_SOON_DAYS).ok(),
        page_size: Some(1),
        ..AllocationQuery::default()
    };
    let open = RenewalQuery { state: Some(RenewalState::Open), page_size: Some(1), ..RenewalQuery::default() };
    let active = CustomerQuery { active: Some(true), page_size: Some(1), ..CustomerQuery::default() };
    Ok(DashboardStats {
        fleet: FleetTotals::of(wall.machines.iter()),
        machines_lent: lent.len() as u64,
        machines_free: free as u64,
        customers_active: customers::list(platform, ctx, &active).await?.total,
        allocations_ending: allocations::list(platform, ctx, &ending).await?.total,
        renewals_open: allocations::page_of_renewals(platform, ctx, &open).await?.total,
    })
}

/// Customers that have machines now, those with most GPUs first; at most ten.
///
/// # Errors
/// As [`dashboard`]'s.
pub async fn largest_customers(platform: &Platform, ctx: &OpContext) -> Result<Vec<CustomerShare>> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let mut tx = platform.db().begin(ctx).await?;
    let held = allocations::holders(&mut tx, None, ctx.now()).await?;
    let machines: Vec<i64> = held.keys().map(|machine| machine.0).collect();
    // Counted as everywhere: what was found, else what was typed.
    let briefs = machines::briefs(platform, &mut tx, &machines, ctx.now()).await?;
    tx.commit().await?;
    let mut shares: HashMap<i64, CustomerShare> = HashMap::new();
    for (machine, holder) in held {
        let id = holder.customer_id;
        let empty = || CustomerShare { customer_id: id, name: holder.customer_name.clone(), machines: 0, gpus: 0 };
        let share = shares.entry(id.0).or_insert_with(empty);
        share.machines += 1;
        share.gpus += briefs.get(&machine.0).and_then(|brief| brief.gpu_count).map_or(0, u64::from);
    }
    let mut list: Vec<_> = shares.into_values().collect();
    list.sort_by(|a, b| (b.gpus, b.machines, &a.name).cmp(&(a.gpus, a.machines, &b.name)));
    list.truncate(10);
    Ok(list)
}

/// Where a machine stands.
///
/// # Errors
/// `NotFound` for a machine that is not there, or for who does not see the fleet.
pub async fn machine_status(platform: &Platform, ctx: &OpContext, code: &str) -> Result<MachineStatus> {
    let machine = machines::get(platform, ctx, code).await?;
    let query = AllocationQuery { machine: Some(code.to_owned()), page_size: Some(1), ..AllocationQuery::default() };
    // Those that are over come last.
    let allocation = allocations::list(platform, ctx, &query).await?.list.pop().filter(|row| row.state.holds());
    Ok(MachineStatus {
        id: machine.id,
        service_state: machine.service_state,
        service_note: machine.service_note,
        presence: machine.presence,
        last_seen_at: machine.last_seen_at,
        monitored: machine.monitored,
        maintenance: machine.maintenance,
        allocation,
    })
}

/// The fleet's GPUs over time.
///
/// # Errors
/// As [`dashboard`]'s.
pub async fn gpu_trend(platform: &Platform, ctx: &OpContext, query: &TrendQuery) -> Result<GpuTrend> {
    let hours = match query.range.unwrap_or(TrendRange::Day) {
        TrendRange::Day => 24,
        TrendRange::Week => 24 * 7,
    };
    metrics::gpu_trend(platform, ctx, hours).await
}

/// What a customer has had so far, for staff.
///
/// # Errors
/// `NotFound` for an unknown customer and for who may not manage it.
pub async fn customer_usage(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<CustomerUsage> {
    let customer = customers::get(platform, ctx, id).await?;
    usage(platform, ctx, customer.id).await
}

/// What the customer one acts for has had so far.
///
/// # Errors
/// `NotFound` for who acts for none.
pub async fn my_usage(platform: &Platform, ctx: &OpContext) -> Result<CustomerUsage> {
    let customer = customers::mine(platform, ctx).await?;
    usage(platform, ctx, customer.id).await
}

async fn usage(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<CustomerUsage> {
    let now = ctx.now();
    let month_ago = now - TimeDelta::days(30);
    // Machines and figures of the past are behind row-level security; the right to these sums was decided above.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Metrics)).await?;
    let spans = allocations::spans(&mut tx, id, now).await?;
    let ids: Vec<i64> = spans.iter().map(|(machine, ..)| machine.0).collect();
    let gpus = GpuTimes::load(&mut tx, &ids).await?;
    let mut sum = CustomerUsage { allocations: spans.len() as u64, ..CustomerUsage::default() };
    let (mut samples, mut util) = (0.0, 0.0);
    for (measured, used) in metrics::gpu_use_of(&mut tx, &spans, now).await? {
        samples += measured;
        util += used;
    }
    for (machine, from, until) in spans {
        sum.machine_hours += ((until - from).num_seconds() as f64 / 3600.0).max(0.0);
        sum.gpu_hours += gpus.hours(machine.0, from, until);
        sum.gpu_hours_30_days += gpus.hours(machine.0, from.max(month_ago), until);
    }
    let (all, lately) = billing::gpu_hours(&mut tx, id, month_ago, now).await?;
    sum.gpu_hours += all;
    sum.gpu_hours_30_days += lately;
    tx.commit().await?;
    sum.gpu_util_percent = (samples > 0.0).then(|| (util / samples) as f32);
    Ok(sum)
}
