//! GPUs through NVML, on the one thread that owns it.
//!
//! Invariants:
//! - every figure is optional: whatever NVML refuses is absent, and what a GPU does not support is not asked again for a
//!   while;
//! - a GPU seen once stays in the list until the agent ends; one that does not answer is `lost` and is looked for again;
//! - nobody waits for this thread: a driver that hangs costs the GPU figures, not the host's.

mod device;
mod events;
pub mod processes;
mod thread;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use node_protocol::limits::MAX_GPUS;
use node_protocol::{GpuEvent, GpuEventKind, GpuInfo, GpuSample, Process};
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use device::Gpu;
pub use thread::{GpuReport, GpuThread};

/// How often a lost GPU is looked for.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// What NVML says about the host as a whole, and every GPU seen so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GpuInventory {
    pub driver_version: Option<String>,
    pub cuda_version: Option<String>,
    pub gpus: Vec<GpuInfo>,
    pub nvml_error: Option<String>,
}

/// Loads NVML from `path`, or from where drivers put it.
///
/// # Errors
/// With a short text for people: `library not found`, `driver not loaded`, …
pub fn load(path: Option<&Path>) -> Result<Nvml, String> {
    const USUAL: [&str; 3] =
        ["libnvidia-ml.so.1", "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "/usr/lib64/libnvidia-ml.so.1"];
    let places: Vec<&Path> = path.map_or_else(|| USUAL.iter().map(Path::new).collect(), |path| vec![path]);
    let mut last = "library not found".to_owned();
    for place in places {
        match Nvml::builder().lib_path(place.as_os_str()).init() {
            Ok(nvml) => return Ok(nvml),
            Err(error) => last = describe(&error),
        }
        if last != "library not found" {
            break;
        }
    }
    Err(last)
}

fn describe(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => "library not found".to_owned(),
        NvmlError::DriverNotLoaded => "driver not loaded".to_owned(),
        NvmlError::LibRmVersionMismatch => "driver and library versions differ".to_owned(),
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => "library too old".to_owned(),
        other => crate::host::facts::cut(other.to_string()),
    }
}

/// What outlives a reload of NVML.
#[derive(Debug, Clone, Default)]
pub struct KnownGpu {
    pub info: GpuInfo,
    /// Volatile uncorrected ECC errors at the last look, to tell how many are new.
    pub ecc_uncorrected: Option<u64>,
}

/// All GPUs of the host, with handles into one loaded NVML, or without NVML the ones seen before, all lost.
pub struct Gpus<'n> {
    nvml: Option<&'n Nvml>,
    error: Option<String>,
    gpus: Vec<Gpu<'n>>,
    events: Option<events::XidWatch<'n>>,
    pending: Vec<GpuEvent>,
    turn: usize,
    probed: Instant,
    changed: bool,
    /// Used memory of all GPUs at the last process list: a jump says that a process came or went.
    memory_then: u64,
    memory_now: u64,
}

impl<'n> Gpus<'n> {
    /// Looks for GPUs; `known` are the ones seen before NVML was loaded this time.
    pub fn open(nvml: Result<&'n Nvml, String>, known: Vec<KnownGpu>) -> Self {
        let (nvml, error) = match nvml {
            Ok(nvml) => (Some(nvml), None),
            Err(error) => (None, Some(error)),
        };
        let mut gpus = Self {
            nvml,
            error,
            gpus: known.into_iter().map(Gpu::known).collect(),
            events: None,
            pending: Vec::new(),
            turn: 0,
            probed: Instant::now(),
            changed: true,
            memory_then: 0,
            memory_now: 0,
        };
        gpus.discover(crate::tick::now_ms());
        gpus
    }

    /// The GPUs without their handles, to take over into another load of NVML.
    pub fn into_known(self) -> (Vec<KnownGpu>, Vec<GpuEvent>) {
        (self.gpus.into_iter().map(|gpu| gpu.known).collect(), self.pending)
    }

    /// Events that happened before this load and were not told yet.
    pub fn add_events(&mut self, events: Vec<GpuEvent>) {
        self.pending.extend(events);
    }

    /// Measures every GPU. PCIe throughput blocks for tens of milliseconds, so it is asked of one GPU per call, in turn,
    /// or of all when `all_pcie`.
    pub fn measure(&mut self, at_ms: i64, all_pcie: bool) -> (Vec<GpuSample>, Vec<GpuEvent>) {
        if self.gpus.iter().any(|gpu| gpu.known.info.lost) && self.probed.elapsed() >= PROBE_EVERY {
            self.discover(at_ms);
        }
        let mut samples = Vec::with_capacity(self.gpus.len());
        let turn = self.turn;
        self.turn = (turn + 1) % self.gpus.len().max(1);
        self.memory_now = 0;
        for (i, gpu) in self.gpus.iter_mut().enumerate() {
            let was_lost = gpu.known.info.lost;
            let sample = gpu.measure(all_pcie || i == turn);
            self.memory_now += sample.memory_used_bytes.unwrap_or(0);
            if sample.lost && !was_lost {
                self.changed = true;
                self.pending.push(event(&gpu.known.info.uuid, at_ms, GpuEventKind::Lost, 0));
            }
            if let Some(more) = gpu.new_ecc_errors(&sample) {
                self.pending.push(event(&gpu.known.info.uuid, at_ms, GpuEventKind::EccUncorrected, more));
            }
            samples.push(sample);
        }
        if let Some(watch) = &self.events {
            self.pending.extend(watch.drain(at_ms));
        }
        (samples, std::mem::take(&mut self.pending))
    }

    /// Whether something that is in the inventory changed since it was last made.
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// Whether NVML is missing, or a GPU is: loading it anew may be the only way back.
    pub fn wants_reload(&self) -> bool {
        self.nvml.is_none() || self.gpus.iter().any(|gpu| gpu.known.info.lost)
    }

    /// Whether there is an NVML to ask.
    pub fn is_loaded(&self) -> bool {
        self.nvml.is_some()
    }

    /// Whether the processes may have changed, by the memory used.
    pub fn memory_jumped(&self) -> bool {
        self.memory_now.abs_diff(self.memory_then) > 32 << 20
    }

    /// The inventory, with slowly changing figures read anew.
    pub fn inventory(&mut self, at_ms: i64) -> GpuInventory {
        self.discover(at_ms);
        for gpu in &mut self.gpus {
            gpu.refresh_info();
        }
        self.changed = false;
        let cuda = self.nvml.and_then(|nvml| nvml.sys_cuda_driver_version().ok());
        GpuInventory {
            driver_version: self.nvml.and_then(|nvml| nvml.sys_driver_version().ok()),
            cuda_version: cuda.map(|version| format!("{}.{}", version / 1000, version % 1000 / 10)),
            gpus: self.gpus.iter().map(|gpu| gpu.known.info.clone()).collect(),
            nvml_error: self.error.clone(),
        }
    }

    /// Processes on all GPUs.
    pub fn processes(&mut self, reader: &mut processes::ProcessReader) -> Vec<Process> {
        self.memory_then = self.memory_now;
        reader.list(self.gpus.iter().filter_map(|gpu| Some((gpu.known.info.uuid.as_str(), gpu.device()?))))
    }

    /// Goes through NVML's list: new GPUs are added, lost ones that answer again return, ones that are gone are lost.
    fn discover(&mut self, at_ms: i64) {
        self.probed = Instant::now();
        let mut found = HashMap::new();
        let mut listed = false;
        if let Some(nvml) = self.nvml
            && let Ok(count) = nvml.device_count()
        {
            listed = true;
            for index in 0..count {
                let Ok(device) = nvml.device_by_index(index) else { continue };
                let Ok(uuid) = device.uuid() else { continue };
                // A lost GPU may keep its place in the list and its name: only one that measures is back.
                let alive = device::alive(&device);
                found.insert(uuid, (index, device, alive));
            }
        }
        let mut handles_changed = false;
        for gpu in &mut self.gpus {
            let uuid = gpu.known.info.uuid.clone();
            match found.remove(&uuid) {
                Some((index, device, true)) if gpu.known.info.lost || gpu.device().is_none() => {
                    let was_lost = gpu.known.info.lost;
                    gpu.attach(index, device);
                    handles_changed = true;
                    if was_lost {
                        self.changed = true;
                        self.pending.push(event(&uuid, at_ms, GpuEventKind::Returned, 0));
                    }
                }
                Some((_, _, true)) => {}
                _ if !gpu.known.info.lost && (listed || self.nvml.is_none()) && !gpu.answers() => {
                    gpu.known.info.lost = true;
                    self.changed = true;
                    self.pending.push(event(&uuid, at_ms, GpuEventKind::Lost, 0));
                }
                _ => {}
            }
        }
        let mut new: Vec<_> = found.into_iter().collect();
        new.sort_unstable_by_key(|(_, (index, ..))| *index);
        for (uuid, (index, device, alive)) in new {
            if self.gpus.len() < MAX_GPUS {
                self.gpus.push(Gpu::discovered(uuid, index, device, !alive));
                self.changed = true;
                handles_changed = true;
            }
        }
        if handles_changed && let Some(nvml) = self.nvml {
            // The old set goes first, with what is in it: a driver may refuse to register a GPU twice.
            if let Some(old) = self.events.take() {
                self.pending.extend(old.drain(at_ms));
            }
            self.events = events::XidWatch::register(nvml, &self.gpus);
        }
    }
}

fn event(uuid: &str, at_ms: i64, kind: GpuEventKind, value: u64) -> GpuEvent {
    GpuEvent { uuid: uuid.to_owned(), at_ms, kind: kind.into(), value }
}
