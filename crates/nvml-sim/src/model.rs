//! What a GPU reads at a moment: temperature, power and clocks follow the load the way they do on a real board.
//!
//! Pure functions of (GPU, second, control); only energy, which is a sum over time, is kept in [`Energy`].

use nvml_wrapper_sys::bindings as nvml;

use crate::control::GpuControl;
use crate::curve;
use crate::scenario::{Event, Process};
use crate::state::Gpu;

/// Every figure that changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Percent of time with work.
    pub util: u32,
    /// Percent of time the memory was read or written.
    pub memory_util: u32,
    /// Degrees Celsius.
    pub temperature_c: u32,
    /// Degrees Celsius of the memory.
    pub memory_temperature_c: u32,
    /// Milliwatts.
    pub power_mw: u32,
    /// MHz: graphics and SM.
    pub sm_mhz: u32,
    /// MHz.
    pub memory_mhz: u32,
    /// MHz.
    pub video_mhz: u32,
    /// Percent.
    pub fan: u32,
    /// NVML's reason mask.
    pub throttle: u64,
    /// 0 is fastest.
    pub performance_state: u32,
    /// KB/s received.
    pub pcie_rx_kbps: u32,
    /// KB/s sent.
    pub pcie_tx_kbps: u32,
    /// MiB in use without the driver's share.
    pub used_mib: u64,
}

/// Memory errors so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errors {
    /// Single-bit.
    pub corrected: u64,
    /// Double-bit.
    pub uncorrected: u64,
}

/// Reasons that make the hardware halve its clocks.
const HARDWARE_SLOWDOWN: u64 = (nvml::nvmlClocksThrottleReasonHwSlowdown
    | nvml::nvmlClocksThrottleReasonHwThermalSlowdown
    | nvml::nvmlClocksThrottleReasonHwPowerBrakeSlowdown) as u64;

/// Load in percent, with jitter, at a second.
fn load(gpu: &Gpu, second: f64, control: &GpuControl) -> f64 {
    if let Some(util) = control.util {
        return util.clamp(0.0, 100.0);
    }
    let percent = gpu.group.load.at(second.max(0.0) + gpu.ahead);
    if percent <= 0.0 {
        return 0.0;
    }
    (percent + gpu.group.jitter * curve::jitter(gpu.seed, gpu.index, second)).clamp(0.0, 100.0)
}

/// A heat sink's memory: the load of the last minute, the latest seconds counting most.
fn felt_load(gpu: &Gpu, second: f64, control: &GpuControl) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for step in 0..13 {
        let weight = (-f64::from(step) / 4.0).exp();
        sum += weight * load(gpu, second - 5.0 * f64::from(step), control);
        weights += weight;
    }
    sum / weights
}

/// Enforced power limit in watts.
pub fn power_limit_w(gpu: &Gpu) -> u32 {
    let power = gpu.model.power;
    gpu.group.power_limit_w.unwrap_or(power.default).clamp(power.min, power.max)
}

/// Board power in watts at a second.
pub fn power_w(gpu: &Gpu, second: f64, control: &GpuControl) -> f64 {
    if let Some(watts) = control.power_w {
        return watts.max(0.0);
    }
    let (idle, limit) = (f64::from(gpu.model.power.idle), f64::from(power_limit_w(gpu)));
    let share = (load(gpu, second, control) / 100.0).powf(1.1);
    let wobble = 1.0 + 0.01 * curve::jitter(gpu.seed ^ 0xB0A2D, gpu.index, second);
    let free = (idle + (f64::from(gpu.model.power.default) * 0.98 - idle) * share) * wobble;
    free.min(limit)
}

/// Programs that run on the GPU at a second.
pub fn processes<'a>(
    gpu: &'a Gpu,
    second: f64,
    control: &'a GpuControl,
) -> impl Iterator<Item = &'a Process> + use<'a> {
    let all = control.process.as_ref().unwrap_or(&gpu.group.processes);
    all.iter().filter(move |process| process.runs_at(second))
}

fn used_mib(gpu: &Gpu, second: f64, control: &GpuControl) -> u64 {
    let room = gpu.model.memory_mib - gpu.model.reserved_mib;
    let fixed = control.memory_used_mib.or(gpu.group.memory_used_mib);
    let used = fixed.unwrap_or_else(|| {
        let programs: u64 = processes(gpu, second, control).map(|process| process.memory_mib).sum();
        if programs > 0 || !gpu.group.processes.is_empty() {
            return programs;
        }
        (room as f64 * 0.75 * felt_load(gpu, second, control) / 100.0) as u64
    });
    used.min(room)
}

/// Whether the GPU is off the bus.
pub fn is_lost(gpu: &Gpu, second: f64, control: &GpuControl) -> bool {
    control.lost.unwrap_or_else(|| {
        gpu.events.iter().any(|event| match event {
            Event::Lost { at, until, .. } => second >= *at && until.is_none_or(|until| second < until),
            _ => false,
        })
    })
}

/// Memory errors up to a second.
pub fn errors(gpu: &Gpu, second: f64, control: &GpuControl) -> Errors {
    let mut sum = Errors { corrected: control.ecc_corrected, uncorrected: control.ecc_uncorrected };
    for event in &gpu.events {
        if let Event::Ecc { at, corrected, uncorrected, .. } = event
            && second >= *at
        {
            sum.corrected += corrected;
            sum.uncorrected += uncorrected;
        }
    }
    sum
}

fn imposed_throttle(gpu: &Gpu, second: f64, control: &GpuControl) -> u64 {
    gpu.events.iter().fold(control.throttle, |mask, event| match event {
        Event::Throttle { at, until, bits, .. } if second >= *at && until.is_none_or(|until| second < until) => {
            mask | bits
        }
        _ => mask,
    })
}

/// Everything at a second.
pub fn read(gpu: &Gpu, second: f64, control: &GpuControl) -> Reading {
    let model = gpu.model;
    let util = load(gpu, second, control);
    let busy = util >= 1.0;
    let power = power_w(gpu, second, control);
    let temperature = temperature_c(gpu, second, control);
    let throttle = throttle(gpu, second, control, busy, power);
    let capped = throttle & u64::from(nvml::nvmlClocksEventReasonSwPowerCap) != 0;
    let share = match () {
        () if throttle & HARDWARE_SLOWDOWN != 0 => 0.5,
        () if capped => (f64::from(power_limit_w(gpu)) / f64::from(model.power.default)).clamp(0.4, 0.97),
        () => 1.0,
    };
    let clock = |top: u32| if busy { (f64::from(top) * share / 15.0).round() as u32 * 15 } else { model.clocks.idle };
    let link = f64::from(1 << model.pcie_generation) * 1_000_000.0;
    Reading {
        util: util.round() as u32,
        memory_util: (util * 0.6).round() as u32,
        temperature_c: temperature,
        memory_temperature_c: temperature + 6,
        power_mw: (power * 1000.0) as u32,
        sm_mhz: clock(model.clocks.sm).min(model.clocks.sm),
        memory_mhz: if busy { model.clocks.memory } else { model.clocks.memory_idle },
        video_mhz: clock(model.clocks.video).min(model.clocks.video),
        fan: if model.fans == 0 || temperature < 45 { 0 } else { ((temperature - 25) * 3 / 2).min(100) },
        throttle,
        performance_state: performance_state(gpu, busy),
        pcie_rx_kbps: (link * 0.05 * util / 100.0) as u32,
        pcie_tx_kbps: (link * 0.02 * util / 100.0) as u32,
        used_mib: used_mib(gpu, second, control),
    }
}

fn temperature_c(gpu: &Gpu, second: f64, control: &GpuControl) -> u32 {
    control.temperature.unwrap_or_else(|| {
        let (idle, full) = (31.0 + (gpu.index % 4) as f64, f64::from(gpu.model.slowdown_c) - 14.0);
        (idle + (full - idle) * felt_load(gpu, second, control) / 100.0).round() as u32
    })
}

fn throttle(gpu: &Gpu, second: f64, control: &GpuControl, busy: bool, power: f64) -> u64 {
    let mut mask = imposed_throttle(gpu, second, control);
    if !busy {
        mask |= u64::from(nvml::nvmlClocksEventReasonGpuIdle);
    }
    if power >= 0.97 * f64::from(power_limit_w(gpu)) {
        mask |= u64::from(nvml::nvmlClocksEventReasonSwPowerCap);
    }
    mask
}

/// HBM boards stay in P0; the others fall to P8 without work, and GeForce computes in P2.
fn performance_state(gpu: &Gpu, busy: bool) -> u32 {
    match (busy, gpu.model.is_consumer()) {
        (false, _) if gpu.model.clocks.memory_idle < gpu.model.clocks.memory => 8,
        (true, true) => 2,
        _ => 0,
    }
}

/// Energy since the start of one GPU.
#[derive(Debug, Default, Clone, Copy)]
pub struct Energy {
    until: f64,
    joules: f64,
}

impl Energy {
    /// Adds the time since the last call and gives millijoules. Never goes down.
    pub fn upto(&mut self, gpu: &Gpu, second: f64, control: &GpuControl) -> u64 {
        // A GPU nobody asked for a day is summed in coarser steps.
        let step = ((second - self.until) / 1000.0).max(1.0);
        while self.until < second {
            let next = (self.until + step).min(second);
            self.joules += power_w(gpu, self.until, control) * (next - self.until);
            self.until = next;
        }
        (self.joules * 1000.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn first(text: &str) -> Gpu {
        let scenario = Scenario::parse(text).expect(text);
        Gpu::all(&scenario).into_iter().next().expect("a GPU")
    }

    #[test]
    fn figures_follow_the_load() {
        let gpu =
            first("[[gpu]]\nmodel = \"H100 80G\"\nload = { kind = \"ramp\", start = 0, end = 100, duration = 300 }");
        let none = GpuControl::default();
        let (cold, warm, hot) = (read(&gpu, 0.0, &none), read(&gpu, 150.0, &none), read(&gpu, 900.0, &none));
        assert!(cold.util < warm.util && warm.util < hot.util, "{cold:?} {warm:?} {hot:?}");
        assert!(cold.power_mw < warm.power_mw && warm.power_mw < hot.power_mw);
        assert!(cold.temperature_c < warm.temperature_c && warm.temperature_c < hot.temperature_c);
        assert!(cold.used_mib < warm.used_mib && warm.used_mib < hot.used_mib);
        assert!(cold.sm_mhz < hot.sm_mhz && hot.power_mw <= 700_000);
        assert!(hot.used_mib <= 81_559 && hot.temperature_c < 89);
    }

    #[test]
    fn throttling_and_power_limits_hold_the_clocks_back() {
        let load = "load = { kind = \"constant\", util = 100 }\njitter = 0";
        let free = first(&format!("[[gpu]]\nmodel = \"A100 80G\"\n{load}"));
        let capped = first(&format!("[[gpu]]\nmodel = \"A100 80G\"\npower_limit_w = 250\n{load}"));
        let none = GpuControl::default();
        let (a, b) = (read(&free, 5.0, &none), read(&capped, 5.0, &none));
        assert!(b.power_mw <= 250_000 && b.sm_mhz < a.sm_mhz && b.throttle & 4 != 0, "{a:?} {b:?}");
        let slowed = GpuControl { throttle: 64, ..GpuControl::default() };
        assert!(read(&free, 5.0, &slowed).sm_mhz <= 720);
    }

    #[test]
    fn energy_is_power_over_time() {
        let gpu = first("[[gpu]]\nmodel = \"T4\"\nload = { kind = \"constant\", util = 50 }");
        let (mut energy, none) = (Energy::default(), GpuControl::default());
        let early = energy.upto(&gpu, 10.0, &none);
        let late = energy.upto(&gpu, 20.0, &none);
        assert!(late > early && energy.upto(&gpu, 15.0, &none) == late);
        let watts = f64::from(read(&gpu, 5.0, &none).power_mw) / 1000.0;
        assert!((late as f64 / 20_000.0 - watts).abs() < 4.0, "{late} mJ in 20 s at about {watts} W");
    }
}
