//! GPUs, through the simulated NVML library, end to end: the real binary loads it as it loads the driver's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use node_protocol::{GpuEventKind, GpuSample, Inventory, Sample};

use crate::agent::Agent;
use crate::server::{Policy, Seen, TestServer};

/// The library cargo built because this crate's tests depend on `nvml-sim`.
fn library() -> PathBuf {
    let bin = Path::new(env!("CARGO_BIN_EXE_remotegpu-agent"));
    let dir = bin.parent().expect("the binary is in a folder");
    let places = [dir.join("libnvml_sim.so"), dir.join("deps/libnvml_sim.so")];
    let newest = places
        .iter()
        .filter(|place| place.is_file())
        .max_by_key(|place| place.metadata().and_then(|file| file.modified()).ok());
    newest.cloned().unwrap_or_else(|| panic!("libnvml_sim.so is in none of {places:?}: run `cargo build -p nvml-sim`"))
}

/// An agent on simulated GPUs.
struct Simulated {
    agent: Agent,
    server: TestServer,
    control: PathBuf,
    _dir: tempfile::TempDir,
}

impl Simulated {
    async fn start(scenario: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (file, control) = (dir.path().join("scenario.toml"), dir.path().join("control.toml"));
        fs::write(&file, scenario).unwrap();
        fs::write(&control, "").unwrap();
        let server = TestServer::start(Policy::default()).await;
        let library = library();
        let agent = Agent::start(
            &server.http_url(),
            &dir.path().join("state"),
            &["--nvml-lib", library.to_str().unwrap()],
            &[("NVML_SIM_SCENARIO", &file), ("NVML_SIM_CONTROL", &control)],
        );
        Self { agent, server, control, _dir: dir }
    }

    /// Replaced in one step: the library must not read half a file.
    fn control(&self, text: &str) {
        let half = self.control.with_extension("half");
        fs::write(&half, text).unwrap();
        fs::rename(&half, &self.control).unwrap();
    }

    async fn inventory(&self, done: impl Fn(&Inventory) -> bool) -> Inventory {
        self.server.wait("the inventory", |seen| seen.inventories.last().is_some_and(&done)).await;
        self.server.seen().inventories.last().unwrap().clone()
    }

    async fn sample(&self, what: &str, done: impl Fn(&Sample) -> bool) -> Sample {
        self.server.wait(what, |seen| newest(seen).is_some_and(&done)).await;
        self.server.seen().committed.values().rev().find(|sample| done(sample)).unwrap().clone()
    }

    fn events(&self, kind: GpuEventKind) -> Vec<(String, u64)> {
        let events = self.server.seen().events();
        events.into_iter().filter(|event| event.kind() == kind).map(|event| (event.uuid, event.value)).collect()
    }

    async fn event(&self, kind: GpuEventKind) -> (String, u64) {
        let found = |seen: &Seen| seen.events().iter().any(|event| event.kind() == kind);
        self.server.wait(&format!("{kind:?}"), found).await;
        self.events(kind).remove(0)
    }
}

fn newest(seen: &Seen) -> Option<&Sample> {
    seen.committed.values().next_back()
}

const TWO: &str = r#"
driver_version = "580.95.05"
cuda_version = "13.0"
[[gpu]]
model = "H100 80G"
count = 2
load = { kind = "constant", util = 40 }
jitter = 0.0
power_limit_w = 500
memory_used_mib = 4096
"#;

#[tokio::test]
async fn figures_and_inventory_are_what_the_driver_says() {
    let here = Simulated::start(TWO).await;
    let inventory = here.inventory(|inventory| inventory.gpus.len() == 2).await;
    assert_eq!(inventory.driver_version.as_deref(), Some("580.95.05"));
    assert_eq!(inventory.cuda_version.as_deref(), Some("13.0"));
    assert_eq!(inventory.nvml_error, None);
    let (first, second) = (&inventory.gpus[0], &inventory.gpus[1]);
    assert!(first.uuid.starts_with("GPU-") && first.uuid != second.uuid);
    assert!(first.model.contains("H100"), "{}", first.model);
    assert_eq!((first.index, second.index), (0, 1));
    assert_eq!(first.power_limit_w, Some(500.0));
    assert_eq!((first.ecc_enabled, first.mig_enabled, first.lost), (Some(true), Some(false), false));
    assert!(first.pci_bus_id.is_some() && first.vbios.is_some());
    assert!(first.memory_bytes.is_some_and(|bytes| bytes > 70 << 30));

    let sample = here.sample("two GPUs", |sample| sample.gpus.len() == 2).await;
    for gpu in &sample.gpus {
        let GpuSample { util_percent, memory_used_bytes, power_limit_w, fan_percent, .. } = gpu;
        assert_eq!(*util_percent, Some(40.0));
        assert_eq!(*memory_used_bytes, Some(4096 << 20));
        assert_eq!(*power_limit_w, Some(500.0));
        assert_eq!(*fan_percent, None, "an H100 board has no fan: absent, not 0");
        assert!(gpu.power_w.is_some_and(|watts| watts > 10.0 && watts <= 500.0), "{gpu:?}");
        assert!(gpu.temperature_c.is_some_and(|degrees| (15.0..100.0).contains(&degrees)), "{gpu:?}");
        assert!(gpu.sm_clock_mhz.is_some() && gpu.mem_clock_mhz.is_some() && gpu.throttle_bits.is_some());
        assert!(gpu.pcie_generation.is_some() && gpu.pcie_width == Some(16));
        assert_eq!((gpu.ecc_corrected, gpu.ecc_uncorrected), (Some(0), Some(0)));
        assert!(gpu.performance_state.is_some() && !gpu.lost);
    }
    // One GPU's PCIe throughput per tick, each in turn.
    here.server
        .wait("PCIe figures of both", |seen| {
            (0..2)
                .all(|i| seen.committed.values().any(|s| s.gpus.len() == 2 && s.gpus[i].pcie_rx_bytes_per_s.is_some()))
        })
        .await;
    let both = |s: &Sample| s.gpus.iter().filter(|gpu| gpu.pcie_rx_bytes_per_s.is_some()).count() > 1;
    assert!(!here.server.seen().committed.values().any(both), "PCIe is asked of one GPU at a time");
    here.agent.terminate();
}

#[tokio::test]
async fn a_gpu_that_falls_off_the_bus_is_lost_and_returns() {
    let here = Simulated::start(TWO).await;
    let uuid = here.inventory(|inventory| inventory.gpus.len() == 2).await.gpus[1].uuid.clone();
    here.control("[gpu.1]\nlost = true\n");
    let gone = |gpu: &GpuSample| gpu.uuid == uuid && gpu.lost;
    let sample = here.sample("a lost GPU", |sample| sample.gpus.iter().any(gone)).await;
    assert_eq!(sample.gpus[1], GpuSample { uuid: uuid.clone(), lost: true, ..GpuSample::default() });
    assert!(!sample.gpus[0].lost && sample.gpus[0].util_percent == Some(40.0), "the other goes on");
    assert_eq!(here.event(GpuEventKind::Lost).await, (uuid.clone(), 0));
    let inventory = here.inventory(|inventory| inventory.gpus.iter().any(|gpu| gpu.lost)).await;
    assert_eq!(inventory.gpus.len(), 2, "it stays in the inventory");
    assert!(inventory.gpus[1].memory_bytes.is_some(), "what is known of it is kept");

    here.control("[gpu.1]\nlost = false\n");
    assert_eq!(here.event(GpuEventKind::Returned).await, (uuid.clone(), 0));
    here.inventory(|inventory| inventory.gpus.len() == 2 && inventory.gpus.iter().all(|gpu| !gpu.lost)).await;
    here.sample("its figures", |s| s.gpus.iter().all(|gpu| gpu.util_percent.is_some())).await;
    here.control("[gpu.1]\nxid = 31\n");
    assert_eq!(here.event(GpuEventKind::Xid).await, (uuid, 31), "it is registered again");
    assert_eq!((here.events(GpuEventKind::Lost).len(), here.events(GpuEventKind::Returned).len()), (1, 1));
    here.agent.terminate();
}

#[tokio::test]
async fn xid_and_ecc_errors_become_events() {
    let here = Simulated::start(TWO).await;
    let inventory = here.inventory(|inventory| inventory.gpus.len() == 2).await;
    here.sample("figures", |sample| sample.gpus.len() == 2).await;
    here.control("[gpu.0]\nxid = 79\n[gpu.1]\necc_uncorrected = 3\n");
    assert_eq!(here.event(GpuEventKind::Xid).await, (inventory.gpus[0].uuid.clone(), 79));
    assert_eq!(here.event(GpuEventKind::EccUncorrected).await, (inventory.gpus[1].uuid.clone(), 3));
    here.sample("the counter", |s| s.gpus.get(1).is_some_and(|gpu| gpu.ecc_uncorrected == Some(3))).await;
    assert_eq!(here.events(GpuEventKind::EccUncorrected).len(), 1);
    assert_eq!(here.events(GpuEventKind::Xid).len(), 1);
    here.agent.terminate();
}

#[tokio::test]
async fn mig_devices_and_missing_figures() {
    let here = Simulated::start(
        r#"
missing_functions = ["nvmlDeviceGetEncoderUtilization"]
[[gpu]]
model = "H100 80G"
mig = ["3g.40gb", "1g.10gb"]
not_supported = ["nvmlDeviceGetPowerUsage", "nvmlDeviceGetPcieThroughput"]
"#,
    )
    .await;
    let inventory = here.inventory(|inventory| inventory.gpus.len() == 1).await;
    let gpu = &inventory.gpus[0];
    assert_eq!(gpu.mig_enabled, Some(true));
    let profiles: Vec<&str> = gpu.mig_devices.iter().map(|device| device.profile.as_str()).collect();
    assert_eq!(profiles, ["3g.40gb", "1g.10gb"]);
    assert!(gpu.mig_devices.iter().all(|device| device.uuid.starts_with("MIG-") && device.memory_bytes.is_some()));
    let sample = here.sample("figures", |sample| sample.gpus.len() == 1).await;
    let gpu = &sample.gpus[0];
    assert_eq!((gpu.power_w, gpu.pcie_rx_bytes_per_s, gpu.encoder_percent), (None, None, None));
    assert!(gpu.temperature_c.is_some() && !gpu.lost);
    here.agent.terminate();
}

#[tokio::test]
async fn processes_are_listed_with_their_owner_and_without_arguments() {
    let here = Simulated::start(TWO).await;
    let uuid = here.inventory(|inventory| inventory.gpus.len() == 2).await.gpus[1].uuid.clone();
    here.control("[gpu.1]\nprocess = [{ pid = \"self\", memory_mib = 512 }]\n");
    here.server.wait("a process", |seen| seen.processes.last().is_some_and(|list| !list.processes.is_empty())).await;
    let list = here.server.seen().processes.last().unwrap().clone();
    let [process] = &list.processes[..] else { panic!("one process expected: {list:?}") };
    assert_eq!((process.pid, process.gpu_uuid.as_str()), (here.agent.pid(), uuid.as_str()));
    assert_eq!(process.command.as_deref(), Some("remotegpu-agent"));
    assert_eq!(process.gpu_memory_bytes, Some(512 << 20));
    assert_eq!(process.kind, "compute");
    assert!(process.user.as_ref().is_some_and(|user| !user.is_empty()));
    let age = node_agent::tick::now_ms() - process.started_at_ms.unwrap();
    assert!((-2000..120_000).contains(&age), "started {age} ms ago");
    here.agent.terminate();
}

#[tokio::test]
async fn probe_prints_what_nvidia_smi_would() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("scenario.toml");
    fs::write(&scenario, TWO).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_remotegpu-agent"))
        .args(["probe", "--nvml-lib"])
        .arg(library())
        .env("NVML_SIM_SCENARIO", &scenario)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for expected in ["driver_version: \"580.95.05\",", "util_percent: 40.0,", "memory_used_bytes: 4294967296,"] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert_eq!(text.matches("pcie_rx_bytes_per_s").count(), 2, "{text}");
}
