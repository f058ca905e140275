//! The durable queue: rows in PostgreSQL, claimed with a lease, finished only by who holds it.
//!
//! Invariants: a job that a dead worker held is taken over once its lease (database time) has run out; a worker that lost
//! its lease cannot change the job any more; a server that stops gives its jobs back; finished jobs leave the hot table in the transaction that finishes them; a
//! periodic tick runs once however many servers there are, because its key is unique over both tables; what may take hours
//! keeps no worker from what comes round by the clock; jobs of one sequence are claimed one after the other, in the order in
//! which they were added, also while one of them waits for its next try. Handlers take no input about what changed, are
//! idempotent and may be killed anywhere.

mod handlers;
mod mine;
mod own;
mod progress;
mod staff;
mod store;
mod worker;

use std::time::Duration;

use chrono::{DateTime, Utc};
pub use contract::jobs::JobLane as Lane;
use contract::{CustomerId, JobId, MachineId, UserId};
use uuid::Uuid;

pub use handlers::kinds;
pub use mine::mine;
pub(crate) use mine::{Going, going_in_tx, mark_in_tx, mark_of};
pub(crate) use own::Standing;
pub use own::{cancel_own, list_own, retry_own};
pub(crate) use progress::{UnderWay, until_unwanted};
pub use staff::{cancel, export, get, list, note_export, retry, statistics, status, workers};
pub use worker::{idle, spawn_workers};

use crate::db::Tx;
use crate::{OpContext, Platform, Result, SystemActor};

/// How long a worker owns a job without a heartbeat.
pub const LEASE: Duration = Duration::from_secs(20);

/// What goes through this lane alone; the short one has all the others.
fn kinds_of(lane: Lane) -> &'static [&'static str] {
    match lane {
        Lane::Short => &[],
        Lane::Uploads => &["files-assemble"],
        Lane::Copies => &["image-cleanup", "image-copy", "image-push", "instance-save"],
        Lane::Instances => &["instance-apply", "instances-idle"],
    }
}

/// A job to add.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Which handler.
    pub kind: &'static str,
    /// Its input; ids, never data that could have changed meanwhile.
    pub payload: serde_json::Value,
    /// Higher runs first among those of its lane.
    pub priority: i32,
    /// Not before.
    pub run_at: DateTime<Utc>,
    pub max_attempts: i32,
    /// A second job of the same kind with the same key is not added.
    pub idempotency_key: Option<String>,
    pub customer: Option<CustomerId>,
    /// Whose it is, beside the customer; nobody's where nobody wanted it.
    pub person: Option<UserId>,
    /// Only the server that holds this machine's link runs it; any does while nobody holds it.
    pub near: Option<MachineId>,
    /// Jobs with the same word here run one after the other, the first added first; what is not due yet holds up nobody.
    pub sequence: Option<String>,
}

impl NewJob {
    /// A job with ordinary priority and five attempts.
    pub fn new(kind: &'static str, run_at: DateTime<Utc>) -> Self {
        Self {
            kind,
            payload: serde_json::json!({}),
            priority: 0,
            run_at,
            max_attempts: 5,
            idempotency_key: None,
            customer: None,
            person: None,
            near: None,
            sequence: None,
        }
    }
}

/// A job as its worker holds it.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: JobId,
    pub kind: String,
    pub payload: serde_json::Value,
    /// 1 for the first.
    pub attempt: i32,
    pub max_attempts: i32,
    /// Proof of ownership; every change of the job needs it.
    pub token: Uuid,
}

/// What a heartbeat learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// Go on.
    Held,
    /// Somebody asked to stop.
    CancelRequested,
    /// Another worker has it.
    Lost,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done,
    /// Tried again after a pause, unless the attempts are used up.
    Failed(String),
    Cancelled,
}

/// Adds a job in the transaction of the change that needs it; `None` when its key exists already.
pub async fn enqueue_in_tx(tx: &mut Tx, job: &NewJob) -> Result<bool> {
    store::enqueue(tx, job).await
}

/// The job holds up nobody of its sequence any more, and waits for nobody: what keeps it concerns it alone.
pub(crate) async fn leave_sequence_in_tx(tx: &mut Tx, id: JobId) -> Result<()> {
    store::leave_sequence(tx, id).await
}

/// Takes up to `limit` ready jobs of this lane for `owner`, and those whose lease has run out.
pub async fn claim(platform: &Platform, lane: Lane, owner: &str, limit: i64) -> Result<Vec<Claim>> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let claims = store::claim(&mut tx, lane, (owner, platform.server_id()), limit, LEASE).await?;
    tx.commit().await?;
    Ok(claims)
}

/// Extends the lease.
pub async fn heartbeat(platform: &Platform, claim: &Claim) -> Result<Heartbeat> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let state = store::heartbeat(&mut tx, claim, LEASE).await?;
    tx.commit().await?;
    Ok(state)
}

/// Ends an attempt; false when the lease is no longer this worker's, and then nothing changes.
pub async fn finish(platform: &Platform, claim: &Claim, outcome: &Outcome) -> Result<bool> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    // Somebody who asked it to stop does not want it back.
    let cancelled = matches!(outcome, Outcome::Failed(_)) && store::is_cancelled(&mut tx, claim).await?;
    let finished = match outcome {
        Outcome::Failed(why) if cancelled => store::finish(&mut tx, claim, ("cancelled", false), Some(why)).await?,
        Outcome::Failed(why) if claim.attempt < claim.max_attempts => {
            store::retry(&mut tx, claim, why, backoff(claim.attempt)).await?
        }
        Outcome::Done => {
            let thing_failed = handlers::thing_failed(&mut tx, &ctx, claim).await?;
            store::finish(&mut tx, claim, ("done", thing_failed), None).await?
        }
        Outcome::Failed(why) => store::finish(&mut tx, claim, ("failed", false), Some(why)).await?,
        Outcome::Cancelled => store::finish(&mut tx, claim, ("cancelled", false), None).await?,
    };
    tx.commit().await?;
    Ok(finished)
}

/// Gives back what this server's workers hold, for another to take at once: a server that stops is no failed attempt.
/// Returns how many; who held them can change them no more.
pub async fn release(platform: &Platform) -> Result<u64> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let released = store::release(&mut tx, platform.server_id()).await?;
    tx.commit().await?;
    Ok(released)
}

/// Asks a job to stop: a waiting one ends at once, a running one at its next heartbeat. False when there is none.
pub async fn request_cancel(platform: &Platform, id: JobId) -> Result<bool> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let asked = store::request_cancel(&mut tx, id).await?;
    tx.commit().await?;
    Ok(asked)
}

/// 2 s, 4 s, 8 s … at most 5 min, each up to a quarter longer so that failures do not come back in step.
fn backoff(attempt: i32) -> Duration {
    let base = 2f64.powi(attempt.clamp(1, 9)).min(300.0);
    let jitter = f64::from(crate::secrets::random_bytes::<1>()[0]) / 255.0 / 4.0;
    Duration::from_secs_f64(base * (1.0 + jitter))
}

fn worker(platform: &Platform) -> OpContext {
    platform.system(SystemActor::Worker)
}
