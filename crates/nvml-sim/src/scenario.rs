//! The scenario file: what it may say, its defaults, and what makes it invalid. Format: see the crate's documentation.
//!
//! Invariant: a [`Scenario`] that left [`Scenario::parse`] names known models, existing GPUs and MIG instances that
//! fit; nothing later has to check these again.

use std::path::Path;

use serde::Deserialize;

use crate::catalog::Model;
use crate::curve::Load;
use crate::mig::Profile;

/// A whole host.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// As `nvidia-smi` shows it.
    #[serde(default = "driver_version")]
    pub driver_version: String,
    /// `major.minor`.
    #[serde(default = "cuda_version")]
    pub cuda_version: String,
    /// Identities and jitter derive from it.
    #[serde(default)]
    pub seed: u64,
    /// Simulated seconds per real second.
    #[serde(default = "one")]
    pub time_scale: f64,
    /// Symbols that answer "function not found".
    #[serde(default)]
    pub missing_functions: Vec<String>,
    /// What `nvmlInit` answers; 0 is success.
    #[serde(default)]
    pub init_result: u32,
    /// Groups of alike GPUs, in index order.
    #[serde(default, rename = "gpu")]
    pub groups: Vec<Group>,
    /// What happens when.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
}

/// `count` alike GPUs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// A preset of the catalog.
    pub model: String,
    /// How many.
    #[serde(default = "one_gpu")]
    pub count: usize,
    /// Load over time.
    #[serde(default = "idle")]
    pub load: Load,
    /// Percent points either way. An idle GPU has none.
    #[serde(default = "two")]
    pub jitter: f64,
    /// Seconds by which each GPU of the group is ahead of the one before.
    #[serde(default)]
    pub stagger: f64,
    /// ECC mode, where the model has ECC.
    #[serde(default = "yes")]
    pub ecc: bool,
    /// Enforced power limit in watts, in place of the model's.
    pub power_limit_w: Option<u32>,
    /// Memory in use, MiB, in place of what follows from processes or load.
    pub memory_used_mib: Option<u64>,
    /// MIG mode is on, with these instances.
    pub mig: Option<Vec<String>>,
    /// Symbols that answer "not supported" for these GPUs.
    #[serde(default)]
    pub not_supported: Vec<String>,
    /// Programs that use these GPUs.
    #[serde(default, rename = "process")]
    pub processes: Vec<Process>,
}

/// A program on a GPU.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// A number, or the process that loaded this library.
    pub pid: Pid,
    /// Path; without it, what the system knows of the pid.
    pub name: Option<String>,
    /// Memory in use, MiB.
    #[serde(default)]
    pub memory_mib: u64,
    /// Second of its start.
    #[serde(default)]
    pub from: f64,
    /// Second of its end.
    pub until: Option<f64>,
    /// Compute or graphics.
    #[serde(default)]
    pub kind: ProcessKind,
    /// Place of its MIG instance in the GPU's list.
    #[serde(default)]
    pub instance: usize,
}

/// A pid as a scenario writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Pid {
    /// This one.
    Number(u32),
    /// `"self"`.
    Word(SelfWord),
}

/// The only word a pid can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfWord {
    /// The process that loaded this library.
    #[serde(rename = "self")]
    Own,
}

/// Which of NVML's two process lists it is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessKind {
    /// CUDA.
    #[default]
    Compute,
    /// OpenGL, Vulkan.
    Graphics,
}

/// Something that happens to one GPU; seconds since the start.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The driver reports an Xid.
    Xid {
        /// Index.
        gpu: usize,
        /// Second.
        at: f64,
        /// The number.
        xid: u64,
    },
    /// Memory errors.
    Ecc {
        /// Index.
        gpu: usize,
        /// Second.
        at: f64,
        /// Single-bit errors.
        #[serde(default)]
        corrected: u64,
        /// Double-bit errors.
        #[serde(default)]
        uncorrected: u64,
    },
    /// Clocks held back.
    Throttle {
        /// Index.
        gpu: usize,
        /// Second.
        at: f64,
        /// Second of its end.
        until: Option<f64>,
        /// NVML's reason mask.
        bits: u64,
    },
    /// The GPU falls off the bus.
    Lost {
        /// Index.
        gpu: usize,
        /// Second.
        at: f64,
        /// Second of its return.
        until: Option<f64>,
    },
}

impl Event {
    /// Index of the GPU concerned.
    pub fn gpu(&self) -> usize {
        match self {
            Self::Xid { gpu, .. } | Self::Ecc { gpu, .. } | Self::Throttle { gpu, .. } | Self::Lost { gpu, .. } => *gpu,
        }
    }
}

impl Process {
    /// The pid as a number.
    pub fn pid(&self) -> u32 {
        match self.pid {
            Pid::Number(number) => number,
            Pid::Word(SelfWord::Own) => std::process::id(),
        }
    }

    /// Whether it runs at a second.
    pub fn runs_at(&self, second: f64) -> bool {
        second >= self.from && self.until.is_none_or(|until| second < until)
    }
}

fn driver_version() -> String {
    "580.95.05".to_owned()
}

fn cuda_version() -> String {
    "13.0".to_owned()
}

fn one() -> f64 {
    1.0
}

fn two() -> f64 {
    2.0
}

fn one_gpu() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn idle() -> Load {
    Load::Idle
}

/// What holds when no scenario is named.
const BUILT_IN: &str = r#"
[[gpu]]
model = "H100 80G"
count = 8
load = { kind = "sine", mean = 55, amplitude = 35, period = 120 }
stagger = 9
"#;

impl Scenario {
    /// Reads the file, or gives the built-in scenario when none is named.
    pub fn load(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else { return Self::parse(BUILT_IN) };
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads a scenario and checks it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.check()?;
        Ok(scenario)
    }

    /// GPUs in all.
    pub fn gpu_count(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// CUDA version the way NVML writes it: 13.0 is 13000, 12.4 is 12040.
    pub fn cuda_number(&self) -> Option<i32> {
        let (major, minor) = self.cuda_version.split_once('.')?;
        let (major, minor): (i32, i32) = (major.parse().ok()?, minor.parse().ok()?);
        major.checked_mul(1000)?.checked_add(minor.checked_mul(10)?)
    }

    fn check(&self) -> Result<(), String> {
        if self.cuda_number().is_none() {
            return Err(format!("cuda_version {:?} is not major.minor", self.cuda_version));
        }
        if !(self.time_scale.is_finite() && self.time_scale > 0.0) {
            return Err("time_scale must be more than 0".to_owned());
        }
        if self.gpu_count() > 1024 {
            return Err("more than 1024 GPUs".to_owned());
        }
        for (place, group) in self.groups.iter().enumerate() {
            group.check().map_err(|problem| format!("gpu group {}: {problem}", place + 1))?;
        }
        let beyond = self.events.iter().find(|event| event.gpu() >= self.gpu_count());
        beyond.map_or(Ok(()), |event| Err(format!("an event names GPU {}, which does not exist", event.gpu())))
    }
}

impl Group {
    fn check(&self) -> Result<(), String> {
        let model = Model::find(&self.model).ok_or_else(|| format!("unknown model {:?}", self.model))?;
        if let Some(problem) = self.load.problem() {
            return Err(format!("load: {problem}"));
        }
        let Some(names) = &self.mig else { return Ok(()) };
        if !model.mig {
            return Err(format!("{} has no MIG", model.key));
        }
        let mut slices = 0;
        for name in names {
            slices += Profile::parse(name).ok_or_else(|| format!("{name:?} is not a MIG profile"))?.slices;
        }
        if slices > 7 {
            return Err(format!("MIG instances take {slices} slices of 7"));
        }
        match self.processes.iter().find(|process| !names.is_empty() && process.instance >= names.len()) {
            Some(process) => Err(format!("a process names MIG instance {}, which does not exist", process.instance)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_scenario_and_the_examples_are_valid() {
        assert_eq!(Scenario::load(None).expect("built in").gpu_count(), 8);
        // Tests run in their package's folder. A path from when it was compiled may be of another clone's.
        let folder = Path::new("scenarios");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).expect("the examples' folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("an example");
            if path.file_name().is_some_and(|name| name == "control.toml") {
                crate::control::Control::parse(&text).expect("the control example");
            } else {
                Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
            read += 1;
        }
        assert!(read >= 5, "{read} examples");
    }

    #[test]
    fn mistakes_are_refused_with_their_reason() {
        let cases = [
            ("[[gpu]]\nmodel = \"H900\"", "unknown model"),
            ("[[gpu]]\nmodel = \"T4\"\nload = { kind = \"sine\", mean = 1, amplitude = 1, period = 0 }", "period"),
            ("[[gpu]]\nmodel = \"T4\"\nmig = [\"1g.5gb\"]", "no MIG"),
            ("[[gpu]]\nmodel = \"H100 80G\"\nmig = [\"4g.40gb\", \"4g.40gb\"]", "8 slices of 7"),
            ("[[gpu]]\nmodel = \"H100 80G\"\nmig = [\"big\"]", "not a MIG profile"),
            ("[[gpu]]\nmodel = \"T4\"\n[[event]]\nkind = \"lost\"\ngpu = 1\nat = 3", "GPU 1"),
            ("cuda_version = \"13\"", "major.minor"),
            ("time_scale = 0", "time_scale"),
            ("speed = 3", "speed"),
            ("[[gpu]]\nmodel = \"T4\"\nprocess = [{ pid = \"other\" }]", "pid"),
        ];
        for (text, reason) in cases {
            let error = Scenario::parse(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
