//! The loop of a server: puts periodic ticks into the queue, claims, runs with a heartbeat, finishes.

use std::time::Duration;

use contract::ErrorCode;
use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Claim, Heartbeat, LEASE, Lane, NewJob, Outcome, claim, finish, handlers, heartbeat, release, store, worker,
};
use crate::{Error, Platform, Result, instances};

/// Jobs at a time in one server. Reading uploads back takes a core and a disk; copies mostly wait for engines, and each
/// that sends an archive shares the network with the others. Work on instances waits for engines, too, and for those that do
/// not answer.
const WORKERS: [(Lane, usize); Lane::ALL.len()] =
    [(Lane::Short, 2), (Lane::Uploads, 2), (Lane::Copies, 4), (Lane::Instances, 8)];
/// Pause when there was nothing to do.
const IDLE: Duration = Duration::from_millis(500);
/// How long a stopping server waits for its running jobs; what is left is dropped and given back.
const DRAIN: Duration = Duration::from_secs(15);
/// How often a server with workers says that it is there; it counts as silent after three times as long.
const BEAT: Duration = Duration::from_secs(5);

/// Starts ticker, workers, who looks at engines, and who ends what is left there. After `shutdown` they take nothing new and end within [`DRAIN`] and a moment; no job stays
/// leased to this server.
pub fn spawn_workers(platform: &Platform, shutdown: CancellationToken) -> JoinHandle<()> {
    let platform = platform.clone();
    tokio::spawn(async move {
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(tick(platform.clone(), shutdown.clone()));
        tasks.spawn(beat(platform.clone(), shutdown.clone()));
        tasks.spawn(instances::keep_looking(platform.clone(), shutdown.clone()));
        tasks.spawn(instances::keep_ending_left(platform.clone(), shutdown.clone()));
        let workers = WORKERS.iter().flat_map(|(lane, count)| std::iter::repeat_n(*lane, *count));
        for (number, lane) in workers.enumerate() {
            let owner = format!("{}/{number}", platform.server_id());
            tasks.spawn(work(platform.clone(), lane, owner, shutdown.clone()));
        }
        shutdown.cancelled().await;
        if tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await.is_ok() {
            return;
        }
        // Dropping a handler's future rolls its open transaction back.
        tasks.shutdown().await;
        match release(&platform).await {
            Ok(jobs) => tracing::warn!(jobs, "running jobs did not end in time; they were given back"),
            Err(error) => tracing::warn!(%error, "running jobs could not be given back; their leases run out"),
        }
    })
}

/// Says that this server is there, for whoever looks at the queue; and that it is not, when it stops.
async fn beat(platform: Platform, shutdown: CancellationToken) {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let lanes = WORKERS.iter().map(|(lane, count)| (lane.code().to_owned(), serde_json::Value::from(*count)));
    let lanes = serde_json::Value::Object(lanes.collect());
    let mut every = tokio::time::interval(BEAT);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while shutdown.run_until_cancelled(every.tick()).await.is_some() {
        if let Err(error) = said(&platform, Some((host.trim(), &lanes))).await {
            tracing::debug!(%error, "that this server works could not be written down");
        }
    }
    if let Err(error) = said(&platform, None).await {
        tracing::debug!(%error, "that this server stops could not be written down");
    }
}

async fn said(platform: &Platform, there: Option<(&str, &serde_json::Value)>) -> Result<()> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    match there {
        Some((host, lanes)) => {
            let version = env!("CARGO_PKG_VERSION");
            store::beat(&mut tx, platform.server_id(), (host, version), lanes).await?;
        }
        None => store::forget_server(&mut tx, platform.server_id()).await?,
    }
    tx.commit().await?;
    Ok(())
}

async fn tick(platform: Platform, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while shutdown.run_until_cancelled(every.tick()).await.is_some() {
        if let Err(error) = enqueue_ticks(&platform).await {
            tracing::warn!(%error, "periodic jobs could not be queued");
        }
    }
}

/// Queues every tick that is due; the key makes a second server's a no-op.
pub(super) async fn enqueue_ticks(platform: &Platform) -> Result<()> {
    let ctx = worker(platform);
    let now = ctx.now().timestamp();
    let mut tx = platform.db().begin(&ctx).await?;
    for (kind, every) in handlers::PERIODIC {
        let tick = now / every.as_secs() as i64;
        let mut job = NewJob::new(kind, ctx.now());
        job.idempotency_key = Some(tick.to_string());
        job.max_attempts = 2;
        store::enqueue_tick(&mut tx, &job).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn work(platform: Platform, lane: Lane, owner: String, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let claimed = match claim(&platform, lane, &owner, 1).await {
            Ok(claims) => claims.into_iter().next(),
            Err(error) => {
                tracing::warn!(%error, "no job could be claimed");
                None
            }
        };
        match claimed {
            Some(claim) => run_one(&platform, &claim).await,
            None if lane == Lane::Short => {
                shutdown.run_until_cancelled(idle(&platform)).await;
            }
            // The bell wakes one, and that must be one who takes what it was rung for.
            None => {
                shutdown.run_until_cancelled(tokio::time::sleep(IDLE)).await;
            }
        }
    }
}

/// Waits until there may be something to do: this process added a job that somebody waits for, or a pause is over (another
/// process may have, or a job's time has come).
pub async fn idle(platform: &Platform) {
    let _ = tokio::time::timeout(IDLE, platform.bell().notified()).await;
}

async fn run_one(platform: &Platform, claim: &Claim) {
    let started = std::time::Instant::now();
    let outcome = {
        let run = std::panic::AssertUnwindSafe(handlers::run(platform, claim)).catch_unwind();
        tokio::select! {
            result = run => match result {
                Ok(Ok(())) => Some(Outcome::Done),
                Ok(Err(error)) => Some(failed(claim, &error)),
                Err(_) => {
                    let why = "the handler panicked";
                    tracing::error!(job = claim.id.0, kind = claim.kind, attempt = claim.attempt, why, "a job failed");
                    Some(Outcome::Failed(why.to_owned()))
                }
            },
            // Dropping the handler's future rolls its open transaction back.
            ended = hold(platform, claim) => ended,
        }
    };
    let Some(outcome) = outcome else {
        tracing::warn!(job = claim.id.0, kind = claim.kind, "lost the lease of a job; another worker has it");
        return;
    };
    let word = match &outcome {
        Outcome::Done => "done",
        Outcome::Cancelled => "cancelled",
        Outcome::Failed(_) => "failed",
    };
    metrics::counter!("remotegpu_jobs_total", "kind" => claim.kind.clone(), "outcome" => word).increment(1);
    metrics::histogram!("remotegpu_job_seconds", "kind" => claim.kind.clone()).record(started.elapsed().as_secs_f64());
    match finish(platform, claim, &outcome).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(job = claim.id.0, kind = claim.kind, "a job ended after its lease was lost"),
        Err(error) => tracing::warn!(job = claim.id.0, %error, "a job's end could not be written; it will run again"),
    }
}

/// An error that no handler foresaw is ours; what is away, often somebody else's server, is a warning that says what.
fn failed(claim: &Claim, error: &Error) -> Outcome {
    let (job, kind, attempt) = (claim.id.0, &claim.kind, claim.attempt);
    let cause = std::error::Error::source(error).filter(|_| error.code == ErrorCode::Unavailable);
    let why = cause.map_or_else(|| error.to_string(), ToString::to_string);
    match error.code {
        ErrorCode::Unavailable => tracing::warn!(job, kind, attempt, why, "what a job needs is away"),
        _ => tracing::error!(job, kind, attempt, why, "a job failed"),
    }
    Outcome::Failed(why)
}

/// Beats until the job is cancelled (`Some`) or lost (`None`).
async fn hold(platform: &Platform, claim: &Claim) -> Option<Outcome> {
    let mut last_beat = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LEASE / 4).await;
        match heartbeat(platform, claim).await {
            Ok(Heartbeat::Held) => last_beat = tokio::time::Instant::now(),
            Ok(Heartbeat::CancelRequested) => return Some(Outcome::Cancelled),
            Ok(Heartbeat::Lost) => return None,
            // The database may be away for a moment; past the lease somebody else may have it.
            Err(_) if last_beat.elapsed() < LEASE => {}
            Err(_) => return None,
        }
    }
}
