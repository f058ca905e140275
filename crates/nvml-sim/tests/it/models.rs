//! Presets: what they have, what they do not have, and that their figures make sense.

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{
    Brand, Clock, PcieUtilCounter, PerformanceState, TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::enums::device::{DeviceArchitecture, UsedGpuMemory};
use nvml_wrapper::error::NvmlError;

use crate::simulation::Simulation;

const HOST: &str = r#"
driver_version = "570.10.05"
cuda_version = "12.8"
seed = 11
[[gpu]]
model = "H100 80G"
count = 2
load = { kind = "constant", util = 90 }
process = [
  { pid = 4242, name = "/usr/bin/python3", memory_mib = 8192 },
  { pid = "self", memory_mib = 1024 },
  { pid = 4243, name = "/usr/bin/Xorg", memory_mib = 64, kind = "graphics" },
]
[[gpu]]
model = "RTX 4090"
load = { kind = "constant", util = 70 }
[[gpu]]
model = "T4"
"#;

#[test]
fn the_host_and_its_gpus() {
    let simulation = Simulation::start(HOST);
    let nvml = &simulation.nvml;
    assert_eq!(nvml.sys_driver_version().expect("driver"), "570.10.05");
    assert_eq!(nvml.sys_nvml_version().expect("nvml"), "12.570.10.05");
    assert_eq!(nvml.sys_cuda_driver_version().expect("cuda"), 12_080);
    assert_eq!(nvml.device_count().expect("count"), 4);

    let names: Vec<String> = devices(&simulation).iter().map(|device| device.name().expect("name")).collect();
    let expected = ["NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3", "NVIDIA GeForce RTX 4090", "Tesla T4"];
    assert_eq!(names, expected);
    for (index, device) in devices(&simulation).iter().enumerate() {
        let (uuid, pci) = (device.uuid().expect("uuid"), device.pci_info().expect("pci"));
        assert_eq!(device.index().expect("index"), index as u32);
        assert_eq!(nvml.device_by_uuid(uuid).expect("by uuid").index().expect("index"), index as u32);
        let by_bus = nvml.device_by_pci_bus_id(pci.bus_id.to_lowercase()).expect("by bus");
        assert_eq!(by_bus.index().expect("index"), index as u32);
        assert_eq!(device.minor_number().expect("minor"), index as u32);
    }
    assert!(matches!(nvml.device_by_index(4), Err(NvmlError::InvalidArg)));
    assert!(matches!(nvml.device_by_uuid("GPU-0"), Err(NvmlError::NotFound)));
    assert!(matches!(nvml.device_by_pci_bus_id("nonsense"), Err(NvmlError::InvalidArg)));
}

fn devices(simulation: &Simulation) -> Vec<Device<'_>> {
    let count = simulation.nvml.device_count().expect("count");
    (0..count).map(|index| simulation.nvml.device_by_index(index).expect("a device")).collect()
}

#[test]
fn a_data_centre_board_under_load() {
    let simulation = Simulation::start(HOST);
    let gpu = simulation.nvml.device_by_index(0).expect("a device");
    assert!(matches!(gpu.brand(), Ok(Brand::Nvidia)));
    assert!(matches!(gpu.architecture(), Ok(DeviceArchitecture::Hopper)));
    let capability = gpu.cuda_compute_capability().expect("capability");
    assert_eq!((capability.major, capability.minor), (9, 0));
    assert_eq!(gpu.num_cores().expect("cores"), 16_896);
    assert_eq!(gpu.serial().expect("serial").len(), 13);
    assert_eq!(gpu.vbios_version().expect("vbios"), "96.00.61.00.01");

    let memory = gpu.memory_info().expect("memory");
    assert_eq!(memory.total, 81_559 << 20);
    assert_eq!(memory.used, (8192 + 1024 + 64) << 20, "what the programs hold");
    assert_eq!(memory.used + memory.free + memory.reserved, memory.total);
    assert!(gpu.bar1_memory_info().expect("bar1").total > 0);

    let load = gpu.utilization_rates().expect("load");
    assert!((86..=94).contains(&load.gpu) && load.memory < load.gpu, "{load:?}");
    let celsius = gpu.temperature(TemperatureSensor::Gpu).expect("temperature");
    let slowdown = gpu.temperature_threshold(TemperatureThreshold::Slowdown).expect("threshold");
    assert!((50..slowdown).contains(&celsius), "{celsius}");
    let (power, limit) = (gpu.power_usage().expect("power"), gpu.enforced_power_limit().expect("limit"));
    assert!((500_000..=limit).contains(&power) && limit == 700_000, "{power} of {limit}");
    assert_eq!(gpu.power_management_limit_constraints().expect("constraints").min_limit, 200_000);
    let (clock, max) = (gpu.clock_info(Clock::SM).expect("clock"), gpu.max_clock_info(Clock::SM).expect("max"));
    assert!((1000..=max).contains(&clock) && max == 1980, "{clock} of {max}");
    assert_eq!(gpu.clock_info(Clock::Memory).expect("memory clock"), 2619);
    assert!(matches!(gpu.performance_state(), Ok(PerformanceState::Zero)));
    assert!(gpu.pcie_throughput(PcieUtilCounter::Receive).expect("received") > 0);
    assert_eq!((gpu.current_pcie_link_gen().expect("gen"), gpu.current_pcie_link_width().expect("width")), (5, 16));

    assert!(gpu.is_ecc_enabled().expect("ecc").currently_enabled);
    assert_eq!(gpu.num_fans().expect("fans"), 0);
    assert!(matches!(gpu.fan_speed(0), Err(NvmlError::NotSupported)));
}

#[test]
fn a_consumer_board_has_fans_and_no_ecc() {
    let simulation = Simulation::start(HOST);
    let gpu = simulation.nvml.device_by_index(2).expect("a device");
    assert!(matches!(gpu.brand(), Ok(Brand::GeForce)));
    assert!(matches!(gpu.is_ecc_enabled(), Err(NvmlError::NotSupported)));
    assert!(matches!(gpu.serial(), Err(NvmlError::NotSupported)));
    assert!(matches!(gpu.mig_mode(), Err(NvmlError::NotSupported)));
    assert_eq!(gpu.num_fans().expect("fans"), 2);
    assert!((1..=100).contains(&gpu.fan_speed(1).expect("fan")));
    assert!(matches!(gpu.fan_speed(2), Err(NvmlError::InvalidArg)));
    assert!(gpu.running_compute_processes().expect("programs").is_empty());
}

#[test]
fn an_idle_board_is_cool_and_slow() {
    let simulation = Simulation::start(HOST);
    let gpu = simulation.nvml.device_by_index(3).expect("a device");
    assert_eq!(gpu.utilization_rates().expect("load").gpu, 0);
    assert!(gpu.temperature(TemperatureSensor::Gpu).expect("temperature") < 40);
    assert!(gpu.power_usage().expect("power") < 12_000);
    assert_eq!(gpu.clock_info(Clock::Graphics).expect("clock"), 300);
    assert!(matches!(gpu.performance_state(), Ok(PerformanceState::Eight)));
    assert_eq!(gpu.memory_info().expect("memory").used, 0);
    assert_eq!(gpu.current_pcie_link_gen().expect("gen"), 1);
}

#[test]
fn programs_are_listed_by_kind() {
    let simulation = Simulation::start(HOST);
    let gpu = simulation.nvml.device_by_index(1).expect("a device");
    let compute = gpu.running_compute_processes().expect("compute");
    let pids: Vec<u32> = compute.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [4242, std::process::id()]);
    assert_eq!(compute[0].used_gpu_memory, UsedGpuMemory::Used(8192 << 20));
    assert_eq!(compute[0].gpu_instance_id, None);
    let graphics = gpu.running_graphics_processes().expect("graphics");
    assert_eq!(graphics.iter().map(|process| process.pid).collect::<Vec<_>>(), [4243]);

    let samples = gpu.process_utilization_stats(0).expect("samples");
    assert_eq!(samples.iter().map(|sample| sample.pid).collect::<Vec<_>>(), pids);
    assert!(samples.iter().all(|sample| (40..=50).contains(&sample.sm_util)), "{samples:?}");

    assert_eq!(simulation.nvml.sys_process_name(4242, 64).expect("name"), "/usr/bin/python3");
    let own = std::env::current_exe().expect("the test's path");
    assert_eq!(simulation.nvml.sys_process_name(std::process::id(), 4096).expect("name"), own.to_string_lossy());
    assert!(matches!(simulation.nvml.sys_process_name(u32::MAX, 64), Err(NvmlError::NotFound)));
}

#[test]
fn identities_do_not_change_from_run_to_run() {
    let identities = || {
        let simulation = Simulation::start(HOST);
        let of = |device: &Device<'_>| (device.uuid().expect("uuid"), device.pci_info().expect("pci").bus_id);
        devices(&simulation).iter().map(of).collect::<Vec<_>>()
    };
    let first = identities();
    assert_eq!(first, identities());
    let mut uuids: Vec<_> = first.iter().map(|(uuid, _)| uuid).collect();
    uuids.sort();
    uuids.dedup();
    assert_eq!(uuids.len(), 4);
}
