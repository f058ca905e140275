//! The thread that owns NVML, and how it is asked.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use node_protocol::{GpuEvent, GpuSample, Process};

use super::processes::ProcessReader;
use super::{GpuInventory, Gpus, load};

/// How often the inventory is made anew.
const INVENTORY_EVERY: Duration = Duration::from_secs(60);
const PROCESSES_EVERY: Duration = Duration::from_secs(5);
/// How long until NVML is loaded again when it could not be.
const LOAD_EVERY: Duration = Duration::from_secs(60);
/// The same when it works but a GPU is lost: loading interrupts the others, so it is done rarely.
const RELOAD_EVERY: Duration = Duration::from_secs(300);

/// One tick's worth of GPU figures.
#[derive(Debug, Default)]
pub struct GpuReport {
    /// The tick asked for.
    pub at_ms: i64,
    pub samples: Vec<GpuSample>,
    pub events: Vec<GpuEvent>,
    /// When it is new or due.
    pub inventory: Option<GpuInventory>,
    /// When due.
    pub processes: Option<Vec<Process>>,
}

/// Asks the thread and takes its answers; the thread ends when this is dropped.
#[derive(Debug)]
pub struct GpuThread {
    requests: Sender<i64>,
    reports: Receiver<GpuReport>,
    pending: bool,
    /// Of answers that came too late for their tick: these must not be lost.
    late: GpuReport,
}

impl GpuThread {
    /// Starts the thread; NVML is loaded from `path` or the usual places.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(path: Option<PathBuf>) -> std::io::Result<Self> {
        let (requests, asked) = channel();
        let (answers, reports) = channel();
        std::thread::Builder::new()
            .name("gpu".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || serve(path.as_deref(), &asked, &answers))?;
        Ok(Self { requests, reports, pending: false, late: GpuReport::default() })
    }

    /// Asks for the figures of one tick, unless an older question is still open.
    pub fn ask(&mut self, at_ms: i64) {
        while self.pending
            && let Ok(report) = self.reports.try_recv()
        {
            self.keep_late(report);
        }
        if !self.pending {
            self.pending = self.requests.send(at_ms).is_ok();
        }
    }

    /// The answer for `at_ms`, when it comes within `patience`. Without one, what late answers left.
    pub fn answer(&mut self, at_ms: i64, patience: Duration) -> GpuReport {
        let deadline = Instant::now() + patience;
        while self.pending {
            match self.reports.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(report) if report.at_ms == at_ms => {
                    self.pending = false;
                    let mut whole = std::mem::take(&mut self.late);
                    whole.at_ms = at_ms;
                    whole.samples = report.samples;
                    whole.events.extend(report.events);
                    whole.inventory = report.inventory.or(whole.inventory);
                    whole.processes = report.processes.or(whole.processes);
                    return whole;
                }
                Ok(report) => self.keep_late(report),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => self.pending = false,
            }
        }
        std::mem::take(&mut self.late)
    }

    fn keep_late(&mut self, report: GpuReport) {
        self.pending = false;
        self.late.events.extend(report.events);
        self.late.inventory = report.inventory.or(self.late.inventory.take());
        self.late.processes = report.processes.or(self.late.processes.take());
    }
}

fn serve(path: Option<&Path>, asked: &Receiver<i64>, answers: &Sender<GpuReport>) {
    let (mut known, mut events) = (Vec::new(), Vec::new());
    let mut said = None;
    loop {
        let nvml = load(path);
        if nvml.as_ref().err() != said.as_ref() {
            match &nvml {
                Ok(_) => tracing::info!("NVML is loaded again"),
                Err(reason) => tracing::warn!("no GPU figures: {reason}; trying again every minute"),
            }
            said = nvml.as_ref().err().cloned();
        }
        let mut gpus = Gpus::open(nvml.as_ref().map_err(Clone::clone), std::mem::take(&mut known));
        gpus.add_events(std::mem::take(&mut events));
        let go_on = serve_loaded(&mut gpus, asked, answers);
        (known, events) = gpus.into_known();
        if !go_on {
            return;
        }
    }
}

/// Answers until the other side is gone (false) or NVML should be loaded anew (true).
fn serve_loaded(gpus: &mut Gpus<'_>, asked: &Receiver<i64>, answers: &Sender<GpuReport>) -> bool {
    let loaded = Instant::now();
    let mut reader = ProcessReader::default();
    let (mut inventory_at, mut processes_at): (Option<Instant>, Option<Instant>) = (None, None);
    let due = |at: Option<Instant>, every: Duration| at.is_none_or(|at| at.elapsed() >= every);
    loop {
        let Ok(at_ms) = asked.recv() else { return false };
        let (samples, mut events) = gpus.measure(at_ms, false);
        let mut report = GpuReport { at_ms, samples, ..GpuReport::default() };
        if due(processes_at, PROCESSES_EVERY) || (gpus.memory_jumped() && due(processes_at, Duration::from_secs(1))) {
            processes_at = Some(Instant::now());
            report.processes = Some(gpus.processes(&mut reader));
        }
        if due(inventory_at, INVENTORY_EVERY) || gpus.changed() {
            inventory_at = Some(Instant::now());
            report.inventory = Some(gpus.inventory(at_ms));
        }
        report.events.append(&mut events);
        if answers.send(report).is_err() {
            return false;
        }
        let patience = if gpus.is_loaded() { RELOAD_EVERY } else { LOAD_EVERY };
        if gpus.wants_reload() && loaded.elapsed() >= patience {
            return true;
        }
    }
}
