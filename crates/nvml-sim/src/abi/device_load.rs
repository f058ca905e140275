//! What a GPU does: utilization, temperature, power, clocks, fans.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings as nvml;

use super::device::max_clock;
use super::{Out, Outcome, View, code, gpu_functions, supported, valid};

/// Microseconds over which the driver samples encoder and decoder.
const SAMPLING_US: c_uint = 167_000;

gpu_functions! {
    nvmlDeviceGetUtilizationRates(view; rates: Out<nvml::nvmlUtilization_t>) {
        view.uncut()?;
        let reading = view.reading();
        rates.put(nvml::nvmlUtilization_t { gpu: reading.util, memory: reading.memory_util })
    }
    nvmlDeviceGetEncoderUtilization(view; percent: Out<c_uint>, period_us: Out<c_uint>) {
        view.uncut()?;
        valid(!period_us.is_null())?;
        percent.put(graphics_share(view))?;
        period_us.put(SAMPLING_US)
    }
    nvmlDeviceGetDecoderUtilization(view; percent: Out<c_uint>, period_us: Out<c_uint>) {
        view.uncut()?;
        valid(!period_us.is_null())?;
        percent.put(graphics_share(view) / 2)?;
        period_us.put(SAMPLING_US)
    }
    nvmlDeviceGetTemperature(view; sensor: c_uint, celsius: Out<c_uint>) {
        valid(sensor == nvml::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU)?;
        celsius.put(view.reading().temperature_c)
    }
    nvmlDeviceGetTemperatureV(view; temperature: Out<nvml::nvmlTemperature_t>) {
        let [version, sensor] = temperature.head::<[c_uint; 2]>().read()?;
        if version != (size_of::<nvml::nvmlTemperature_t>() | 1 << 24) as c_uint {
            return Err(code::VERSION_MISMATCH);
        }
        valid(sensor == nvml::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU)?;
        let celsius = view.reading().temperature_c as _;
        temperature.put(nvml::nvmlTemperature_t { version, sensorType: sensor, temperature: celsius })
    }
    nvmlDeviceGetPowerUsage(view; milliwatts: Out<c_uint>) { milliwatts.put(view.reading().power_mw) }
    nvmlDeviceGetClockInfo(view; kind: c_uint, mhz: Out<c_uint>) { mhz.put(clock(view, kind)?) }
    nvmlDeviceGetClock(view; kind: c_uint, which: c_uint, mhz: Out<c_uint>) {
        let value = match which {
            nvml::nvmlClockId_enum_NVML_CLOCK_ID_CURRENT => clock(view, kind)?,
            nvml::nvmlClockId_enum_NVML_CLOCK_ID_APP_CLOCK_TARGET
            | nvml::nvmlClockId_enum_NVML_CLOCK_ID_APP_CLOCK_DEFAULT
            | nvml::nvmlClockId_enum_NVML_CLOCK_ID_CUSTOMER_BOOST_MAX => max_clock(view, kind)?,
            _ => return Err(code::INVALID_ARGUMENT),
        };
        mhz.put(value)
    }
    nvmlDeviceGetNumFans(view; count: Out<c_uint>) { count.put(view.gpu.model.fans) }
    nvmlDeviceGetFanSpeed(view; percent: Out<c_uint>) { fan(view, 0, percent) }
    nvmlDeviceGetFanSpeed_v2(view; fan_index: c_uint, percent: Out<c_uint>) { fan(view, fan_index, percent) }
    nvmlDeviceGetMinMaxFanSpeed(view; min: Out<c_uint>, max: Out<c_uint>) {
        supported(view.gpu.model.fans > 0)?;
        valid(!max.is_null())?;
        min.put(30)?;
        max.put(100)
    }
    nvmlDeviceGetPerformanceState(view; state: Out<c_uint>) { state.put(view.reading().performance_state) }
    nvmlDeviceGetPowerState(view; state: Out<c_uint>) { state.put(view.reading().performance_state) }
}

/// Encoders work only where a graphics program runs.
fn graphics_share(view: &View<'_>) -> c_uint {
    let mut programs = crate::model::processes(view.gpu, view.second, &view.control);
    let graphics = programs.any(|process| process.kind == crate::scenario::ProcessKind::Graphics);
    if graphics { view.reading().util / 4 } else { 0 }
}

fn clock(view: &View<'_>, kind: c_uint) -> Outcome<c_uint> {
    let reading = view.reading();
    match kind {
        nvml::nvmlClockType_enum_NVML_CLOCK_GRAPHICS | nvml::nvmlClockType_enum_NVML_CLOCK_SM => Ok(reading.sm_mhz),
        nvml::nvmlClockType_enum_NVML_CLOCK_MEM => Ok(reading.memory_mhz),
        nvml::nvmlClockType_enum_NVML_CLOCK_VIDEO => Ok(reading.video_mhz),
        _ => Err(code::INVALID_ARGUMENT),
    }
}

fn fan(view: &View<'_>, index: c_uint, percent: Out<c_uint>) -> Outcome {
    supported(view.gpu.model.fans > 0)?;
    valid(index < view.gpu.model.fans)?;
    percent.put(view.reading().fan)
}
