//! One session: from the first `nvmlInit` to the `nvmlShutdown` that matches it.
//!
//! Invariants: the session exists exactly while the count of inits is above zero; calls hold it by [`Arc`], so that
//! a shutdown in another thread never takes it away under a call; the clock starts once per process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use crate::catalog::Model;
use crate::control::{Control, Watch};
use crate::events::{Happening, Hub};
use crate::identity::{self, Address};
use crate::mig::Instance;
use crate::model::Energy;
use crate::scenario::{Event, Group, Scenario};

/// One GPU as the scenario describes it.
#[derive(Debug)]
pub struct Gpu {
    /// As NVML counts.
    pub index: usize,
    /// The scenario's.
    pub seed: u64,
    /// Its preset.
    pub model: &'static Model,
    /// What the scenario says of its group.
    pub group: Group,
    /// Seconds its curve is ahead.
    pub ahead: f64,
    /// `GPU-…`.
    pub uuid: String,
    /// Serial number.
    pub serial: String,
    /// Place on the bus.
    pub address: Address,
    /// MIG instances; `None` when MIG mode is off.
    pub instances: Option<Vec<Instance>>,
    /// What happens to it.
    pub events: Vec<Event>,
}

impl Gpu {
    /// Every GPU of a (checked) scenario, in index order.
    pub fn all(scenario: &Scenario) -> Vec<Self> {
        let mut all = Vec::with_capacity(scenario.gpu_count());
        for group in &scenario.groups {
            let Some(model) = Model::find(&group.model) else { continue };
            for place in 0..group.count {
                let index = all.len();
                let instances = group.mig.as_ref().map(|names| Instance::of(names, model, scenario.seed, index));
                all.push(Self {
                    index,
                    seed: scenario.seed,
                    model,
                    group: group.clone(),
                    ahead: group.stagger * place as f64,
                    uuid: identity::uuid("GPU-", scenario.seed, index, 0),
                    serial: identity::serial(scenario.seed, index),
                    address: Address::of(index),
                    instances,
                    events: scenario.events.iter().filter(|event| event.gpu() == index).cloned().collect(),
                });
            }
        }
        all
    }
}

/// Everything the calls read.
#[derive(Debug)]
pub struct Session {
    /// As read at init.
    pub scenario: Scenario,
    /// In index order.
    pub gpus: Vec<Gpu>,
    /// Event sets.
    pub hub: Hub,
    energy: Mutex<Vec<Energy>>,
    watch: Mutex<Watch>,
}

impl Session {
    fn start() -> Result<Self, String> {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let scenario = Scenario::load(path("NVML_SIM_SCENARIO").as_deref())?;
        let gpus = Gpu::all(&scenario);
        let session = Self {
            hub: Hub::default(),
            energy: Mutex::new(vec![Energy::default(); gpus.len()]),
            watch: Mutex::new(Watch::new(path("NVML_SIM_CONTROL"))),
            gpus,
            scenario,
        };
        session.pump();
        Ok(session)
    }

    /// Scenario seconds since the start of the process's first session.
    pub fn second(&self) -> f64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_secs_f64() * self.scenario.time_scale
    }

    /// What the control file says now. Xids that are new in it go out to the event sets.
    pub fn control(&self) -> Arc<Control> {
        let (control, xids) = lock(&self.watch).look();
        for (gpu, xid) in xids {
            self.hub.push(Happening::xid(gpu, xid));
        }
        control
    }

    /// Brings the event sets up to now.
    pub fn pump(&self) {
        self.control();
        self.hub.advance(&self.scenario.events, self.second());
    }

    /// Millijoules since the start.
    pub fn energy(&self, gpu: &Gpu, second: f64, control: &crate::control::GpuControl) -> u64 {
        lock(&self.energy).get_mut(gpu.index).map_or(0, |energy| energy.upto(gpu, second, control))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded is valid after every step, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The session and how many inits hold it.
static CURRENT: Mutex<(usize, Option<Arc<Session>>)> = Mutex::new((0, None));

/// Why an init failed.
#[derive(Debug)]
pub enum InitError {
    /// The scenario says so, with this return code.
    Wanted(u32),
    /// The scenario cannot be used; reported on standard error.
    Scenario,
}

/// Starts the session or holds it once more.
pub fn init() -> Result<(), InitError> {
    let mut current = lock(&CURRENT);
    if current.1.is_none() {
        let session = Session::start().map_err(|problem| {
            complain(&problem);
            InitError::Scenario
        })?;
        if session.scenario.init_result != 0 {
            return Err(InitError::Wanted(session.scenario.init_result));
        }
        current.1 = Some(Arc::new(session));
    }
    current.0 += 1;
    Ok(())
}

/// Lets go once; `false` if nothing was held.
pub fn shutdown() -> bool {
    let mut current = lock(&CURRENT);
    let Some(left) = current.0.checked_sub(1) else { return false };
    current.0 = left;
    if left == 0
        && let Some(session) = current.1.take()
    {
        session.hub.close();
    }
    true
}

/// The session, if there is one.
pub fn current() -> Option<Arc<Session>> {
    lock(&CURRENT).1.clone()
}

/// Says on standard error what the operator of the simulation got wrong; a closed standard error is no reason to fail.
pub fn complain(problem: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "nvml-sim: {problem}");
}
