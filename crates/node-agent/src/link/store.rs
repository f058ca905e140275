//! What the link has to tell: samples in the spool, and the latest inventory and process list.
//!
//! Invariant: reports are taken over whatever the link is busy with ([`Store::meanwhile`]), so that a sample is on disk
//! within moments of being measured even while the network hangs.

use std::pin::pin;

use node_protocol::limits::{MAX_FRAME_BYTES, MAX_SAMPLES_PER_BATCH, MAX_UNACKED_BATCHES};
use node_protocol::{AgentBody, AgentFrame, Batch, Inventory, Message as _, ProcessList, Sample};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::sampler::Report;
use crate::spool::{Age, Spool};

/// Batches kept free for fresh samples while history is being sent.
const KEPT_FOR_FRESH: usize = 2;
/// Samples in one batch by size; leaves room for what is around them.
const MAX_BATCH_BYTES: usize = MAX_FRAME_BYTES / 2;

/// See the module.
pub struct Store {
    spool: Spool,
    reports: UnboundedReceiver<Report>,
    inventory: Option<Inventory>,
    processes: Option<ProcessList>,
    inventory_due: bool,
    processes_due: bool,
    monitored: bool,
    sequence: u64,
    /// No more reports will come: the threads that measure are gone.
    closed: bool,
}

impl Store {
    /// Fed by `reports`.
    pub fn new(spool: Spool, reports: UnboundedReceiver<Report>) -> Self {
        Self {
            spool,
            reports,
            inventory: None,
            processes: None,
            inventory_due: false,
            processes_due: false,
            monitored: true,
            sequence: 0,
            closed: false,
        }
    }

    /// Takes reports over until `work` is done.
    pub async fn meanwhile<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = self.next_report() => {}
            }
        }
    }

    /// Waits for one report and takes it over.
    pub async fn next_report(&mut self) {
        if self.closed {
            return std::future::pending().await;
        }
        match self.reports.recv().await {
            Some(report) => self.take_over(report),
            None => {
                tracing::error!("nothing measures any more");
                self.closed = true;
            }
        }
    }

    /// A new link: everything is told again, and what waited is history.
    pub fn link_up(&mut self, monitored: bool) {
        self.monitored = monitored;
        if !monitored && !self.spool.is_empty() {
            tracing::info!(samples = self.spool.len(), "monitoring is off: unsent samples are given up");
            self.spool.clear();
        }
        self.spool.link_lost();
        self.inventory_due = self.inventory.is_some();
        self.processes_due = self.processes.is_some() && monitored;
    }

    /// The server has the batch.
    pub fn acknowledge(&mut self, sequence: u64) {
        if !self.spool.acknowledge(sequence) {
            tracing::debug!(sequence, "acknowledgement of nothing in flight");
        }
    }

    /// Batches sent and not acknowledged.
    pub fn in_flight(&self) -> usize {
        self.spool.batches_in_flight()
    }

    /// Samples waiting.
    pub fn waiting(&self) -> usize {
        self.spool.len()
    }

    /// The next frame to send, when there is one and the server is not owed too many answers: inventory, processes,
    /// fresh samples, history.
    pub fn next_frame(&mut self) -> Option<AgentFrame> {
        if std::mem::take(&mut self.inventory_due) {
            return self.inventory.clone().map(|inventory| frame(AgentBody::Inventory(inventory)));
        }
        if std::mem::take(&mut self.processes_due) {
            return self.processes.clone().map(|processes| frame(AgentBody::Processes(processes)));
        }
        let free = MAX_UNACKED_BATCHES.saturating_sub(self.in_flight());
        if free > 0
            && let Some(batch) = self.batch(Age::Fresh)
        {
            return Some(batch);
        }
        if free > KEPT_FOR_FRESH { self.batch(Age::Old) } else { None }
    }

    fn batch(&mut self, age: Age) -> Option<AgentFrame> {
        let sequence = self.sequence + 1;
        let encoded = self.spool.take(age, sequence, MAX_SAMPLES_PER_BATCH, MAX_BATCH_BYTES);
        if encoded.is_empty() {
            return None;
        }
        let samples = encoded.iter().filter_map(|bytes| Sample::decode(*bytes).ok()).collect();
        self.sequence = sequence;
        Some(frame(AgentBody::Batch(Batch { sequence, samples, replayed: age == Age::Old })))
    }

    fn take_over(&mut self, report: Report) {
        match report {
            Report::Sample(sample) if self.monitored => {
                self.spool.append(sample.encode_to_vec());
            }
            Report::Processes(list) if self.monitored => {
                self.processes = Some(list);
                self.processes_due = true;
            }
            Report::Sample(_) | Report::Processes(_) => {}
            Report::Inventory(inventory) => {
                self.inventory = Some(*inventory);
                self.inventory_due = true;
            }
        }
    }
}

/// Wraps one message.
pub fn frame(body: AgentBody) -> AgentFrame {
    AgentFrame { body: Some(body) }
}
