//! The C interface itself, without the wrapper's manners: small buffers, null, wrong order, many threads.

use std::ffi::{CStr, c_char, c_uint};
use std::ptr::null_mut;

use nvml_wrapper_sys::bindings::*;

use crate::simulation::with_environment;

const HOST: &str = "[[gpu]]\nmodel = \"H100 80G\"\ncount = 2\nprocess = [{ pid = 1, memory_mib = 1 }, { pid = 2 }]";

/// The symbol, which the library must have.
macro_rules! symbol {
    ($library:ident . $name:ident) => {
        *$library.$name.as_ref().expect(stringify!($name))
    };
}

fn with_library(run: impl FnOnce(&NvmlLib)) {
    with_environment(HOST, |path| {
        // SAFETY: our own library, whose constructors do nothing.
        let library = unsafe { NvmlLib::new(path) }.expect("the library");
        run(&library);
    });
}

fn first_device(library: &NvmlLib) -> nvmlDevice_t {
    let mut device = null_mut();
    // SAFETY: signatures are those of NVML's header; the pointer is to a live local.
    let codes =
        unsafe { [symbol!(library.nvmlInit_v2)(), symbol!(library.nvmlDeviceGetHandleByIndex_v2)(0, &mut device)] };
    assert_eq!(codes, [nvmlReturn_enum_NVML_SUCCESS; 2]);
    device
}

#[test]
fn a_small_buffer_is_refused_and_left_alone() {
    with_library(|library| {
        let device = first_device(library);
        let name = symbol!(library.nvmlDeviceGetName);
        let expected = "NVIDIA H100 80GB HBM3";
        let mut buffer = [0x55 as c_char; 64];
        let length = expected.len() as c_uint;
        // SAFETY: as in `first_device`; the buffer is longer than the lengths given.
        unsafe {
            assert_eq!(name(device, buffer.as_mut_ptr(), length), nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE);
            assert!(buffer.iter().all(|byte| *byte == 0x55), "nothing was written");
            assert_eq!(name(device, buffer.as_mut_ptr(), length + 1), nvmlReturn_enum_NVML_SUCCESS);
            assert_eq!(CStr::from_ptr(buffer.as_ptr()).to_str(), Ok(expected));
        }
        assert!(buffer[expected.len() + 1..].iter().all(|byte| *byte == 0x55), "nothing beyond the length");
    });
}

#[test]
fn null_and_stray_pointers_are_invalid_arguments() {
    with_library(|library| {
        let device = first_device(library);
        let stray = std::ptr::without_provenance_mut(0x1234_5678);
        let mut value = 0;
        // SAFETY: as in `first_device`; null is what is tested, and handles are never followed.
        let codes = unsafe {
            [
                symbol!(library.nvmlDeviceGetName)(device, null_mut(), 64),
                symbol!(library.nvmlDeviceGetPowerUsage)(device, null_mut()),
                symbol!(library.nvmlDeviceGetPowerUsage)(null_mut(), &mut value),
                symbol!(library.nvmlDeviceGetPowerUsage)(stray, &mut value),
                symbol!(library.nvmlDeviceGetHandleByIndex_v2)(0, null_mut()),
                symbol!(library.nvmlDeviceGetHandleByUUID)(null_mut(), &mut null_mut()),
                symbol!(library.nvmlDeviceGetComputeRunningProcesses_v3)(device, null_mut(), null_mut()),
                symbol!(library.nvmlDeviceGetMemoryInfo_v2)(device, null_mut()),
                symbol!(library.nvmlDeviceGetFieldValues)(device, 1, null_mut()),
                symbol!(library.nvmlEventSetCreate)(null_mut()),
            ]
        };
        assert_eq!(codes, [nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT; 10]);
        let unversioned = &mut nvmlMemory_v2_t { version: 0, total: 0, reserved: 0, free: 0, used: 0 };
        // SAFETY: as in `first_device`.
        let code = unsafe { symbol!(library.nvmlDeviceGetMemoryInfo_v2)(device, unversioned) };
        assert_eq!(code, nvmlReturn_enum_NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
    });
}

#[test]
fn a_list_says_how_long_it_is() {
    with_library(|library| {
        let device = first_device(library);
        let running = symbol!(library.nvmlDeviceGetComputeRunningProcesses_v3);
        let empty = nvmlProcessInfo_t { pid: 0, usedGpuMemory: 0, gpuInstanceId: 0, computeInstanceId: 0 };
        let mut infos = [empty; 3];
        let mut count = 1;
        // SAFETY: as in `first_device`; the array is at least as long as the counts given.
        unsafe {
            let code = running(device, &mut count, infos.as_mut_ptr());
            assert_eq!((code, count), (nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE, 2));
            assert_eq!(infos[0].pid, 0, "nothing was written");
            count = 3;
            let code = running(device, &mut count, infos.as_mut_ptr());
            assert_eq!((code, count), (nvmlReturn_enum_NVML_SUCCESS, 2));
        }
        assert_eq!(infos.map(|info| info.pid), [1, 2, 0]);
    });
}

#[test]
fn nothing_answers_outside_init_and_shutdown() {
    with_library(|library| {
        let mut count = 0;
        let mut counted = || {
            // SAFETY: as in `first_device`.
            unsafe { symbol!(library.nvmlDeviceGetCount_v2)(&mut count) }
        };
        // SAFETY: as in `first_device`.
        let (init, shutdown) = unsafe {
            let (init, shutdown) = (symbol!(library.nvmlInit_v2), symbol!(library.nvmlShutdown));
            (move || init(), move || shutdown())
        };
        let (success, uninitialized) = (nvmlReturn_enum_NVML_SUCCESS, nvmlReturn_enum_NVML_ERROR_UNINITIALIZED);
        assert_eq!(counted(), uninitialized);
        assert_eq!(shutdown(), uninitialized);
        assert_eq!([init(), init(), counted(), shutdown(), counted()], [success; 5], "inits are counted");
        assert_eq!([shutdown(), counted()], [success, uninitialized]);
        // SAFETY: the function takes any number and gives a string that is never freed.
        let text = unsafe { CStr::from_ptr(symbol!(library.nvmlErrorString)(uninitialized)) };
        assert_eq!(text.to_str(), Ok("Uninitialized"));
    });
}

#[test]
fn a_scenario_can_refuse_or_be_refused() {
    for (scenario, expected) in [
        ("init_result = 9", nvmlReturn_enum_NVML_ERROR_DRIVER_NOT_LOADED),
        ("[[gpu]]\nmodel = \"H900\"", nvmlReturn_enum_NVML_ERROR_UNKNOWN),
    ] {
        with_environment(scenario, |path| {
            // SAFETY: our own library, whose constructors do nothing; the signature is NVML's.
            let code = unsafe {
                let library = NvmlLib::new(path).expect("the library");
                symbol!(library.nvmlInit_v2)()
            };
            assert_eq!(code, expected, "{scenario}");
        });
    }
}

#[test]
fn many_threads_may_call_at_once() {
    let simulation = crate::simulation::Simulation::start(HOST);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let nvml = &simulation.nvml;
            scope.spawn(move || {
                for _ in 0..200 {
                    let gpu = nvml.device_by_index(thread % 2).expect("a device");
                    gpu.total_energy_consumption().expect("energy");
                    assert_eq!(gpu.running_compute_processes().expect("programs").len(), 2);
                    drop(nvml.create_event_set().expect("a set"));
                }
            });
        }
    });
}
