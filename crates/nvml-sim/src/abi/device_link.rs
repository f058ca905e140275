//! How a GPU is connected: PCIe and NVLink.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings as nvml;

use super::{Out, Outcome, View, code, gpu_functions, supported, valid};

const LANES: c_uint = 16;

gpu_functions! {
    nvmlDeviceGetPcieThroughput(view; counter: c_uint, kbps: Out<c_uint>) {
        view.uncut()?;
        let reading = view.reading();
        kbps.put(match counter {
            nvml::nvmlPcieUtilCounter_enum_NVML_PCIE_UTIL_TX_BYTES => reading.pcie_tx_kbps,
            nvml::nvmlPcieUtilCounter_enum_NVML_PCIE_UTIL_RX_BYTES => reading.pcie_rx_kbps,
            _ => return Err(code::INVALID_ARGUMENT),
        })
    }
    nvmlDeviceGetPcieReplayCounter(view; count: Out<c_uint>) { count.put(0) }
    nvmlDeviceGetMaxPcieLinkGeneration(view; generation: Out<c_uint>) {
        generation.put(view.gpu.model.pcie_generation)
    }
    nvmlDeviceGetGpuMaxPcieLinkGeneration(view; generation: Out<c_uint>) {
        generation.put(view.gpu.model.pcie_generation)
    }
    nvmlDeviceGetCurrPcieLinkGeneration(view; generation: Out<c_uint>) { generation.put(current_generation(view)) }
    nvmlDeviceGetMaxPcieLinkWidth(view; lanes: Out<c_uint>) { lanes.put(LANES) }
    nvmlDeviceGetCurrPcieLinkWidth(view; lanes: Out<c_uint>) { lanes.put(LANES) }
    nvmlDeviceGetPcieSpeed(view; mbps: Out<c_uint>) { mbps.put(pcie_speed(current_generation(view))) }
    nvmlDeviceGetPcieLinkMaxSpeed(view; speed: Out<c_uint>) {
        // The header's constants count the generations from 1.
        speed.put(view.gpu.model.pcie_generation)
    }
    nvmlDeviceGetNvLinkState(view; link: c_uint, active: Out<c_uint>) {
        nvlink(view, link)?;
        active.put(1)
    }
    nvmlDeviceGetNvLinkVersion(view; link: c_uint, version: Out<c_uint>) {
        nvlink(view, link)?;
        version.put(match view.gpu.model.nvlinks {
            18 => 4,
            12 => 3,
            _ => 2,
        })
    }
    nvmlDeviceGetNvLinkErrorCounter(view; link: c_uint, counter: c_uint, count: Out<u64>) {
        nvlink(view, link)?;
        valid(counter < nvml::nvmlNvLinkErrorCounter_enum_NVML_NVLINK_ERROR_COUNT)?;
        count.put(0)
    }
}

/// MT/s of one lane by generation.
fn pcie_speed(generation: c_uint) -> c_uint {
    match generation {
        1 => 2500,
        2 => 5000,
        newer => 1000 << newer,
    }
}

/// Boards that lower their memory clock without work lower their link too.
fn current_generation(view: &View<'_>) -> c_uint {
    let model = view.gpu.model;
    let sleeps = model.clocks.memory_idle < model.clocks.memory && view.reading().util == 0;
    if sleeps { 1 } else { model.pcie_generation }
}

fn nvlink(view: &View<'_>, link: c_uint) -> Outcome {
    valid(link < nvml::NVML_NVLINK_MAX_LINKS)?;
    supported(view.gpu.model.nvlinks > 0)?;
    valid(link < view.gpu.model.nvlinks)
}
