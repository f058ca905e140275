//! Errors, missing and unsupported functions, and many figures in one call.

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{EccCounter, MemoryError, MemoryLocation, RetirementCause};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;

use crate::simulation::Simulation;

const TROUBLE: &str = r#"
missing_functions = ["nvmlDeviceGetPcieReplayCounter"]
[[gpu]]
model = "V100"
not_supported = ["nvmlDeviceGetPowerUsage"]
load = { kind = "constant", util = 50 }
[[gpu]]
model = "A100 80G"
load = { kind = "constant", util = 50 }
[[gpu]]
model = "A100 80G"
ecc = false
[[event]]
kind = "ecc"
gpu = 0
at = 0
corrected = 5
uncorrected = 2
[[event]]
kind = "ecc"
gpu = 1
at = 0
uncorrected = 1
[[event]]
kind = "throttle"
gpu = 1
at = 0
bits = 0x48
"#;

#[test]
fn memory_errors_are_counted_where_ecc_is_on() {
    let simulation = Simulation::start(TROUBLE);
    let gpu = simulation.nvml.device_by_index(0).expect("a device");
    let total = |kind| gpu.total_ecc_errors(kind, EccCounter::Volatile).expect("errors");
    assert_eq!((total(MemoryError::Corrected), total(MemoryError::Uncorrected)), (5, 2));
    let here = |location| gpu.memory_error_counter(MemoryError::Corrected, EccCounter::Aggregate, location);
    assert_eq!(here(MemoryLocation::Device).expect("errors"), 5);
    assert_eq!(here(MemoryLocation::L1Cache).expect("errors"), 0);
    assert_eq!(gpu.retired_pages(RetirementCause::DoubleBitEccError).expect("pages").len(), 2);
    assert!(gpu.retired_pages(RetirementCause::MultipleSingleBitEccErrors).expect("pages").is_empty());

    let without = simulation.nvml.device_by_index(2).expect("a device");
    assert!(!without.is_ecc_enabled().expect("mode").currently_enabled);
    let errors = without.total_ecc_errors(MemoryError::Corrected, EccCounter::Volatile);
    assert!(matches!(errors, Err(NvmlError::NotSupported)));
    // From Ampere on rows are remapped instead.
    assert!(matches!(without.retired_pages(RetirementCause::DoubleBitEccError), Err(NvmlError::NotSupported)));
}

#[test]
fn functions_can_be_missing_or_not_supported() {
    let simulation = Simulation::start(TROUBLE);
    let (first, second) = (simulation.nvml.device_by_index(0), simulation.nvml.device_by_index(1));
    let (first, second) = (first.expect("a device"), second.expect("a device"));
    assert!(matches!(first.pcie_replay_counter(), Err(NvmlError::FunctionNotFound)));
    assert!(matches!(first.power_usage(), Err(NvmlError::NotSupported)));
    assert!(second.power_usage().expect("power") > 0, "only where the scenario says so");
}

#[test]
fn throttling_shows_its_reasons() {
    let simulation = Simulation::start(TROUBLE);
    let gpu = simulation.nvml.device_by_index(1).expect("a device");
    let reasons = gpu.current_throttle_reasons().expect("reasons");
    assert!(reasons.contains(ThrottleReasons::HW_SLOWDOWN | ThrottleReasons::HW_THERMAL_SLOWDOWN), "{reasons:?}");
    assert!(!reasons.contains(ThrottleReasons::GPU_IDLE));
    let idle = simulation.nvml.device_by_index(2).expect("a device");
    assert_eq!(idle.current_throttle_reasons().expect("reasons"), ThrottleReasons::GPU_IDLE);
}

#[test]
fn each_field_has_a_code_of_its_own() {
    let simulation = Simulation::start(TROUBLE);
    let gpu = simulation.nvml.device_by_index(1).expect("a device");
    let fields = [
        field_id::NVML_FI_DEV_MEMORY_TEMP,
        field_id::NVML_FI_DEV_ECC_DBE_VOL_TOTAL,
        field_id::NVML_FI_DEV_C2C_LINK_COUNT,
        field_id::NVML_FI_DEV_REMAPPED_UNC,
        field_id::NVML_FI_DEV_NVLINK_LINK_COUNT,
    ];
    let values = gpu.field_values_for(&fields.map(FieldId)).expect("the call");
    let value = |place: usize| values[place].as_ref().expect("a sample").value.as_ref();
    assert!(matches!(value(0), Ok(SampleValue::U32(30..=95))), "{:?}", value(0));
    assert!(matches!(value(1), Ok(SampleValue::U64(1))), "{:?}", value(1));
    assert!(matches!(value(2), Err(NvmlError::NotSupported)), "{:?}", value(2));
    assert!(matches!(value(3), Ok(SampleValue::U32(1))), "{:?}", value(3));
    assert!(matches!(value(4), Ok(SampleValue::U32(12))), "{:?}", value(4));
}

#[test]
fn energy_only_grows() {
    let simulation = Simulation::start(TROUBLE);
    let gpu = simulation.nvml.device_by_index(1).expect("a device");
    let first = gpu.total_energy_consumption().expect("energy");
    crate::simulation::until("more energy", || {
        let now = gpu.total_energy_consumption().expect("energy");
        assert!(now >= first);
        (now > first).then_some(())
    });
}
