//! What a GPU is: names, place, memory, limits. Figures of load are in `device_load`, of health in `device_health`.

use std::ffi::{c_int, c_uint, c_ulonglong};

use nvml_wrapper_sys::bindings as nvml;

use super::pointers::fixed;
use super::{Out, Outcome, TextOut, View, code, device_functions, gpu_functions, supported, valid};

const MIB: u64 = 1 << 20;

device_functions! {
    nvmlDeviceGetIndex(view; index: Out<c_uint>) {
        let place = view.instance.and_then(|one| {
            view.gpu.instances.as_deref()?.iter().position(|other| other.uuid == one.uuid)
        });
        index.put(place.unwrap_or(view.gpu.index) as c_uint)
    }
    nvmlDeviceGetName(view; name: TextOut, length: c_uint) {
        match view.instance {
            Some(instance) => name.put(length, &format!("{} MIG {}", view.gpu.model.name, instance.profile.name)),
            None => name.put(length, view.gpu.model.name),
        }
    }
    nvmlDeviceGetUUID(view; uuid: TextOut, length: c_uint) {
        uuid.put(length, view.instance.map_or(&view.gpu.uuid, |instance| &instance.uuid))
    }
    nvmlDeviceGetMemoryInfo(view; memory: Out<nvml::nvmlMemory_t>) {
        let Memory { total, reserved, used } = Memory::of(view);
        // The first version has no field for the driver's share and counts it as used.
        memory.put(nvml::nvmlMemory_t { total, free: total - used - reserved, used: used + reserved })
    }
    nvmlDeviceGetMemoryInfo_v2(view; memory: Out<nvml::nvmlMemory_v2_t>) {
        let version = memory.head::<c_uint>().read()?;
        if version != (size_of::<nvml::nvmlMemory_v2_t>() | 2 << 24) as c_uint {
            return Err(code::VERSION_MISMATCH);
        }
        let Memory { total, reserved, used } = Memory::of(view);
        memory.put(nvml::nvmlMemory_v2_t { version, total, reserved, free: total - used - reserved, used })
    }
    nvmlDeviceGetBAR1MemoryInfo(view; memory: Out<nvml::nvmlBAR1Memory_t>) {
        let total = view.gpu.model.bar1_mib * MIB;
        let used = 2 * MIB;
        memory.put(nvml::nvmlBAR1Memory_t { bar1Total: total, bar1Free: total - used, bar1Used: used })
    }
    nvmlDeviceGetMinorNumber(view; minor: Out<c_uint>) { minor.put(view.gpu.index as c_uint) }
    nvmlDeviceGetCudaComputeCapability(view; major: Out<c_int>, minor: Out<c_int>) {
        valid(!minor.is_null())?;
        major.put(view.gpu.model.capability.0)?;
        minor.put(view.gpu.model.capability.1)
    }
    nvmlDeviceGetArchitecture(view; architecture: Out<c_uint>) { architecture.put(view.gpu.model.architecture) }
    nvmlDeviceGetBrand(view; brand: Out<c_uint>) { brand.put(view.gpu.model.brand) }
    nvmlDeviceGetSerial(view; serial: TextOut, length: c_uint) {
        supported(!view.gpu.model.is_consumer())?;
        serial.put(length, &view.gpu.serial)
    }
    nvmlDeviceGetPciInfo(view; pci: Out<nvml::nvmlPciInfo_t>) { pci.put(pci_info(view)) }
    nvmlDeviceGetPciInfo_v2(view; pci: Out<nvml::nvmlPciInfo_t>) { pci.put(pci_info(view)) }
    nvmlDeviceGetPciInfo_v3(view; pci: Out<nvml::nvmlPciInfo_t>) { pci.put(pci_info(view)) }
}

gpu_functions! {
    nvmlDeviceGetVbiosVersion(view; version: TextOut, length: c_uint) { version.put(length, view.gpu.model.vbios) }
    nvmlDeviceGetBoardPartNumber(view; number: TextOut, length: c_uint) {
        supported(!view.gpu.model.is_consumer())?;
        number.put(length, &format!("900-2G{:03X}-0000-000", view.gpu.model.pci_device >> 20))
    }
    nvmlDeviceGetBoardId(view; id: Out<c_uint>) { id.put(view.gpu.address.bus << 8) }
    nvmlDeviceGetMultiGpuBoard(view; multi: Out<c_uint>) { multi.put(0) }
    nvmlDeviceGetNumGpuCores(view; cores: Out<c_uint>) { cores.put(view.gpu.model.cores) }
    nvmlDeviceGetMemoryBusWidth(view; bits: Out<c_uint>) { bits.put(view.gpu.model.bus_width) }
    nvmlDeviceGetBusType(view; bus: Out<c_uint>) { bus.put(nvml::NVML_BUS_TYPE_PCIE) }
    nvmlDeviceGetPersistenceMode(view; mode: Out<c_uint>) { mode.put(1) }
    nvmlDeviceGetComputeMode(view; mode: Out<c_uint>) { mode.put(0) }
    nvmlDeviceGetDisplayMode(view; mode: Out<c_uint>) { mode.put(0) }
    nvmlDeviceGetDisplayActive(view; active: Out<c_uint>) { active.put(0) }
}

/// Bytes.
struct Memory {
    total: u64,
    reserved: u64,
    used: u64,
}

impl Memory {
    fn of(view: &View<'_>) -> Self {
        let (model, used) = (view.gpu.model, view.reading().used_mib);
        let Some(instance) = view.instance else {
            return Self { total: model.memory_mib * MIB, reserved: model.reserved_mib * MIB, used: used * MIB };
        };
        // Each instance carries the whole GPU's fill; what is left of a small one bounds it.
        let reserved = 16.min(instance.memory_mib);
        let used = (used * instance.memory_mib / model.memory_mib).min(instance.memory_mib - reserved);
        Self { total: instance.memory_mib * MIB, reserved: reserved * MIB, used: used * MIB }
    }
}

fn pci_info(view: &View<'_>) -> nvml::nvmlPciInfo_t {
    let (address, model) = (view.gpu.address, view.gpu.model);
    nvml::nvmlPciInfo_t {
        busIdLegacy: fixed(&address.legacy()),
        domain: address.domain,
        bus: address.bus,
        device: address.device,
        pciDeviceId: model.pci_device,
        pciSubSystemId: model.pci_subsystem,
        busId: fixed(&address.long()),
    }
}

/// Watts the driver lets the board take, in its unit.
fn milliwatts(watts: u32) -> c_uint {
    watts * 1000
}

gpu_functions! {
    nvmlDeviceGetPowerManagementMode(view; mode: Out<c_uint>) { mode.put(1) }
    nvmlDeviceGetPowerManagementLimit(view; limit: Out<c_uint>) {
        limit.put(milliwatts(crate::model::power_limit_w(view.gpu)))
    }
    nvmlDeviceGetEnforcedPowerLimit(view; limit: Out<c_uint>) {
        limit.put(milliwatts(crate::model::power_limit_w(view.gpu)))
    }
    nvmlDeviceGetPowerManagementDefaultLimit(view; limit: Out<c_uint>) {
        limit.put(milliwatts(view.gpu.model.power.default))
    }
    nvmlDeviceGetPowerManagementLimitConstraints(view; min: Out<c_uint>, max: Out<c_uint>) {
        valid(!max.is_null())?;
        min.put(milliwatts(view.gpu.model.power.min))?;
        max.put(milliwatts(view.gpu.model.power.max))
    }
    nvmlDeviceGetTemperatureThreshold(view; kind: c_uint, celsius: Out<c_uint>) {
        celsius.put(threshold(view, kind)?)
    }
    nvmlDeviceGetMaxClockInfo(view; kind: c_uint, mhz: Out<c_uint>) { mhz.put(max_clock(view, kind)?) }
    nvmlDeviceGetTotalEnergyConsumption(view; millijoules: Out<c_ulonglong>) {
        millijoules.put(view.session.energy(view.gpu, view.second, &view.control))
    }
}

fn threshold(view: &View<'_>, kind: c_uint) -> Outcome<c_uint> {
    match kind {
        nvml::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SHUTDOWN => Ok(view.gpu.model.shutdown_c),
        nvml::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SLOWDOWN => Ok(view.gpu.model.slowdown_c),
        nvml::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_GPU_MAX => Ok(view.gpu.model.slowdown_c - 2),
        nvml::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_MEM_MAX => {
            supported(view.gpu.model.ecc)?;
            Ok(95)
        }
        kind if kind < nvml::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_COUNT => {
            Err(code::NOT_SUPPORTED)
        }
        _ => Err(code::INVALID_ARGUMENT),
    }
}

/// MHz by `nvmlClockType_t`.
pub(super) fn max_clock(view: &View<'_>, kind: c_uint) -> Outcome<c_uint> {
    match kind {
        nvml::nvmlClockType_enum_NVML_CLOCK_GRAPHICS | nvml::nvmlClockType_enum_NVML_CLOCK_SM => {
            Ok(view.gpu.model.clocks.sm)
        }
        nvml::nvmlClockType_enum_NVML_CLOCK_MEM => Ok(view.gpu.model.clocks.memory),
        nvml::nvmlClockType_enum_NVML_CLOCK_VIDEO => Ok(view.gpu.model.clocks.video),
        _ => Err(code::INVALID_ARGUMENT),
    }
}
