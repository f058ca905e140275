//! Figures of machines: taken in from agents, fanned out live, stored, rolled up, read back as history.
//!
//! Invariants: a figure that was not measured is null or absent, never 0; a sample is acknowledged only after its rows
//! are committed, and storing it again changes nothing; what a silent machine said last is never shown as what it does
//! now; memory is bounded by the number of machines, queues by constants.

mod cover;
pub(crate) mod fuzzing;
mod history;
mod hub;
mod ingest;
mod links;
mod rollup;
mod store;
mod tiles;
mod watch;
mod writer;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::machines::GpuErrors;
use contract::metrics::{MachineLive, WallSnapshot, WallTile};
use contract::reports::GpuTrend;
use contract::{MachineId, Permission};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use history::history;
pub(crate) use history::history_between;
pub use hub::LiveHub;
pub(crate) use hub::{GpuProgram, GpuPrograms};
pub use ingest::{ingest, report_processes};
pub(crate) use links::{LinkHolder, Peer, database_time, link_holder};
pub use links::{NodeLink, close_link, open_link};
pub use rollup::{keep_partitions, roll_up};
pub use watch::{TopicRight, TopicWatch, may_watch, watch, watch_held};
pub use writer::SampleWriter;

use self::store::Tier;
use crate::authz::{MachineRef, ViewMetrics};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, machines};

/// The newest state of every machine.
pub async fn wall(platform: &Platform, ctx: &OpContext) -> Result<WallSnapshot> {
    watch::authorize_wall(ctx)?;
    hub::refresh(platform).await?;
    let mut wall = platform.live().wall(ctx.now());
    if !watch::sees_leases(ctx) {
        wall.machines = wall.machines.into_iter().map(WallTile::without_lease).collect();
    }
    Ok(wall)
}

/// Everything live about one machine.
pub async fn machine_live(platform: &Platform, ctx: &OpContext, code: &str) -> Result<MachineLive> {
    ctx.authorize_list::<MachineRef>(Permission::MetricsView)?;
    let id = machines::find(platform, ctx, code).await?;
    ctx.authorize(ViewMetrics, &machines::resource(id))?;
    hub::refresh(platform).await?;
    platform.live().machine(code, ctx.now()).ok_or_else(Error::not_found)
}

/// The newest state of a machine, for a slice that has decided that the caller may see it.
pub(crate) async fn live_of_machine(platform: &Platform, ctx: &OpContext, code: &str) -> Result<MachineLive> {
    hub::refresh(platform).await?;
    platform.live().machine(code, ctx.now()).ok_or_else(Error::not_found)
}

/// The same of many, by their codes; those that have never said anything are left out.
pub(crate) async fn live_of_machines(
    platform: &Platform,
    ctx: &OpContext,
    codes: &[String],
) -> Result<HashMap<String, MachineLive>> {
    hub::refresh(platform).await?;
    let live = |code: &String| Some((code.clone(), platform.live().machine(code, ctx.now())?));
    Ok(codes.iter().filter_map(live).collect())
}

/// Who is on which GPU of a machine, for a slice that compares it with what is held; nothing while nobody says.
pub(crate) async fn gpu_programs(platform: &Platform, ctx: &OpContext, code: &str) -> Result<Option<GpuPrograms>> {
    hub::refresh(platform).await?;
    Ok(platform.live().programs(code, ctx.now()))
}

/// GPUs up to which the finer steps are added up; beyond it, an hour is the step.
const FINE_TREND_GPUS: u64 = 400;

/// The mean of every GPU's utilisation and memory in steps over the last hours, from the roll-ups.
///
/// # Errors
/// `NotFound` for who does not see the whole fleet.
pub(crate) async fn gpu_trend(platform: &Platform, ctx: &OpContext, hours: i64) -> Result<GpuTrend> {
    watch::authorize_wall(ctx)?;
    hub::refresh(platform).await?;
    let gpus: u64 = platform.live().state().catalog.values().map(|machine| machine.gpus.len() as u64).sum();
    let fine = hours <= 24 && gpus <= FINE_TREND_GPUS;
    let step = if fine { 600 } else { 3600 };
    let to = ctx.now();
    let from = to - chrono::TimeDelta::hours(hours);
    let mut tx = platform.db().begin(ctx).await?;
    let found = store::gpu_trend(&mut tx, fine, from, to).await?;
    tx.commit().await?;
    let first = from.timestamp().div_euclid(step) * step;
    let mut trend =
        GpuTrend { from: from.timestamp(), to: to.timestamp(), step_seconds: step as u32, ..GpuTrend::default() };
    // Every step of the range has its place: a gap stays a gap.
    let mut at = first;
    while at <= trend.to {
        let (util, memory) = found.get(&at).copied().unwrap_or_default();
        trend.at.push(at);
        trend.util_percent.push(util);
        trend.memory_percent.push(memory);
        at += step;
    }
    Ok(trend)
}

/// Samples of machines' GPUs in periods, and the sum of their utilisation, %, in the periods' order and to the minute: of each
/// period alone, whatever was before or came after within the same hour. For a slice that has decided that the caller may see
/// them.
pub(crate) async fn gpu_use_of(
    tx: &mut Tx,
    periods: &[(MachineId, DateTime<Utc>, DateTime<Utc>)],
    now: DateTime<Utc>,
) -> Result<Vec<(f64, f64)>> {
    let mut found = vec![(0.0, 0.0); periods.len()];
    let parts = periods.iter().enumerate().flat_map(|(place, (machine, from, until))| {
        let parts = cover::cover((Tier::Hour, Tier::Minute), (*from, *until), now);
        parts.into_iter().map(move |part| (place, *machine, part))
    });
    store::gpu_use_of(tx, &parts.collect::<Vec<_>>(), &mut found).await?;
    Ok(found)
}

/// How busy a GPU was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GpuActivity {
    pub gpu: i64,
    /// When it said so last.
    pub seen_at: DateTime<Utc>,
    /// When it was at the threshold or above last.
    pub active_at: Option<DateTime<Utc>>,
    /// Its highest load in the last minute of the period, percent.
    pub recent_percent: Option<f32>,
}

/// How busy GPUs were in a period, as measured each second; those that said nothing are not in it. For a slice that has
/// decided that the caller may see them.
pub(crate) async fn gpu_activity(
    tx: &mut Tx,
    gpus: &[i64],
    period: (DateTime<Utc>, DateTime<Utc>),
    threshold: f32,
) -> Result<Vec<GpuActivity>> {
    store::gpu_activity(tx, gpus, period, threshold).await
}

/// Xid errors of a machine's GPUs in a period, for a slice that has decided that the caller may see them.
pub(crate) async fn xid_errors(
    tx: &mut Tx,
    machine: MachineId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<u64> {
    let gpus: Vec<i64> = store::gpu_ids(tx, machine).await?.into_values().map(|gpu| gpu.0).collect();
    store::xid_errors(tx, &gpus, from, until).await
}

/// The same for several periods, in their order.
pub(crate) async fn xid_errors_of(
    tx: &mut Tx,
    machine: MachineId,
    periods: &[(DateTime<Utc>, DateTime<Utc>)],
) -> Result<Vec<u64>> {
    store::xid_errors_of(tx, machine, periods).await
}

/// What went wrong with a GPU, and what happened to it, by the GPU's id.
#[derive(Debug, Default)]
pub(crate) struct GpuRecord {
    pub errors: HashMap<i64, GpuErrors>,
    /// The newest first.
    pub events: Vec<(i64, GpuHappening)>,
}

/// Something of one kind that happened to a GPU within an hour.
#[derive(Debug)]
pub(crate) struct GpuHappening {
    pub kind: String,
    pub value: u64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub times: u64,
}

/// What is kept of these GPUs since then, at most so many events; for a slice that has decided that the caller may see it.
pub(crate) async fn gpu_record(
    tx: &mut Tx,
    gpus: &[i64],
    (since, now): (DateTime<Utc>, DateTime<Utc>),
    most: u32,
) -> Result<GpuRecord> {
    let mut errors = store::gpu_errors(tx, gpus, since).await?;
    for (gpu, bits, hours) in store::throttled_hours(tx, gpus, (since, now)).await? {
        let of_gpu: &mut GpuErrors = errors.entry(gpu).or_default();
        for reason in tiles::throttle_words(bits) {
            *of_gpu.throttled_hours.entry(reason).or_default() += hours;
        }
    }
    Ok(GpuRecord { errors, events: store::gpu_happenings(tx, gpus, since, most).await? })
}

/// Starts what runs in every server: the sample writer, the hub's tick, the exchange of newest states, link leases.
pub fn spawn_background(platform: &Platform, shutdown: &CancellationToken) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(writer::run(platform.clone(), shutdown.clone())),
        tokio::spawn(hub::run(platform.clone(), shutdown.clone())),
        tokio::spawn(links::run(platform.clone(), shutdown.clone())),
    ]
}
