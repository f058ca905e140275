//! One task gathers the rows of all links into one transaction after another; a link's batch is answered by its commit.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{ErrorCode, MachineId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ingest::Rows;
use super::store;
use crate::{Error, Platform, Result, SystemActor};

/// Batches that may wait; beyond it, links feel back-pressure.
const QUEUE: usize = 4096;
/// Rows of one transaction, about.
const FULL: usize = 4000;
/// How long a transaction waits for more rows.
const LINGER: Duration = Duration::from_millis(15);
/// How long a database that is away is waited for before the agents are told to send again.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a machine's sign of life is written.
const SEEN_EVERY: TimeDelta = TimeDelta::seconds(5);

struct Request {
    rows: Rows,
    committed: oneshot::Sender<bool>,
}

/// The queue in front of the writing task.
#[derive(Debug)]
pub struct SampleWriter {
    queue: mpsc::Sender<Request>,
    requests: Mutex<Option<mpsc::Receiver<Request>>>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Request")
    }
}

impl SampleWriter {
    /// A queue whose task is started by [`super::spawn_background`].
    #[expect(clippy::new_without_default, reason = "a queue without its task is not a default of anything")]
    pub fn new() -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        Self { queue, requests: Mutex::new(Some(requests)) }
    }

    /// Waits until the rows are committed.
    pub(super) async fn write(&self, rows: Rows) -> Result<()> {
        let away = || Error::new(ErrorCode::Unavailable);
        let (committed, answer) = oneshot::channel();
        self.queue.send(Request { rows, committed }).await.map_err(|_| away())?;
        if answer.await.unwrap_or(false) { Ok(()) } else { Err(away()) }
    }
}

/// The writing task.
pub(super) async fn run(platform: Platform, shutdown: CancellationToken) {
    let receiver = platform.writer().requests.lock().expect("nobody panics holding this lock").take();
    let Some(mut receiver) = receiver else {
        tracing::error!("the sample writer runs already");
        return;
    };
    let mut seen = HashMap::new();
    loop {
        let first = tokio::select! {
            first = receiver.recv() => first,
            () = shutdown.cancelled() => None,
        };
        let Some(first) = first else { return };
        let requests = gather(&mut receiver, first).await;
        let started = Instant::now();
        let done = write_patiently(&platform, &requests, &mut seen, &shutdown).await;
        metrics::histogram!("remotegpu_sample_flush_seconds").record(started.elapsed().as_secs_f64());
        for request in requests {
            let done = match done {
                Done::Yes => true,
                Done::No => false,
                // One bad batch does not take the others with it.
                Done::Bad => write_alone(&platform, &request, &mut seen).await,
            };
            // A link that is gone meanwhile sends again; the rows are there or not, either is fine.
            let _ = request.committed.send(done);
        }
    }
}

async fn gather(receiver: &mut mpsc::Receiver<Request>, first: Request) -> Vec<Request> {
    let size = |request: &Request| request.rows.host.len() + request.rows.gpus.len();
    let mut rows = size(&first);
    let mut requests = vec![first];
    let deadline = Instant::now() + LINGER;
    while rows < FULL {
        match tokio::time::timeout_at(deadline, receiver.recv()).await {
            Ok(Some(request)) => {
                rows += size(&request);
                requests.push(request);
            }
            Ok(None) | Err(_) => break,
        }
    }
    requests
}

/// How a transaction of several batches ended.
#[derive(Clone, Copy)]
enum Done {
    Yes,
    /// The database stayed away.
    No,
    /// Some batch cannot be stored.
    Bad,
}

async fn write_alone(platform: &Platform, request: &Request, seen: &mut HashMap<MachineId, DateTime<Utc>>) -> bool {
    let result = write_once(platform, std::slice::from_ref(request), seen).await;
    if let Err(error) = &result {
        tracing::error!(%error, machine = ?request.rows.machine, "a batch cannot be stored");
    }
    result.is_ok()
}

async fn write_patiently(
    platform: &Platform,
    requests: &[Request],
    seen: &mut HashMap<MachineId, DateTime<Utc>>,
    shutdown: &CancellationToken,
) -> Done {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(50);
    loop {
        match write_once(platform, requests, seen).await {
            Ok(()) => return Done::Yes,
            Err(error) if error.code == ErrorCode::Internal && !store::is_missing_partition(&error) => {
                tracing::error!(%error, "samples were refused by the database; trying each batch alone");
                return Done::Bad;
            }
            Err(error) if Instant::now() > deadline || shutdown.is_cancelled() => {
                tracing::error!(%error, "samples could not be stored; agents will send them again");
                return Done::No;
            }
            Err(error) => tracing::warn!(%error, "samples could not be stored; trying again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

async fn write_once(
    platform: &Platform,
    requests: &[Request],
    seen: &mut HashMap<MachineId, DateTime<Utc>>,
) -> Result<()> {
    let ctx = platform.system(SystemActor::Metrics);
    let all = || requests.iter().map(|request| &request.rows);
    let mut newly_seen = HashMap::new();
    for rows in all() {
        if let (Some(machine), Some(at)) = (rows.machine, rows.heard)
            && seen.get(&machine).is_none_or(|last| at - *last >= SEEN_EVERY)
        {
            let newest = newly_seen.entry(machine).or_insert(at);
            *newest = (*newest).max(at);
        }
    }
    let mut tx = platform.db().begin(&ctx).await?;
    let written = store::insert_samples(&mut tx, all()).await;
    let counts = match written {
        Ok(counts) => counts,
        Err(error) if store::is_missing_partition(&error) => {
            drop(tx);
            // An agent's clock is ahead of the partitions made so far, or the job that makes them is late.
            super::keep_partitions(platform, &ctx).await?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    store::note_seen(&mut tx, &newly_seen).await?;
    tx.commit().await?;
    seen.extend(newly_seen);
    metrics::counter!("remotegpu_sample_rows_total").increment(counts.written);
    metrics::counter!("remotegpu_sample_rows_doubled_total").increment(counts.doubled);
    Ok(())
}
