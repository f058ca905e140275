//! One GPU: its figures now, and its slowly changing facts.

use std::time::{Duration, Instant};

use node_protocol::{GpuInfo, GpuSample, MigDevice};
use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, PcieUtilCounter, TemperatureSensor};
use nvml_wrapper::error::NvmlError;

use super::KnownGpu;
use crate::host::facts::cut;

/// How long a figure a GPU does not support is not asked for.
const UNSUPPORTED_FOR: Duration = Duration::from_secs(600);
/// How long the list of MIG devices, and of the places without one, is believed.
const MIG_FOR: Duration = Duration::from_secs(60);

/// Figures that may be unsupported; the place in [`Refusals`].
#[derive(Debug, Clone, Copy)]
enum Figure {
    Util,
    Memory,
    Temperature,
    Power,
    PowerLimit,
    SmClock,
    MemClock,
    Fan,
    PcieRx,
    PcieTx,
    PcieGeneration,
    PcieWidth,
    EccCorrected,
    EccUncorrected,
    Throttle,
    Encoder,
    Decoder,
    PerformanceState,
}

const FIGURES: usize = Figure::PerformanceState as usize + 1;

/// What was refused, until when, and how the GPU answers in the tick at hand.
#[derive(Debug)]
struct Refusals {
    until: [Option<Instant>; FIGURES],
    answered: u32,
    failed: u32,
    lost: bool,
}

impl Refusals {
    fn new() -> Self {
        Self { until: [None; FIGURES], answered: 0, failed: 0, lost: false }
    }

    fn begin(&mut self) {
        (self.answered, self.failed, self.lost) = (0, 0, false);
    }

    /// Asks, unless the figure is known not to be there or the GPU is gone.
    fn ask<T>(&mut self, figure: Figure, ask: impl FnOnce() -> Result<T, NvmlError>) -> Option<T> {
        let until = self.until.get_mut(figure as usize)?;
        if self.lost || until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match ask() {
            Ok(value) => {
                self.answered += 1;
                *until = None;
                Some(value)
            }
            Err(error) if is_refusal(&error) => {
                self.answered += 1;
                *until = Some(Instant::now() + UNSUPPORTED_FOR);
                None
            }
            Err(error) => {
                self.failed += 1;
                self.lost |= matches!(error, NvmlError::GpuLost);
                None
            }
        }
    }

    /// A GPU that is lost says so, or fails whatever it is asked.
    fn is_lost(&self) -> bool {
        self.lost || (self.answered == 0 && self.failed > 0)
    }
}

/// The GPU is there and says that it has no such figure.
fn is_refusal(error: &NvmlError) -> bool {
    matches!(
        error,
        NvmlError::NotSupported
            | NvmlError::NoPermission
            | NvmlError::FailedToLoadSymbol(_)
            | NvmlError::FunctionNotFound
            | NvmlError::UnexpectedVariant(_)
    )
}

/// Whether a handle's GPU measures anything, or at least says that it cannot.
pub fn alive(device: &Device<'_>) -> bool {
    let answers = [
        device.memory_info().err(),
        device.temperature(TemperatureSensor::Gpu).err(),
        device.utilization_rates().err(),
    ];
    let lost = answers.iter().flatten().any(|error| matches!(error, NvmlError::GpuLost));
    !lost && answers.iter().any(|error| error.as_ref().is_none_or(is_refusal))
}

/// One GPU with its handle, when NVML gives one.
pub struct Gpu<'n> {
    pub known: KnownGpu,
    device: Option<Device<'n>>,
    refusals: Refusals,
    mig: Option<(Instant, Vec<MigDevice>)>,
}

impl<'n> Gpu<'n> {
    /// One seen in an earlier load of NVML; it has no handle until it is found again.
    pub fn known(known: KnownGpu) -> Self {
        Self { known, device: None, refusals: Refusals::new(), mig: None }
    }

    /// A new one.
    pub fn discovered(uuid: String, index: u32, device: Device<'n>, lost: bool) -> Self {
        let mut gpu =
            Self::known(KnownGpu { info: GpuInfo { uuid, lost, ..GpuInfo::default() }, ecc_uncorrected: None });
        gpu.known.info.index = index;
        gpu.device = Some(device);
        gpu.refresh_info();
        gpu
    }

    /// Found again, under a new handle.
    pub fn attach(&mut self, index: u32, device: Device<'n>) {
        self.known.info.index = index;
        self.known.info.lost = false;
        self.device = Some(device);
        self.refusals = Refusals::new();
        self.mig = None;
    }

    /// The handle of a GPU that is not lost.
    pub fn device(&self) -> Option<&Device<'n>> {
        self.device.as_ref().filter(|_| !self.known.info.lost)
    }

    /// Whether it answers now.
    pub fn answers(&self) -> bool {
        self.device().is_some_and(alive)
    }

    /// All figures; `lost` and nothing else when it does not answer.
    pub fn measure(&mut self, with_pcie: bool) -> GpuSample {
        let gone = GpuSample { uuid: self.known.info.uuid.clone(), lost: true, ..GpuSample::default() };
        let Some(device) = self.device.as_ref().filter(|_| !self.known.info.lost) else { return gone };
        self.refusals.begin();
        let ask = &mut self.refusals;
        let mut sample = GpuSample { uuid: self.known.info.uuid.clone(), ..GpuSample::default() };
        fill_load(device, ask, &mut sample);
        fill_power(device, ask, &mut sample);
        fill_health(device, ask, &mut sample);
        if with_pcie {
            let kib = |value: u32| (f64::from(value) * 1024.0) as f32;
            let rx = ask.ask(Figure::PcieRx, || device.pcie_throughput(PcieUtilCounter::Receive));
            let tx = ask.ask(Figure::PcieTx, || device.pcie_throughput(PcieUtilCounter::Send));
            (sample.pcie_rx_bytes_per_s, sample.pcie_tx_bytes_per_s) = (rx.map(kib), tx.map(kib));
        }
        if ask.is_lost() {
            self.known.info.lost = true;
            return gone;
        }
        sample
    }

    /// How many uncorrected errors are new since the last sample. The counter starts anew with the driver.
    pub fn new_ecc_errors(&mut self, sample: &GpuSample) -> Option<u64> {
        let now = sample.ecc_uncorrected?;
        let before = self.known.ecc_uncorrected.replace(now)?;
        Some(now.checked_sub(before).unwrap_or(now)).filter(|more| *more > 0)
    }

    /// Reads the facts anew; what a lost GPU said before is kept.
    pub fn refresh_info(&mut self) {
        if self.known.info.lost {
            return;
        }
        let Some(device) = self.device.take() else { return };
        let mut info = self.known.info.clone();
        if let Ok(model) = device.name() {
            info.model = cut(model);
        }
        info.memory_bytes = device.memory_info().ok().map(|memory| memory.total).or(info.memory_bytes);
        info.pci_bus_id = device.pci_info().ok().map(|pci| cut(pci.bus_id)).or(info.pci_bus_id);
        info.vbios = device.vbios_version().ok().map(cut).or(info.vbios);
        info.serial = device.serial().ok().map(cut).or(info.serial);
        info.power_limit_w = device.enforced_power_limit().ok().map(watts).or(info.power_limit_w);
        info.ecc_enabled = device.is_ecc_enabled().ok().map(|ecc| ecc.currently_enabled);
        info.mig_enabled = device.mig_mode().ok().map(|mode| mode.current == 1);
        info.mig_devices = match info.mig_enabled {
            Some(true) => self.mig_devices(&device),
            _ => Vec::new(),
        };
        self.known.info = info;
        self.device = Some(device);
    }

    /// Looking a MIG device up is slow, above all where there is none.
    fn mig_devices(&mut self, device: &Device<'n>) -> Vec<MigDevice> {
        if let Some((at, list)) = &self.mig
            && at.elapsed() < MIG_FOR
        {
            return list.clone();
        }
        let most = device.mig_device_count().unwrap_or(0).min(16);
        let list: Vec<MigDevice> = (0..most)
            .filter_map(|index| {
                let mig = device.mig_device_by_index(index).ok()?;
                let name = mig.name().unwrap_or_default();
                let profile = name.split_once("MIG ").map_or(name.as_str(), |(_, profile)| profile);
                Some(MigDevice {
                    index,
                    uuid: cut(mig.uuid().ok()?),
                    profile: cut(profile.to_owned()),
                    memory_bytes: mig.memory_info().ok().map(|memory| memory.total),
                })
            })
            .collect();
        self.mig = Some((Instant::now(), list.clone()));
        list
    }
}

fn fill_load(device: &Device<'_>, ask: &mut Refusals, sample: &mut GpuSample) {
    if let Some(memory) = ask.ask(Figure::Memory, || device.memory_info()) {
        sample.memory_used_bytes = Some(memory.used);
        sample.memory_total_bytes = Some(memory.total);
    }
    if let Some(util) = ask.ask(Figure::Util, || device.utilization_rates()) {
        sample.util_percent = Some(util.gpu as f32);
        sample.mem_util_percent = Some(util.memory as f32);
    }
    let encoder = ask.ask(Figure::Encoder, || device.encoder_utilization());
    let decoder = ask.ask(Figure::Decoder, || device.decoder_utilization());
    sample.encoder_percent = encoder.map(|info| info.utilization as f32);
    sample.decoder_percent = decoder.map(|info| info.utilization as f32);
}

fn fill_power(device: &Device<'_>, ask: &mut Refusals, sample: &mut GpuSample) {
    let temperature = ask.ask(Figure::Temperature, || device.temperature(TemperatureSensor::Gpu));
    sample.temperature_c = temperature.map(|degrees| degrees as f32);
    sample.power_w = ask.ask(Figure::Power, || device.power_usage()).map(watts);
    sample.power_limit_w = ask.ask(Figure::PowerLimit, || device.enforced_power_limit()).map(watts);
    sample.sm_clock_mhz = ask.ask(Figure::SmClock, || device.clock_info(Clock::SM));
    sample.mem_clock_mhz = ask.ask(Figure::MemClock, || device.clock_info(Clock::Memory));
    sample.fan_percent = ask.ask(Figure::Fan, || device.fan_speed(0)).map(|percent| percent as f32);
    sample.throttle_bits = ask.ask(Figure::Throttle, || device.current_throttle_reasons()).map(|bits| bits.bits());
    let state = ask.ask(Figure::PerformanceState, || device.performance_state());
    // The wrapper's last variant is "unknown", 32 in C.
    sample.performance_state = state.map(|state| state.as_c()).filter(|state| *state <= 15);
}

fn fill_health(device: &Device<'_>, ask: &mut Refusals, sample: &mut GpuSample) {
    sample.pcie_generation = ask.ask(Figure::PcieGeneration, || device.current_pcie_link_gen());
    sample.pcie_width = ask.ask(Figure::PcieWidth, || device.current_pcie_link_width());
    let ecc = |kind: MemoryError| device.total_ecc_errors(kind, EccCounter::Volatile);
    sample.ecc_corrected = ask.ask(Figure::EccCorrected, || ecc(MemoryError::Corrected));
    sample.ecc_uncorrected = ask.ask(Figure::EccUncorrected, || ecc(MemoryError::Uncorrected));
}

fn watts(milliwatts: u32) -> f32 {
    (f64::from(milliwatts) / 1000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_figures_are_not_asked_again() {
        let mut ask = Refusals::new();
        let mut asked = 0;
        for _ in 0..3 {
            ask.begin();
            let fan: Option<u32> = ask.ask(Figure::Fan, || {
                asked += 1;
                Err(NvmlError::NotSupported)
            });
            assert_eq!(fan, None);
            assert_eq!(ask.ask(Figure::Power, || Ok(7)), Some(7), "another figure is not affected");
            assert!(!ask.is_lost());
        }
        assert_eq!(asked, 1);
    }

    #[test]
    fn transient_errors_are_asked_again_and_losing_stops_asking() {
        let mut ask = Refusals::new();
        ask.begin();
        assert_eq!(ask.ask::<u32>(Figure::Power, || Err(NvmlError::Unknown)), None);
        assert!(ask.is_lost(), "it fails whatever it is asked");
        assert_eq!(ask.ask(Figure::Power, || Ok(1)), Some(1));
        assert!(!ask.is_lost());
        assert_eq!(ask.ask::<u32>(Figure::Power, || Err(NvmlError::GpuLost)), None);
        assert_eq!(ask.ask(Figure::Util, || Ok(1)), None, "a lost GPU is not asked on");
        assert!(ask.is_lost());
    }
}
