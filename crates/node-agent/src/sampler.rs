//! Keeps the tick and puts samples together.
//!
//! Invariants: one sample per instant ([`crate::tick`]); figures of GPUs that come too late for their tick are not
//! passed off as newer ones, but their events are never lost; while monitoring is off nothing is measured.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use node_protocol::{Inventory, ProcessList, Sample};
use tokio::sync::mpsc::UnboundedSender;

use crate::gpu::{GpuInventory, GpuReport, GpuThread};
use crate::host::HostMeter;
use crate::host::disks::DiskWatch;
use crate::host::facts;
use crate::tick::{TickClock, now_ms};

const FACTS_EVERY: Duration = Duration::from_secs(60);
/// How long the first inventory waits for a driver that takes its time, and for disks.
const DRIVER_PATIENCE: Duration = Duration::from_secs(15);
const DISK_PATIENCE: Duration = Duration::from_secs(3);
const DEFAULT_INTERVAL_MS: u32 = 1000;

/// What the sampler hands to the link.
#[derive(Debug)]
pub enum Report {
    Sample(Sample),
    Inventory(Box<Inventory>),
    Processes(ProcessList),
}

/// What the link tells the sampler.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// The server's wish, milliseconds.
    Interval(u32),
    /// Whether to measure at all.
    Monitored(bool),
}

/// Settings of the sampler.
#[derive(Debug, Clone, Default)]
pub struct SamplerConfig {
    /// Where NVML is; `None` for the usual places.
    pub nvml_lib: Option<PathBuf>,
    /// Overrides the server's interval.
    pub interval_ms: Option<u32>,
}

/// Starts the threads that measure. They end when the returned sender or the receiver of `reports` is dropped.
///
/// # Errors
/// When no thread can be started.
pub fn start(config: SamplerConfig, reports: UnboundedSender<Report>) -> Result<Sender<Order>> {
    let (orders, ordered) = channel();
    let gpu = GpuThread::start(config.nvml_lib.clone()).context("start the GPU thread")?;
    let disks = DiskWatch::start().context("start the disk thread")?;
    let sampler = Sampler {
        clock: TickClock::new(config.interval_ms.unwrap_or(DEFAULT_INTERVAL_MS)),
        fixed_interval: config.interval_ms.is_some(),
        monitored: true,
        host: HostMeter::default(),
        gpu,
        disks,
        gpu_inventory: None,
        facts: None,
        sent: None,
        started: Instant::now(),
        reports,
    };
    std::thread::Builder::new()
        .name("sampler".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || sampler.run(&ordered))
        .context("start the sampler thread")?;
    Ok(orders)
}

struct Sampler {
    clock: TickClock,
    fixed_interval: bool,
    monitored: bool,
    host: HostMeter,
    gpu: GpuThread,
    disks: DiskWatch,
    gpu_inventory: Option<GpuInventory>,
    facts: Option<(Instant, Inventory)>,
    sent: Option<Inventory>,
    started: Instant,
    reports: UnboundedSender<Report>,
}

impl Sampler {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            // An order must not bring a tick forward: an instant that began before this process started may be one
            // that its predecessor measured.
            match orders.recv_timeout(self.clock.wait(now_ms())) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(order) => {
                    self.obey(order);
                    continue;
                }
            }
            let Some(at_ms) = self.clock.tick(now_ms()) else { continue };
            let facts_due = self.facts.as_ref().is_none_or(|(at, _)| at.elapsed() >= FACTS_EVERY);
            if (self.monitored || facts_due || self.sent.is_none()) && self.tick(at_ms).is_err() {
                return;
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Interval(ms) if !self.fixed_interval => self.clock.set_interval(ms.clamp(50, 60_000)),
            Order::Interval(_) => {}
            Order::Monitored(monitored) => self.monitored = monitored,
        }
    }

    /// One tick. An error says that nobody listens any more.
    fn tick(&mut self, at_ms: i64) -> Result<(), ()> {
        self.gpu.ask(at_ms);
        let mut host = self.host.measure();
        if let Some((used, total)) = self.disks.totals() {
            (host.disk_used_bytes, host.disk_total_bytes) = (Some(used), Some(total));
        }
        let interval = Duration::from_millis(u64::try_from(self.clock.interval_ms()).unwrap_or(1000));
        let GpuReport { samples, events, inventory, processes, .. } = self.gpu.answer(at_ms, interval * 8 / 10);
        if self.monitored {
            self.report(Report::Sample(Sample { at_ms, host: Some(host), gpus: samples, events }))?;
            if let Some(processes) = processes {
                self.report(Report::Processes(ProcessList { at_ms, processes }))?;
            }
        }
        if inventory.is_some() {
            self.gpu_inventory = inventory;
        }
        self.take_inventory()
    }

    fn take_inventory(&mut self) -> Result<(), ()> {
        if self.facts.as_ref().is_none_or(|(at, _)| at.elapsed() >= FACTS_EVERY) {
            self.facts = Some((Instant::now(), facts::inventory()));
        }
        let disks = self.disks.latest().map(|space| space.disks);
        let waits = |patience: Duration| self.started.elapsed() < patience;
        if (self.gpu_inventory.is_none() && waits(DRIVER_PATIENCE)) || (disks.is_none() && waits(DISK_PATIENCE)) {
            return Ok(());
        }
        let Some((_, facts)) = &self.facts else { return Ok(()) };
        let before = self.sent.as_ref();
        let mut inventory = facts.clone();
        // Disks that hang now are still there.
        inventory.disks = disks.or_else(|| before.map(|before| before.disks.clone())).unwrap_or_default();
        match &self.gpu_inventory {
            Some(gpu) => {
                inventory.driver_version.clone_from(&gpu.driver_version);
                inventory.cuda_version.clone_from(&gpu.cuda_version);
                inventory.gpus.clone_from(&gpu.gpus);
                inventory.nvml_error.clone_from(&gpu.nvml_error);
            }
            None => inventory.nvml_error = Some("driver does not answer".to_owned()),
        }
        if before == Some(&inventory) {
            return Ok(());
        }
        self.sent = Some(inventory.clone());
        self.report(Report::Inventory(Box::new(inventory)))
    }

    fn report(&self, report: Report) -> Result<(), ()> {
        self.reports.send(report).map_err(|_| ())
    }
}
