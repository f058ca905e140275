//! Figures: stored once, rolled up whole, read back with their gaps, fanned out live, shared between servers.

mod reading;

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use contract::allocations::{AllocationCreate, AllocationEnd, AllocationQuery, MachineLoad};
use contract::live::{LiveData, Position, ServerMessage};
use contract::machines::{MachineUpdate, Presence};
use contract::metrics::{History, HistoryQuery, HistoryRange, Metric, Trouble, WallTile};
use contract::{ErrorCode, MachineId};
use node_protocol::{Batch, GpuEvent, GpuEventKind, GpuSample, HostSample, Process, ProcessList, Sample};
use platform::metrics::{self, NodeLink, TopicWatch};
use platform::{Error, Platform, SystemActor, allocations, machines};
use test_support::{TestNode, eventually};
use tokio_util::sync::CancellationToken;

use crate::machines::World;

/// A joined agent with its link open.
struct Agent {
    node: TestNode,
    link: NodeLink,
}

impl Agent {
    async fn new(world: &World, code: &str, gpus: u32) -> Self {
        let node = world.node(code).await;
        machines::report_inventory(&world.platform, &node.ctx(), "1", &node.inventory(gpus)).await.unwrap();
        let link = metrics::open_link(&world.platform, &node.ctx(), &node.hello()).await.unwrap();
        Self { node, link }
    }

    async fn send(&self, world: &World, batch: Batch) -> Result<(), Error> {
        metrics::ingest(&world.platform, &self.node.ctx(), &self.link, batch).await
    }

    /// Samples a second apart from `from`, with a CPU figure that differs at every tick.
    async fn replay(&self, world: &World, from: DateTime<Utc>, seconds: i64, gpus: u32) {
        let samples: Vec<Sample> = (0..seconds)
            .map(|second| {
                let mut sample = self.node.sample(from.timestamp_millis() + second * 1000, gpus);
                sample.host.as_mut().unwrap().cpu_percent = (second % 7 != 0).then_some((second % 97) as f32);
                sample.gpus.iter_mut().for_each(|gpu| gpu.power_w = Some((300 + second % 50) as f32));
                sample
            })
            .collect();
        for part in samples.chunks(node_protocol::limits::MAX_SAMPLES_PER_BATCH) {
            self.send(world, batch_of(part.to_vec(), true)).await.unwrap();
        }
    }
}

fn batch_of(samples: Vec<Sample>, replayed: bool) -> Batch {
    Batch { sequence: 1, samples, replayed }
}

/// The start of the minute some minutes before now.
fn minutes_ago(world: &World, minutes: i64) -> DateTime<Utc> {
    (world.clock().now() - TimeDelta::minutes(minutes)).duration_trunc(TimeDelta::minutes(1)).unwrap()
}

async fn tile(platform: &Platform, world: &World, code: &str) -> WallTile {
    let wall = metrics::wall(platform, &world.admin.ctx()).await.unwrap();
    wall.machines.into_iter().find(|tile| tile.id == code).unwrap()
}

async fn roll_up(world: &World) -> usize {
    metrics::roll_up(&world.platform, &world.system(SystemActor::Metrics)).await.unwrap()
}

#[tokio::test]
async fn a_batch_is_committed_before_its_answer_and_stored_once() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 2).await;
    let batch = agent.node.batch(3, 2);
    for round in 0..2 {
        agent.send(&world, batch.clone()).await.unwrap();
        assert_eq!(world.number("select count(*) from machine_samples").await, 3, "round {round}");
        assert_eq!(world.number("select count(*) from gpu_samples").await, 6, "round {round}");
    }
    assert_eq!(world.number("select count(*) from machines where last_seen_at is not null").await, 1);
    assert_eq!(world.number("select min(memory_used_bytes) from gpu_samples").await, 40 << 30);
    assert_eq!(world.number("select count(*) from gpu_samples where fan_percent is null").await, 6, "not measured");
}

#[tokio::test]
async fn many_agents_at_once_lose_nothing() {
    let world = World::new().await;
    let mut agents = Vec::new();
    for n in 0..6 {
        agents.push(Agent::new(&world, &format!("a{n}"), 1).await);
    }
    let sending = agents.iter().flat_map(|agent| (0..5).map(move |_| agent.node.batch(1, 1)).map(move |b| (agent, b)));
    let world_ref = &world;
    let sent = sending.enumerate().map(|(n, (agent, mut batch))| async move {
        batch.samples[0].at_ms += n as i64;
        agent.send(world_ref, batch).await
    });
    for result in futures_util::future::join_all(sent).await {
        result.unwrap();
    }
    assert_eq!(world.number("select count(*) from machine_samples").await, 30);
    assert_eq!(world.number("select count(*) from gpu_samples").await, 30);
}

#[tokio::test]
async fn what_breaks_the_limits_is_refused_whole() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    let good = || agent.node.batch(1, 1).samples.remove(0);
    let host = |host| Sample { host: Some(host), ..good() };
    let gpu = |gpu| Sample { gpus: vec![GpuSample { uuid: agent.node.gpu_uuid(0), ..gpu }], ..good() };
    for (what, wrong) in [
        ("too many samples", (0..121).map(|_| good()).collect()),
        ("NaN", vec![good(), host(HostSample { cpu_percent: Some(f32::NAN), ..Default::default() })]),
        ("infinite", vec![good(), gpu(GpuSample { power_w: Some(f32::INFINITY), ..Default::default() })]),
        ("long UUID", vec![Sample { gpus: vec![GpuSample { uuid: "u".repeat(513), ..Default::default() }], ..good() }]),
        ("GPUs", vec![Sample { gpus: vec![GpuSample::default(); 65], ..good() }]),
        ("events", vec![Sample { events: vec![GpuEvent::default(); 1025], ..good() }]),
    ] {
        let error = agent.send(&world, batch_of(wrong, false)).await.unwrap_err();
        assert_eq!((error.code, error.key), (ErrorCode::Validation, "error-node-limits"), "{what}");
    }
    assert_eq!(world.number("select count(*) from machine_samples").await, 0);
    let huge = gpu(GpuSample {
        memory_used_bytes: Some(u64::MAX),
        sm_clock_mhz: Some(u32::MAX),
        pcie_width: Some(u32::MAX),
        throttle_bits: Some(u64::MAX),
        ..Default::default()
    });
    agent.send(&world, batch_of(vec![huge], false)).await.unwrap();
    assert_eq!(world.number("select memory_used_bytes from gpu_samples").await, i64::MAX, "kept within the column");
    assert_eq!(world.number("select sm_clock_mhz::bigint from gpu_samples").await, i64::from(i32::MAX));
}

#[tokio::test]
async fn samples_out_of_time_and_of_unknown_gpus_are_left_out() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    let now = world.clock().now().timestamp_millis();
    let at = |seconds: i64| agent.node.sample(now + seconds * 1000, 2); // the second GPU is in no inventory
    let batch = batch_of(vec![at(-3600), at(-600), at(0), at(3600)], true);
    agent.send(&world, batch).await.unwrap();
    assert_eq!(world.number("select count(*) from machine_samples").await, 2);
    assert_eq!(world.number("select count(*) from gpu_samples").await, 2);
}

#[tokio::test]
async fn an_event_of_another_age_hurts_nobody() {
    let world = World::new().await;
    let (odd, good) = (Agent::new(&world, "odd", 1).await, Agent::new(&world, "good", 1).await);
    let mut batch = odd.node.batch(1, 1);
    let event = |at_ms| GpuEvent { uuid: odd.node.gpu_uuid(0), at_ms, kind: GpuEventKind::Xid as i32, value: 79 };
    batch.samples[0].events = vec![event(0), event(i64::MAX), event(4_102_444_800_000)];
    let (odd, good) = tokio::join!(odd.send(&world, batch), good.send(&world, good.node.batch(1, 1)));
    odd.unwrap();
    good.unwrap();
    assert_eq!(world.number("select count(*) from gpu_samples").await, 2);
}

#[tokio::test]
async fn a_missing_partition_is_made() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    world.clock().advance(TimeDelta::days(9));
    agent.send(&world, agent.node.batch(1, 1)).await.unwrap();
    assert_eq!(world.number("select count(*) from gpu_samples").await, 1);
}

/// Rows of a roll-up that are not what the raw rows say.
macro_rules! differences {
    ($world:expr, $step:literal, $tier:literal) => {
        $world
            .number(concat!(
                "select (select count(*) from (select machine_id, date_bin('",
                $step,
                "', at, 'epoch'::timestamptz) as at,
                   count(*) as n, avg(cpu_percent) as a, min(cpu_percent) as lo, max(cpu_percent) as hi,
                   min(memory_used_bytes) as m from machine_samples group by 1, 2) d
                 full join machine_samples_",
                $tier,
                " r using (machine_id, at)
                 where (d.n, d.lo, d.hi, d.m) is distinct from (r.samples, r.cpu_min, r.cpu_max, r.memory_used_min)
                   or (d.a is null) <> (r.cpu_avg is null) or abs(d.a - r.cpu_avg) > 0.6)
                 + (select count(*) from (select gpu_id, date_bin('",
                $step,
                "', at, 'epoch'::timestamptz) as at,
                   count(*) as n, avg(power_w) as a, min(power_w) as lo, max(power_w) as hi
                   from gpu_samples group by 1, 2) d
                 full join gpu_samples_",
                $tier,
                " r using (gpu_id, at)
                 where (d.n, d.lo, d.hi) is distinct from (r.samples, r.power_min, r.power_max)
                   or (d.a is null) <> (r.power_avg is null) or abs(d.a - r.power_avg) > 0.1)"
            ))
            .await
    };
}

#[tokio::test]
async fn roll_ups_equal_the_raw_rows_and_late_rows_are_done_again() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 2).await;
    let from = minutes_ago(&world, 9);
    agent.replay(&world, from, 150, 2).await;
    agent.send(&world, agent.node.batch(1, 2)).await.unwrap();
    assert!(differences!(world, "1 minute", "1m") > 0, "nothing is rolled up yet");
    assert!(roll_up(&world).await >= 3);
    let minutes = world.number("select count(*) from machine_samples_1m").await;
    assert_eq!(minutes, 3, "the minute that has not ended waits");
    assert_eq!(world.number("select samples::bigint from machine_samples_1m order by at desc limit 1").await, 30);

    // Half a second off, so that it is another sample of a minute that is done.
    agent.replay(&world, from + TimeDelta::milliseconds(500), 1, 2).await;
    assert!(roll_up(&world).await >= 1);
    assert_eq!(world.number("select samples::bigint from machine_samples_1m order by at limit 1").await, 61);

    world.clock().advance(TimeDelta::hours(2));
    let other = world.another_server().await;
    let ctx = world.system(SystemActor::Metrics);
    let (a, b) = tokio::join!(metrics::roll_up(&world.platform, &ctx), metrics::roll_up(&other, &ctx));
    let _ = (a.unwrap(), b.unwrap());
    roll_up(&world).await; // a step the other server held was left for the next time
    assert_eq!(world.number("select count(*) from rollup_pending").await, 0);
    assert_eq!(differences!(world, "1 minute", "1m"), 0);
    assert_eq!(differences!(world, "10 minutes", "10m"), 0);
    assert_eq!(differences!(world, "1 hour", "1h"), 0);
}

async fn history(world: &World, query: HistoryQuery) -> Result<History, Error> {
    metrics::history(&world.platform, &world.admin.ctx(), "a", &query).await
}

#[tokio::test]
async fn history_keeps_its_gaps() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 2).await;
    let from = minutes_ago(&world, 9);
    agent.replay(&world, from, 60, 2).await;
    agent.replay(&world, from + TimeDelta::minutes(2), 60, 2).await; // nothing in the second minute
    roll_up(&world).await;
    let metric = Some("gpu.power,cpu".to_owned());
    for (range, tier, step) in [(HistoryRange::Hour, "raw", 10), (HistoryRange::SixHours, "1m", 60)] {
        let query = HistoryQuery { range: Some(range), metric: metric.clone(), ..HistoryQuery::default() };
        let found = history(&world, query).await.unwrap();
        assert_eq!((found.tier.as_str(), found.step_seconds), (tier, step));
        assert!(found.at.windows(2).all(|pair| pair[1] - pair[0] == i64::from(step)), "the grid has no holes");
        assert!(
            found.at[0] <= found.from.timestamp() && found.at.last().unwrap() + i64::from(step) >= found.to.timestamp()
        );
        let lines: Vec<_> = found.series.iter().map(|line| (line.metric, line.gpu, line.unit.as_str())).collect();
        let power = Metric::GpuPower;
        assert_eq!(lines, [(power, Some(0), "W"), (power, Some(1), "W"), (Metric::Cpu, None, "%")], "{tier}");
        let first = found.at.iter().position(|at| *at == from.timestamp()).unwrap();
        let per_minute = (60 / step) as usize;
        for line in &found.series {
            assert!([&line.avg, &line.min, &line.max].iter().all(|values| values.len() == found.at.len()));
            let measured: Vec<usize> =
                (0..line.avg.len()).filter(|i| line.avg[*i].is_some()).map(|i| i - first).collect();
            let expected: Vec<usize> = (0..per_minute).chain(2 * per_minute..3 * per_minute).collect();
            assert_eq!(measured, expected, "{tier}: gaps are null, and nothing else is");
        }
        let (low, high) = (&found.series[0].min[first], &found.series[0].max[first]);
        let seconds = f64::from(step.min(50)) - 1.0;
        assert_eq!((*low, *high), (Some(300.0), Some(300.0 + seconds)), "{tier}");
    }
}

#[tokio::test]
async fn every_range_reads_its_tier_and_wrong_questions_are_named() {
    let world = World::new().await;
    world.node("a").await;
    for (range, tier, step) in [
        (None, "raw", 10),
        (Some(HistoryRange::Day), "1m", 300),
        (Some(HistoryRange::Week), "10m", 600),
        (Some(HistoryRange::Month), "1h", 3600),
    ] {
        let found = history(&world, HistoryQuery { range, ..HistoryQuery::default() }).await.unwrap();
        assert_eq!((found.tier.as_str(), found.step_seconds), (tier, step));
        assert!(found.at.len() <= 1100, "{}", found.at.len());
        assert!(found.series.iter().all(|line| line.avg.iter().all(Option::is_none)));
    }
    let now = world.clock().now();
    let days_ago = |days| Some(now - TimeDelta::days(days));
    for (from, to, tier) in
        [(days_ago(3), days_ago(2), "1m"), (days_ago(100), days_ago(99), "10m"), (days_ago(700), None, "1h")]
    {
        let found = history(&world, HistoryQuery { from, to, ..HistoryQuery::default() }).await.unwrap();
        assert_eq!(found.tier, tier, "never finer than what is still kept");
        assert!(found.at.len() <= 1100, "{}", found.at.len());
    }
    for (path, query) in [
        ("metric", HistoryQuery { metric: Some("cpu,nonsense".to_owned()), ..HistoryQuery::default() }),
        ("range", HistoryQuery { range: Some(HistoryRange::Hour), from: days_ago(1), ..HistoryQuery::default() }),
        ("from", HistoryQuery { to: days_ago(1), ..HistoryQuery::default() }),
        ("from", HistoryQuery { from: days_ago(1), to: days_ago(2), ..HistoryQuery::default() }),
        ("from", HistoryQuery { from: days_ago(900), ..HistoryQuery::default() }),
    ] {
        let error = history(&world, query).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].path), (ErrorCode::Validation, path));
    }
}
