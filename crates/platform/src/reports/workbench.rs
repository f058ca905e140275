//! What a customer sees first: its machines and how they are doing.

use contract::allocations::{AllocationQuery, AllocationState, AllocationView, ENDING_SOON_DAYS};
use contract::machines::Presence;
use contract::metrics::MachineLive;
use contract::reports::{CustomerDashboard, MyMachine};
use contract::{ErrorCode, MAX_PAGE_SIZE};

use crate::{OpContext, Platform, Result, allocations, customers};

/// Numbers of a customer's first page.
///
/// # Errors
/// `NotFound` for who acts for none.
pub async fn my_dashboard(platform: &Platform, ctx: &OpContext) -> Result<CustomerDashboard> {
    let customer = customers::mine(platform, ctx).await?;
    let machines = active(platform, ctx).await?;
    let count = |which: fn(&AllocationView) -> bool| machines.iter().filter(|row| which(row)).count() as u64;
    Ok(CustomerDashboard {
        machines: machines.len() as u64,
        machines_online: count(|row| row.presence == Some(Presence::Online)),
        gpus: machines.iter().map(|row| u64::from(row.gpu_count.unwrap_or(0))).sum(),
        ending_soon: count(|row| row.days_left <= ENDING_SOON_DAYS),
        next_end_at: machines.iter().map(|row| row.ends_at).min(),
        renewals_open: count(|row| row.open_request.is_some()),
        in_maintenance: count(|row| row.maintenance.is_some()),
        members: customer.member_count,
    })
}

/// The machines a customer has now, those that end first on top, with their newest figures.
///
/// # Errors
/// As [`my_dashboard`]'s.
pub async fn my_machines(platform: &Platform, ctx: &OpContext) -> Result<Vec<MyMachine>> {
    let mut list = Vec::new();
    for allocation in active(platform, ctx).await? {
        match allocations::machine_live(platform, ctx, &allocation.machine).await {
            Ok(live) => list.push(with_figures(allocation, &live)),
            // Over since it was listed.
            Err(error) if error.code == ErrorCode::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(list)
}

async fn active(platform: &Platform, ctx: &OpContext) -> Result<Vec<AllocationView>> {
    let mut all = Vec::new();
    for page in 1.. {
        let query = AllocationQuery {
            state: Some(AllocationState::Active),
            page: Some(page),
            page_size: Some(MAX_PAGE_SIZE),
            load: Some(false),
            ..AllocationQuery::default()
        };
        let found = allocations::mine(platform, ctx, &query).await?;
        let last = u64::from(page) >= found.pages();
        all.extend(found.list);
        if last {
            break;
        }
    }
    Ok(all)
}

fn with_figures(allocation: AllocationView, live: &MachineLive) -> MyMachine {
    // What a silent machine said last is not what it does now.
    let online = live.presence == Presence::Online;
    let gpus = || live.gpus.iter().filter(|gpu| online && !gpu.lost);
    let utils: Vec<f32> = gpus().filter_map(|gpu| gpu.util_percent).collect();
    let sum = |values: Vec<u64>| (!values.is_empty()).then(|| values.iter().sum());
    MyMachine {
        allocation,
        gpu_util_percent: (!utils.is_empty()).then(|| utils.iter().sum::<f32>() / utils.len() as f32),
        gpu_memory_used_bytes: sum(gpus().filter_map(|gpu| gpu.memory_used_bytes).collect()),
        gpu_memory_total_bytes: sum(gpus().filter_map(|gpu| gpu.memory_total_bytes).collect()),
        cpu_percent: live.host.cpu_percent.filter(|_| online),
        at: live.at,
    }
}
