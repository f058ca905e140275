//! MIG: mode, instances, their ids and sizes, and the way back to the GPU.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings as nvml;

use super::{Handle, Out, Outcome, View, code, device_functions, gpu_functions, supported, valid};
use crate::mig::Instance;

/// Compute slices of a GPU, which is also the most instances it can have.
const SLICES: c_uint = 7;

device_functions! {
    nvmlDeviceIsMigDeviceHandle(view; is_instance: Out<c_uint>) {
        is_instance.put(c_uint::from(view.instance.is_some()))
    }
    nvmlDeviceGetGpuInstanceId(view; id: Out<c_uint>) { id.put(instance(view)?.gpu_instance) }
    nvmlDeviceGetComputeInstanceId(view; id: Out<c_uint>) {
        // Every GPU instance of a scenario holds one compute instance of its own size.
        instance(view)?;
        id.put(0)
    }
    nvmlDeviceGetDeviceHandleFromMigDeviceHandle(view; parent: Out<Handle>) {
        valid(view.instance.is_some())?;
        parent.put(Handle::of(view.gpu.index, None))
    }
    nvmlDeviceGetAttributes_v2(view; attributes: Out<nvml::nvmlDeviceAttributes_t>) {
        attributes.put(attributes_of(instance(view)?))
    }
}

gpu_functions! {
    nvmlDeviceGetMigMode(view; current: Out<c_uint>, pending: Out<c_uint>) {
        supported(view.gpu.model.mig)?;
        valid(!pending.is_null())?;
        let mode = c_uint::from(view.gpu.instances.is_some());
        current.put(mode)?;
        pending.put(mode)
    }
    nvmlDeviceGetMaxMigDeviceCount(view; count: Out<c_uint>) {
        count.put(if view.gpu.model.mig { SLICES } else { 0 })
    }
    nvmlDeviceGetMigDeviceHandleByIndex(view; index: c_uint, device: Out<Handle>) {
        supported(view.gpu.model.mig)?;
        valid(index < SLICES)?;
        let there = view.gpu.instances.as_ref().is_some_and(|all| (index as usize) < all.len());
        if !there {
            return Err(code::NOT_FOUND);
        }
        device.put(Handle::of(view.gpu.index, Some(index as usize)))
    }
}

fn instance<'a>(view: &View<'a>) -> Outcome<&'a Instance> {
    view.instance.ok_or(code::NOT_SUPPORTED)
}

fn attributes_of(instance: &Instance) -> nvml::nvmlDeviceAttributes_t {
    let slices = instance.profile.slices;
    nvml::nvmlDeviceAttributes_t {
        multiprocessorCount: instance.multiprocessors,
        sharedCopyEngineCount: slices,
        sharedDecoderCount: slices,
        sharedEncoderCount: 0,
        sharedJpegCount: slices,
        sharedOfaCount: u32::from(slices == SLICES),
        gpuInstanceSliceCount: slices,
        computeInstanceSliceCount: slices,
        memorySizeMB: instance.memory_mib,
    }
}
