//! What goes wrong with a GPU: memory errors, retired pages, throttling.

use std::ffi::{c_uint, c_ulonglong};

use nvml_wrapper_sys::bindings as nvml;

use super::{Out, Outcome, View, code, gpu_functions, supported, valid};
use crate::model::{self, Errors};

/// Every reason this simulation can give.
const KNOWN_REASONS: c_ulonglong = 0x1FF;

gpu_functions! {
    nvmlDeviceGetEccMode(view; current: Out<c_uint>, pending: Out<c_uint>) {
        supported(view.gpu.model.ecc)?;
        valid(!pending.is_null())?;
        current.put(c_uint::from(view.gpu.group.ecc))?;
        pending.put(c_uint::from(view.gpu.group.ecc))
    }
    nvmlDeviceGetDefaultEccMode(view; mode: Out<c_uint>) {
        supported(view.gpu.model.ecc)?;
        mode.put(1)
    }
    nvmlDeviceGetTotalEccErrors(view; kind: c_uint, counter: c_uint, count: Out<c_ulonglong>) {
        count.put(counted(view, kind, counter)?)
    }
    nvmlDeviceGetDetailedEccErrors(view; kind: c_uint, counter: c_uint, counts: Out<nvml::nvmlEccErrorCounts_t>) {
        let device_memory = counted(view, kind, counter)?;
        counts.put(nvml::nvmlEccErrorCounts_t { l1Cache: 0, l2Cache: 0, deviceMemory: device_memory, registerFile: 0 })
    }
    nvmlDeviceGetMemoryErrorCounter(view; kind: c_uint, counter: c_uint, location: c_uint, count: Out<c_ulonglong>) {
        valid(location < nvml::nvmlMemoryLocation_enum_NVML_MEMORY_LOCATION_COUNT)?;
        let device_memory = counted(view, kind, counter)?;
        // All simulated errors are in the device's memory.
        let here = location == nvml::nvmlMemoryLocation_enum_NVML_MEMORY_LOCATION_DEVICE_MEMORY;
        count.put(if here { device_memory } else { 0 })
    }
    nvmlDeviceGetRetiredPages(view; cause: c_uint, count: Out<c_uint>, addresses: Out<c_ulonglong>) {
        addresses.list(count, &retired_pages(view, cause)?)
    }
    nvmlDeviceGetRetiredPages_v2(
        view; cause: c_uint, count: Out<c_uint>, addresses: Out<c_ulonglong>, times: Out<c_ulonglong>
    ) {
        let (pages, room) = (retired_pages(view, cause)?, count.read()?);
        addresses.list(count, &pages)?;
        count.put(room)?;
        times.list(count, &vec![0; pages.len()])
    }
    nvmlDeviceGetRetiredPagesPendingStatus(view; pending: Out<c_uint>) {
        supported(retires_pages(view))?;
        pending.put(c_uint::from(errors(view).uncorrected > 0))
    }
    nvmlDeviceGetRemappedRows(
        view; corrected: Out<c_uint>, uncorrected: Out<c_uint>, pending: Out<c_uint>, failed: Out<c_uint>
    ) {
        supported(remaps_rows(view))?;
        valid(!uncorrected.is_null() && !pending.is_null() && !failed.is_null())?;
        let rows = errors(view).uncorrected as c_uint;
        corrected.put(0)?;
        uncorrected.put(rows)?;
        pending.put(c_uint::from(rows > 0))?;
        failed.put(0)
    }
    nvmlDeviceGetCurrentClocksThrottleReasons(view; reasons: Out<c_ulonglong>) {
        reasons.put(view.reading().throttle)
    }
    nvmlDeviceGetCurrentClocksEventReasons(view; reasons: Out<c_ulonglong>) { reasons.put(view.reading().throttle) }
    nvmlDeviceGetSupportedClocksThrottleReasons(view; reasons: Out<c_ulonglong>) { reasons.put(KNOWN_REASONS) }
    nvmlDeviceGetSupportedClocksEventReasons(view; reasons: Out<c_ulonglong>) { reasons.put(KNOWN_REASONS) }
}

/// Errors so far, whatever the caller asked for.
pub(super) fn errors(view: &View<'_>) -> Errors {
    model::errors(view.gpu, view.second, &view.control)
}

/// ECC exists and is on.
pub(super) fn counts_errors(view: &View<'_>) -> Outcome {
    supported(view.gpu.model.ecc && view.gpu.group.ecc)
}

fn counted(view: &View<'_>, kind: c_uint, counter: c_uint) -> Outcome<c_ulonglong> {
    valid(counter < nvml::nvmlEccCounterType_enum_NVML_ECC_COUNTER_TYPE_COUNT)?;
    counts_errors(view)?;
    match kind {
        nvml::nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_CORRECTED => Ok(errors(view).corrected),
        nvml::nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_UNCORRECTED => Ok(errors(view).uncorrected),
        _ => Err(code::INVALID_ARGUMENT),
    }
}

/// Boards from before Ampere retire pages; later ones remap rows.
pub(super) fn retires_pages(view: &View<'_>) -> bool {
    view.gpu.model.ecc && view.gpu.model.architecture < nvml::NVML_DEVICE_ARCH_AMPERE
}

pub(super) fn remaps_rows(view: &View<'_>) -> bool {
    view.gpu.model.ecc && view.gpu.model.architecture >= nvml::NVML_DEVICE_ARCH_AMPERE
}

/// One page for each uncorrected error, up to the 64 the board has spares for.
fn retired_pages(view: &View<'_>, cause: c_uint) -> Outcome<Vec<c_ulonglong>> {
    valid(cause < nvml::nvmlPageRetirementCause_enum_NVML_PAGE_RETIREMENT_CAUSE_COUNT)?;
    supported(retires_pages(view))?;
    let double = cause == nvml::nvmlPageRetirementCause_enum_NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR;
    let count = if double { errors(view).uncorrected.min(64) } else { 0 };
    Ok((0..count).map(|place| 0x1_0000 * (place + 1)).collect())
}
