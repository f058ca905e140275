//! The GPU models a scenario can name, with the figures their drivers report.
//!
//! A model's key is compared without case, spaces, hyphens, "NVIDIA" and "GB"/"G" differences, so that `H100 80G`,
//! `h100-80gb` and `NVIDIA H100 80GB` are one.

use nvml_wrapper_sys::bindings as nvml;

/// What does not change while a GPU of this model runs.
#[derive(Debug)]
pub struct Model {
    /// How a scenario names it.
    pub key: &'static str,
    /// How the driver names it.
    pub name: &'static str,
    /// `nvmlBrandType_t`.
    pub brand: u32,
    /// `nvmlDeviceArchitecture_t`.
    pub architecture: u32,
    /// CUDA compute capability, major and minor.
    pub capability: (i32, i32),
    /// Frame buffer, MiB.
    pub memory_mib: u64,
    /// Kept by the driver, MiB.
    pub reserved_mib: u64,
    /// Memory bus, bits.
    pub bus_width: u32,
    /// BAR1 aperture, MiB.
    pub bar1_mib: u64,
    /// Board power, watts: idle, smallest limit, default limit, largest limit.
    pub power: Power,
    /// Clocks, MHz.
    pub clocks: Clocks,
    /// Whether memory has ECC.
    pub ecc: bool,
    /// Fans the driver can read; 0 for passively cooled boards.
    pub fans: u32,
    /// Whether MIG instances can be made.
    pub mig: bool,
    /// Multiprocessors.
    pub multiprocessors: u32,
    /// CUDA cores.
    pub cores: u32,
    /// PCIe generation (16 lanes throughout).
    pub pcie_generation: u32,
    /// NVLink links; 0 for boards without.
    pub nvlinks: u32,
    /// Rate of one NVLink link, MB/s.
    pub nvlink_mbps: u32,
    /// Degrees Celsius: slowdown and shutdown.
    pub slowdown_c: u32,
    /// Degrees Celsius at which the board switches itself off.
    pub shutdown_c: u32,
    /// PCI device and vendor.
    pub pci_device: u32,
    /// PCI subsystem.
    pub pci_subsystem: u32,
    /// VBIOS version.
    pub vbios: &'static str,
}

/// Board power in watts.
#[derive(Debug, Clone, Copy)]
pub struct Power {
    /// Without work.
    pub idle: u32,
    /// Smallest limit that can be set.
    pub min: u32,
    /// Limit as delivered.
    pub default: u32,
    /// Largest limit that can be set.
    pub max: u32,
}

/// Clocks in MHz.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// Graphics and SM clock without work.
    pub idle: u32,
    /// Largest graphics and SM clock.
    pub sm: u32,
    /// Memory clock under load.
    pub memory: u32,
    /// Memory clock without work.
    pub memory_idle: u32,
    /// Largest video clock.
    pub video: u32,
}

impl Model {
    /// Finds a preset by name.
    pub fn find(name: &str) -> Option<&'static Self> {
        let wanted = normal(name);
        MODELS.iter().find(|model| normal(model.key) == wanted || normal(model.name) == wanted)
    }

    /// A board of the consumer line: no serial number, no ECC, fans of its own.
    pub fn is_consumer(&self) -> bool {
        self.brand == nvml::nvmlBrandType_enum_NVML_BRAND_GEFORCE
    }

    /// Multiprocessors in one of the seven MIG slices.
    pub fn multiprocessors_per_slice(&self) -> u32 {
        (self.multiprocessors / 8) & !1
    }
}

fn normal(name: &str) -> String {
    let kept: String = name.chars().filter(|sign| sign.is_ascii_alphanumeric()).collect();
    kept.to_ascii_uppercase().replace("NVIDIA", "").replace("GB", "G")
}

const fn watts(idle: u32, min: u32, default: u32, max: u32) -> Power {
    Power { idle, min, default, max }
}

const fn mhz(idle: u32, sm: u32, memory: u32, memory_idle: u32, video: u32) -> Clocks {
    Clocks { idle, sm, memory, memory_idle, video }
}

/// What the later presets differ from.
const H100: Model = Model {
    key: "H100 80G",
    name: "NVIDIA H100 80GB HBM3",
    brand: nvml::nvmlBrandType_enum_NVML_BRAND_NVIDIA,
    architecture: nvml::NVML_DEVICE_ARCH_HOPPER,
    capability: (9, 0),
    memory_mib: 81_559,
    reserved_mib: 551,
    bus_width: 5120,
    bar1_mib: 131_072,
    power: watts(70, 200, 700, 700),
    clocks: mhz(345, 1980, 2619, 2619, 1545),
    ecc: true,
    fans: 0,
    mig: true,
    multiprocessors: 132,
    cores: 16_896,
    pcie_generation: 5,
    nvlinks: 18,
    nvlink_mbps: 26_562,
    slowdown_c: 89,
    shutdown_c: 92,
    pci_device: 0x2330_10DE,
    pci_subsystem: 0x16C1_10DE,
    vbios: "96.00.61.00.01",
};

const A100: Model = Model {
    key: "A100 80G",
    name: "NVIDIA A100-SXM4-80GB",
    architecture: nvml::NVML_DEVICE_ARCH_AMPERE,
    capability: (8, 0),
    memory_mib: 81_920,
    reserved_mib: 693,
    power: watts(52, 100, 400, 400),
    clocks: mhz(210, 1410, 1593, 1593, 1290),
    multiprocessors: 108,
    cores: 6912,
    pcie_generation: 4,
    nvlinks: 12,
    nvlink_mbps: 25_781,
    pci_device: 0x20B2_10DE,
    pci_subsystem: 0x147F_10DE,
    vbios: "92.00.45.00.03",
    ..H100
};

/// A passively cooled PCIe board without NVLink and MIG.
const L40S: Model = Model {
    key: "L40S",
    name: "NVIDIA L40S",
    architecture: nvml::NVML_DEVICE_ARCH_ADA,
    capability: (8, 9),
    memory_mib: 46_068,
    reserved_mib: 600,
    bus_width: 384,
    bar1_mib: 65_536,
    power: watts(33, 100, 350, 350),
    clocks: mhz(210, 2520, 9001, 405, 1965),
    mig: false,
    multiprocessors: 142,
    cores: 18_176,
    pcie_generation: 4,
    nvlinks: 0,
    nvlink_mbps: 0,
    slowdown_c: 92,
    shutdown_c: 95,
    pci_device: 0x26B9_10DE,
    pci_subsystem: 0x1851_10DE,
    vbios: "95.02.66.00.02",
    ..H100
};

/// The presets, most used first.
pub static MODELS: [Model; 11] = [
    H100,
    A100,
    Model {
        key: "A100 40G",
        name: "NVIDIA A100-SXM4-40GB",
        memory_mib: 40_960,
        reserved_mib: 571,
        clocks: mhz(210, 1410, 1215, 1215, 1290),
        bar1_mib: 65_536,
        pci_device: 0x20B0_10DE,
        pci_subsystem: 0x134F_10DE,
        ..A100
    },
    Model {
        key: "H200",
        name: "NVIDIA H200",
        memory_mib: 143_771,
        reserved_mib: 612,
        bus_width: 6144,
        bar1_mib: 262_144,
        clocks: mhz(345, 1980, 3201, 3201, 1545),
        pci_device: 0x2335_10DE,
        pci_subsystem: 0x18BE_10DE,
        ..H100
    },
    L40S,
    Model {
        key: "L4",
        name: "NVIDIA L4",
        memory_mib: 23_034,
        reserved_mib: 475,
        bus_width: 192,
        bar1_mib: 32_768,
        power: watts(12, 40, 72, 72),
        clocks: mhz(210, 2040, 6251, 405, 1770),
        multiprocessors: 58,
        cores: 7424,
        pci_device: 0x27B8_10DE,
        pci_subsystem: 0x16CA_10DE,
        ..L40S
    },
    Model {
        key: "RTX 4090",
        name: "NVIDIA GeForce RTX 4090",
        brand: nvml::nvmlBrandType_enum_NVML_BRAND_GEFORCE,
        memory_mib: 24_564,
        reserved_mib: 346,
        bar1_mib: 32_768,
        power: watts(21, 150, 450, 600),
        clocks: mhz(210, 3105, 10_501, 405, 2415),
        ecc: false,
        fans: 2,
        multiprocessors: 128,
        cores: 16_384,
        slowdown_c: 98,
        shutdown_c: 101,
        pci_device: 0x2684_10DE,
        pci_subsystem: 0x16F3_10DE,
        vbios: "95.02.3C.80.93",
        ..L40S
    },
    Model {
        key: "RTX 3090",
        name: "NVIDIA GeForce RTX 3090",
        brand: nvml::nvmlBrandType_enum_NVML_BRAND_GEFORCE,
        architecture: nvml::NVML_DEVICE_ARCH_AMPERE,
        capability: (8, 6),
        memory_mib: 24_576,
        reserved_mib: 312,
        bar1_mib: 256,
        power: watts(25, 100, 350, 366),
        clocks: mhz(210, 2100, 9751, 405, 1950),
        ecc: false,
        fans: 2,
        multiprocessors: 82,
        cores: 10_496,
        slowdown_c: 95,
        shutdown_c: 98,
        pci_device: 0x2204_10DE,
        pci_subsystem: 0x147D_10DE,
        vbios: "94.02.26.08.1C",
        ..L40S
    },
    Model {
        key: "A10",
        name: "NVIDIA A10",
        architecture: nvml::NVML_DEVICE_ARCH_AMPERE,
        capability: (8, 6),
        memory_mib: 23_028,
        reserved_mib: 501,
        bar1_mib: 32_768,
        power: watts(16, 100, 150, 150),
        clocks: mhz(210, 1695, 6251, 405, 1575),
        multiprocessors: 72,
        cores: 9216,
        pci_device: 0x2236_10DE,
        pci_subsystem: 0x1482_10DE,
        vbios: "94.02.75.00.01",
        ..L40S
    },
    Model {
        key: "V100",
        name: "Tesla V100-SXM2-32GB",
        brand: nvml::nvmlBrandType_enum_NVML_BRAND_TESLA,
        architecture: nvml::NVML_DEVICE_ARCH_VOLTA,
        capability: (7, 0),
        memory_mib: 32_768,
        reserved_mib: 272,
        bus_width: 4096,
        bar1_mib: 32_768,
        power: watts(39, 150, 300, 300),
        clocks: mhz(135, 1530, 877, 877, 1372),
        mig: false,
        multiprocessors: 80,
        cores: 5120,
        pcie_generation: 3,
        nvlinks: 6,
        nvlink_mbps: 25_781,
        slowdown_c: 87,
        shutdown_c: 90,
        pci_device: 0x1DB5_10DE,
        pci_subsystem: 0x1249_10DE,
        vbios: "88.00.80.00.01",
        ..H100
    },
    Model {
        key: "T4",
        name: "Tesla T4",
        brand: nvml::nvmlBrandType_enum_NVML_BRAND_TESLA,
        architecture: nvml::NVML_DEVICE_ARCH_TURING,
        capability: (7, 5),
        memory_mib: 15_360,
        reserved_mib: 434,
        bus_width: 256,
        bar1_mib: 256,
        power: watts(9, 60, 70, 70),
        clocks: mhz(300, 1590, 5001, 405, 1470),
        multiprocessors: 40,
        cores: 2560,
        pcie_generation: 3,
        slowdown_c: 93,
        shutdown_c: 96,
        pci_device: 0x1EB8_10DE,
        pci_subsystem: 0x12A2_10DE,
        vbios: "90.04.96.00.02",
        ..L40S
    },
];
