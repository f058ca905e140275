//! Events at their seconds. The clock counts from a process's first init, so this test has a process of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "it/simulation.rs"]
mod simulation;

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;

use simulation::{Simulation, until};

/// A hundred scenario seconds a second: everything below is over within two.
const TIMELINE: &str = r#"
time_scale = 100
[[gpu]]
model = "A100 80G"
count = 2
load = { kind = "constant", util = 40 }
process = [{ pid = 9, memory_mib = 100, until = 120 }]
[[event]]
kind = "ecc"
gpu = 1
at = 100
uncorrected = 1
[[event]]
kind = "xid"
gpu = 1
at = 100
xid = 79
[[event]]
kind = "lost"
gpu = 1
at = 101
until = 160
"#;

#[test]
fn events_come_in_their_order() {
    let simulation = Simulation::start(TIMELINE);
    let nvml = &simulation.nvml;
    let gpu = nvml.device_by_index(1).expect("a device");
    let set = nvml.create_event_set().expect("a set");
    let kinds = EventTypes::CRITICAL_XID_ERROR | EventTypes::DOUBLE_BIT_ECC_ERROR;
    let set = gpu.register_events(kinds, set).map_err(|both| both.error).expect("registered");

    let first = set.wait(20_000).expect("the memory error");
    assert_eq!((first.event_type, first.event_data.is_none()), (EventTypes::DOUBLE_BIT_ECC_ERROR, true));
    let second = set.wait(20_000).expect("the Xid");
    assert!(matches!(second.event_data, Some(XidError::Value(79))), "{second:?}");
    // Waiting goes on for the other GPUs' sake, whatever became of this one.
    assert!(matches!(set.wait(0), Err(NvmlError::Timeout)));

    until("back on the bus", || gpu.uuid().ok());
    let other = nvml.device_by_index(0).expect("a device");
    until("the program's end", || other.running_compute_processes().expect("programs").is_empty().then_some(()));
    assert!(other.utilization_rates().is_ok());
}
