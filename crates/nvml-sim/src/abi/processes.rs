//! Programs on a GPU, in the layouts of NVML's three generations, and their shares of its work.

use std::ffi::{c_uint, c_ulonglong};
use std::time::{SystemTime, UNIX_EPOCH};

use nvml_wrapper_sys::bindings as nvml;

use super::{Out, View, code, device_functions, gpu_functions};
use crate::model;
use crate::scenario::{Process, ProcessKind};

/// What stands for "no MIG instance".
const NO_INSTANCE: c_uint = c_uint::MAX;

/// Third generation; the second has the same layout.
type Info = nvml::nvmlProcessInfo_v2_t;

device_functions! {
    nvmlDeviceGetComputeRunningProcesses(view; count: Out<c_uint>, infos: Out<nvml::nvmlProcessInfo_v1_t>) {
        infos.list(count, &first_generation(view, ProcessKind::Compute))
    }
    nvmlDeviceGetComputeRunningProcesses_v2(view; count: Out<c_uint>, infos: Out<Info>) {
        infos.list(count, &running(view, ProcessKind::Compute))
    }
    nvmlDeviceGetComputeRunningProcesses_v3(view; count: Out<c_uint>, infos: Out<Info>) {
        infos.list(count, &running(view, ProcessKind::Compute))
    }
    nvmlDeviceGetGraphicsRunningProcesses(view; count: Out<c_uint>, infos: Out<nvml::nvmlProcessInfo_v1_t>) {
        infos.list(count, &first_generation(view, ProcessKind::Graphics))
    }
    nvmlDeviceGetGraphicsRunningProcesses_v2(view; count: Out<c_uint>, infos: Out<Info>) {
        infos.list(count, &running(view, ProcessKind::Graphics))
    }
    nvmlDeviceGetGraphicsRunningProcesses_v3(view; count: Out<c_uint>, infos: Out<Info>) {
        infos.list(count, &running(view, ProcessKind::Graphics))
    }
    nvmlDeviceGetMPSComputeRunningProcesses_v3(view; count: Out<c_uint>, infos: Out<Info>) {
        // Nothing in a scenario goes through MPS.
        let _ = view;
        infos.list(count, &[])
    }
}

gpu_functions! {
    nvmlDeviceGetProcessUtilization(
        view; samples: Out<nvml::nvmlProcessUtilizationSample_t>, count: Out<c_uint>, last_seen: c_ulonglong
    ) {
        view.uncut()?;
        let all = utilization(view);
        // As in the real library, nothing newer than what the caller has seen is "not found".
        if all.first().is_none_or(|sample| sample.timeStamp <= last_seen) {
            return Err(code::NOT_FOUND);
        }
        samples.list(count, &all)
    }
}

/// The programs of one kind, on an instance only its own.
fn programs<'a>(view: &'a View<'_>, kind: ProcessKind) -> impl Iterator<Item = (&'a Process, Option<c_uint>)> {
    let instances = view.gpu.instances.as_deref();
    model::processes(view.gpu, view.second, &view.control)
        .filter(move |process| process.kind == kind)
        .map(move |process| {
            let instance = instances.and_then(|all| all.get(process.instance));
            (process, instance.map(|instance| instance.gpu_instance))
        })
        .filter(move |(_, id)| view.instance.is_none_or(|instance| *id == Some(instance.gpu_instance)))
}

fn running(view: &View<'_>, kind: ProcessKind) -> Vec<Info> {
    let info = |(process, instance): (&Process, Option<c_uint>)| Info {
        pid: process.pid(),
        usedGpuMemory: process.memory_mib << 20,
        gpuInstanceId: instance.unwrap_or(NO_INSTANCE),
        computeInstanceId: instance.map_or(NO_INSTANCE, |_| 0),
    };
    programs(view, kind).map(info).collect()
}

fn first_generation(view: &View<'_>, kind: ProcessKind) -> Vec<nvml::nvmlProcessInfo_v1_t> {
    let info = |(process, _): (&Process, _)| nvml::nvmlProcessInfo_v1_t {
        pid: process.pid(),
        usedGpuMemory: process.memory_mib << 20,
    };
    programs(view, kind).map(info).collect()
}

/// The GPU's work split evenly between its compute programs, as of this second.
fn utilization(view: &View<'_>) -> Vec<nvml::nvmlProcessUtilizationSample_t> {
    let all: Vec<&Process> = programs(view, ProcessKind::Compute).map(|(process, _)| process).collect();
    let (reading, share) = (view.reading(), all.len().max(1) as c_uint);
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let sample = |process: &&Process| nvml::nvmlProcessUtilizationSample_t {
        pid: process.pid(),
        timeStamp: second * 1_000_000,
        smUtil: reading.util / share,
        memUtil: reading.memory_util / share,
        encUtil: 0,
        decUtil: 0,
    };
    all.iter().map(sample).collect()
}

/// Kept apart from the macros, so that the layouts the wrapper reads are checked once, when this is compiled.
const _: () = {
    assert!(size_of::<nvml::nvmlProcessInfo_v1_t>() == 16);
    assert!(size_of::<Info>() == 24);
    assert!(size_of::<nvml::nvmlProcessUtilizationSample_t>() == 32);
};
