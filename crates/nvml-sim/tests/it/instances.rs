//! MIG: instances, their parent, and what a cut GPU no longer tells.

use nvml_wrapper::error::NvmlError;

use crate::simulation::Simulation;

const CUT: &str = include_str!("../../scenarios/mig.toml");

#[test]
fn instances_are_devices_of_their_own() {
    let simulation = Simulation::start(CUT);
    let gpu = simulation.nvml.device_by_index(0).expect("a device");
    let mode = gpu.mig_mode().expect("mode");
    assert_eq!((mode.current, mode.pending), (1, 1));
    assert_eq!(gpu.mig_device_count().expect("most"), 7);
    assert!(!gpu.mig_is_mig_device_handle().expect("kind"));

    let one = gpu.mig_device_by_index(0).expect("an instance");
    assert!(one.mig_is_mig_device_handle().expect("kind"));
    assert_eq!(one.name().expect("name"), "NVIDIA H100 80GB HBM3 MIG 3g.40gb");
    assert!(one.uuid().expect("uuid").starts_with("MIG-"));
    assert_eq!(one.mig_parent_device().expect("parent").uuid().expect("uuid"), gpu.uuid().expect("uuid"));
    let by_uuid = simulation.nvml.device_by_uuid(one.uuid().expect("uuid")).expect("by uuid");
    assert!(by_uuid.mig_is_mig_device_handle().expect("kind"));

    let memory = one.memory_info().expect("memory");
    assert!(memory.total > 38 << 30 && memory.total <= 40 << 30);
    let attributes = one.attributes().expect("attributes");
    assert_eq!(attributes.gpu_instance_slice_count, 3);
    assert_eq!(attributes.memory_size_mb << 20, memory.total);

    let found = (0..7).filter(|index| gpu.mig_device_by_index(*index).is_ok()).count();
    assert_eq!(found, 3);
    assert!(matches!(gpu.mig_device_by_index(3), Err(NvmlError::NotFound)));
    assert!(matches!(gpu.mig_device_by_index(7), Err(NvmlError::InvalidArg)));
}

#[test]
fn programs_belong_to_an_instance() {
    let simulation = Simulation::start(CUT);
    let gpu = simulation.nvml.device_by_index(0).expect("a device");
    let all = gpu.running_compute_processes().expect("programs");
    let ids: Vec<_> = all.iter().map(|one| (one.pid, one.gpu_instance_id, one.compute_instance_id)).collect();
    assert_eq!(ids, [(52_001, Some(1), Some(0)), (52_002, Some(7), Some(0))]);
    let third = gpu.mig_device_by_index(2).expect("an instance");
    let own = third.running_compute_processes().expect("programs");
    assert_eq!(own.iter().map(|one| one.pid).collect::<Vec<_>>(), [52_002]);
}

#[test]
fn a_cut_gpu_and_its_instances_have_no_utilization() {
    let simulation = Simulation::start(CUT);
    let gpu = simulation.nvml.device_by_index(0).expect("a device");
    assert!(matches!(gpu.utilization_rates(), Err(NvmlError::NotSupported)));
    assert!(gpu.power_usage().expect("power of the whole") > 0);
    let one = gpu.mig_device_by_index(0).expect("an instance");
    assert!(matches!(one.utilization_rates(), Err(NvmlError::NotSupported)));
    assert!(matches!(one.power_usage(), Err(NvmlError::NotSupported)));

    let whole = simulation.nvml.device_by_index(1).expect("a device");
    assert_eq!(whole.mig_mode().expect("mode").current, 0);
    assert!(matches!(whole.mig_device_by_index(0), Err(NvmlError::NotFound)));
    assert!(matches!(whole.attributes(), Err(NvmlError::NotSupported)));
    assert_eq!(whole.utilization_rates().expect("load").gpu, 0);
}
