//! The control file: a test's hand on a running simulation.

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enum_wrappers::device::{EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;

use crate::simulation::{Simulation, until};

const CALM: &str = "[[gpu]]\nmodel = \"H100 80G\"\ncount = 4\nload = { kind = \"constant\", util = 60 }\njitter = 0";

#[test]
fn a_gpu_falls_off_the_bus_and_comes_back() {
    let simulation = Simulation::start(CALM);
    let nvml = &simulation.nvml;
    let gpu = nvml.device_by_index(3).expect("a device");
    let uuid = gpu.uuid().expect("uuid");
    simulation.control("[gpu.3]\nlost = true\n");
    until("lost", || matches!(gpu.utilization_rates(), Err(NvmlError::GpuLost)).then_some(()));
    assert!(matches!(nvml.device_by_index(3), Err(NvmlError::GpuLost)));
    assert!(matches!(nvml.device_by_uuid(uuid.clone()), Err(NvmlError::GpuLost)));
    assert!(matches!(gpu.name(), Err(NvmlError::GpuLost)));
    assert_eq!(nvml.device_count().expect("count"), 4, "the driver still lists it");
    assert_eq!(nvml.device_by_index(2).expect("another").utilization_rates().expect("load").gpu, 60);
    simulation.control("");
    until("back", || gpu.utilization_rates().ok());
    assert_eq!(nvml.device_by_index(3).expect("the device").uuid().expect("uuid"), uuid);
}

#[test]
fn figures_can_be_set() {
    let simulation = Simulation::start(CALM);
    let gpu = simulation.nvml.device_by_index(1).expect("a device");
    assert_eq!(gpu.utilization_rates().expect("load").gpu, 60);
    simulation.control(
        "missing_functions = [\"nvmlDeviceGetEnforcedPowerLimit\"]\n[gpu.1]\nutil = 37\ntemperature = 91\n\
         power_w = 250\nmemory_used_mib = 1024\necc_corrected = 3\nnot_supported = [\"nvmlDeviceGetVbiosVersion\"]\n\
         process = [{ pid = 77, memory_mib = 5 }]",
    );
    until("the new load", || (gpu.utilization_rates().expect("load").gpu == 37).then_some(()));
    assert_eq!(gpu.temperature(TemperatureSensor::Gpu).expect("temperature"), 91);
    assert_eq!(gpu.power_usage().expect("power"), 250_000);
    assert_eq!(gpu.memory_info().expect("memory").used, 1024 << 20);
    assert_eq!(gpu.total_ecc_errors(MemoryError::Corrected, EccCounter::Volatile).expect("errors"), 3);
    assert!(matches!(gpu.vbios_version(), Err(NvmlError::NotSupported)));
    assert!(matches!(gpu.enforced_power_limit(), Err(NvmlError::FunctionNotFound)));
    assert_eq!(gpu.running_compute_processes().expect("programs").len(), 1);
    let other = simulation.nvml.device_by_index(0).expect("a device");
    assert_eq!(other.utilization_rates().expect("load").gpu, 60);
}

#[test]
fn an_xid_is_delivered_once_and_again_when_asked() {
    let simulation = Simulation::start(CALM);
    let gpu = simulation.nvml.device_by_index(2).expect("a device");
    let supported = gpu.supported_event_types().expect("types");
    assert!(supported.contains(EventTypes::CRITICAL_XID_ERROR | EventTypes::DOUBLE_BIT_ECC_ERROR));
    let set = simulation.nvml.create_event_set().expect("a set");
    let set = gpu.register_events(EventTypes::CRITICAL_XID_ERROR, set).map_err(|both| both.error).expect("registered");
    assert!(matches!(set.wait(0), Err(NvmlError::Timeout)));

    simulation.control("[gpu.2]\nxid = 79\n[gpu.1]\nxid = 48");
    let event = set.wait(20_000).expect("the event");
    assert!(matches!(event.event_data, Some(XidError::Value(79))), "{event:?}");
    assert_eq!(event.device.index().expect("index"), 2);
    simulation.control("[gpu.2]\nxid = 79\nutil = 5");
    until("the new load", || (gpu.utilization_rates().expect("load").gpu == 5).then_some(()));
    assert!(matches!(set.wait(0), Err(NvmlError::Timeout)), "neither a second time nor another GPU's");
    simulation.control("[gpu.2]\nxid = 79\nxid_again = 1");
    assert!(matches!(set.wait(20_000).expect("again").event_data, Some(XidError::Value(79))));
    set.release_events().expect("freed");
}

#[test]
fn what_cannot_happen_cannot_be_waited_for() {
    let simulation = Simulation::start("[[gpu]]\nmodel = \"RTX 4090\"");
    let gpu = simulation.nvml.device_by_index(0).expect("a device");
    let set = simulation.nvml.create_event_set().expect("a set");
    let refused = gpu.register_events(EventTypes::DOUBLE_BIT_ECC_ERROR, set);
    assert!(matches!(refused.map_err(|both| both.error), Err(NvmlError::NotSupported)));
}
