//! `nvmlDeviceGetFieldValues`: many figures in one call, each with a return code of its own.
//!
//! Drivers from 580.82 on number some fields differently; [`old_number`] turns theirs into the bindings' numbers.

use std::ffi::{c_int, c_uint};
use std::time::{SystemTime, UNIX_EPOCH};

use nvml_wrapper_sys::bindings as nvml;
use nvml_wrapper_sys::bindings::field_id as id;

use super::device_health::{counts_errors, errors, remaps_rows, retires_pages};
use super::{Out, Outcome, View, code, gpu_functions, supported, valid};
use crate::model;

/// More than any caller asks at once; beyond it the count is taken for a mistake.
const MOST: c_int = 4096;

gpu_functions! {
    nvmlDeviceGetFieldValues(view; count: c_int, values: Out<nvml::nvmlFieldValue_t>) {
        valid((1..=MOST).contains(&count) && !values.is_null())?;
        let renumbered = is_renumbered(&view.session.scenario.driver_version);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
        for place in 0..count as usize {
            let slot = values.at(place);
            let [field, scope] = slot.head::<[c_uint; 2]>().read()?;
            let number = if renumbered { old_number(field) } else { field };
            let (result, value) = match figure(view, number, scope) {
                Ok(value) => (code::SUCCESS, value),
                Err(code) => (code, Figure::U32(0)),
            };
            let (kind, value) = value.parts();
            slot.put(nvml::nvmlFieldValue_t {
                fieldId: field,
                scopeId: scope,
                timestamp: now,
                latencyUsec: 10,
                valueType: kind,
                nvmlReturn: result,
                value,
            })?;
        }
        Ok(())
    }
}

enum Figure {
    U32(u32),
    U64(u64),
}

impl Figure {
    fn parts(self) -> (nvml::nvmlValueType_t, nvml::nvmlValue_t) {
        // The widest member is written, so that no byte of the union is left to chance; a narrower read of it gives
        // the figure on the little-endian machines NVML exists for.
        let (kind, wide) = match self {
            Self::U32(figure) => (nvml::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT, u64::from(figure)),
            Self::U64(figure) => (nvml::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, figure),
        };
        (kind, nvml::nvmlValue_t { ullVal: wide })
    }
}

fn is_renumbered(driver: &str) -> bool {
    let mut parts = driver.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    (major, minor) >= (580, 82)
}

/// The bindings' number for a field as newer drivers count.
fn old_number(field: u32) -> u32 {
    match field {
        269..=273 => field - 18,
        251..=268 => field + 5,
        other => other,
    }
}

/// Figures this simulation has; any other field is not supported.
fn figure(view: &View<'_>, field: u32, scope: u32) -> Outcome<Figure> {
    if let Some(ecc) = memory_errors(view, field) {
        return ecc;
    }
    if let Some(link) = nvlink(view, field, scope) {
        return link;
    }
    let milliwatts = |watts: u32| Ok(Figure::U32(watts * 1000));
    let power = view.gpu.model.power;
    match field {
        id::NVML_FI_DEV_MEMORY_TEMP => {
            // Only boards with HBM tell.
            supported(view.gpu.model.bus_width > 1024)?;
            Ok(Figure::U32(view.reading().memory_temperature_c))
        }
        id::NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION | id::NVML_FI_DEV_ENERGY => {
            Ok(Figure::U64(view.session.energy(view.gpu, view.second, &view.control)))
        }
        id::NVML_FI_DEV_POWER_AVERAGE | id::NVML_FI_DEV_POWER_INSTANT => Ok(Figure::U32(view.reading().power_mw)),
        id::NVML_FI_DEV_POWER_MIN_LIMIT => milliwatts(power.min),
        id::NVML_FI_DEV_POWER_MAX_LIMIT => milliwatts(power.max),
        id::NVML_FI_DEV_POWER_DEFAULT_LIMIT => milliwatts(power.default),
        id::NVML_FI_DEV_POWER_CURRENT_LIMIT | id::NVML_FI_DEV_POWER_REQUESTED_LIMIT => {
            milliwatts(model::power_limit_w(view.gpu))
        }
        id::NVML_FI_DEV_PCIE_REPLAY_COUNTER | id::NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER => Ok(Figure::U32(0)),
        id::NVML_FI_DEV_GET_GPU_RECOVERY_ACTION => Ok(Figure::U32(0)),
        _ => Err(code::NOT_SUPPORTED),
    }
}

fn memory_errors(view: &View<'_>, field: u32) -> Option<Outcome<Figure>> {
    let counted = |count: u64| Some(counts_errors(view).map(|()| Figure::U64(count)));
    let rows = |count: u64| Some(supported(remaps_rows(view)).map(|()| Figure::U32(count as u32)));
    let pages = |count: u64| Some(supported(retires_pages(view)).map(|()| Figure::U64(count)));
    let found = errors(view);
    match field {
        id::NVML_FI_DEV_ECC_CURRENT | id::NVML_FI_DEV_ECC_PENDING => {
            Some(supported(view.gpu.model.ecc).map(|()| Figure::U32(view.gpu.group.ecc.into())))
        }
        id::NVML_FI_DEV_ECC_SBE_VOL_TOTAL
        | id::NVML_FI_DEV_ECC_SBE_AGG_TOTAL
        | id::NVML_FI_DEV_ECC_SBE_VOL_DEV
        | id::NVML_FI_DEV_ECC_SBE_AGG_DEV => counted(found.corrected),
        id::NVML_FI_DEV_ECC_DBE_VOL_TOTAL
        | id::NVML_FI_DEV_ECC_DBE_AGG_TOTAL
        | id::NVML_FI_DEV_ECC_DBE_VOL_DEV
        | id::NVML_FI_DEV_ECC_DBE_AGG_DEV => counted(found.uncorrected),
        id::NVML_FI_DEV_RETIRED_SBE => pages(0),
        id::NVML_FI_DEV_RETIRED_DBE => pages(found.uncorrected.min(64)),
        id::NVML_FI_DEV_RETIRED_PENDING => pages(u64::from(found.uncorrected > 0)),
        id::NVML_FI_DEV_REMAPPED_COR | id::NVML_FI_DEV_REMAPPED_FAILURE => rows(0),
        id::NVML_FI_DEV_REMAPPED_UNC => rows(found.uncorrected),
        id::NVML_FI_DEV_REMAPPED_PENDING => rows(u64::from(found.uncorrected > 0)),
        _ => None,
    }
}

/// Throughput is in KiB since the start; an all-ones scope is the sum over all links.
fn nvlink(view: &View<'_>, field: u32, scope: u32) -> Option<Outcome<Figure>> {
    let links = view.gpu.model.nvlinks;
    let linked = |figure: Figure| Some(supported(links > 0).map(|()| figure));
    match field {
        id::NVML_FI_DEV_NVLINK_LINK_COUNT => linked(Figure::U32(links)),
        id::NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON | id::NVML_FI_DEV_NVLINK_GET_SPEED => {
            linked(Figure::U32(view.gpu.model.nvlink_mbps))
        }
        id::NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL
        | id::NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL
        | id::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL
        | id::NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL => linked(Figure::U64(0)),
        id::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX | id::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX => {
            // Energy stands for work done so far: like a byte counter it grows with the load and never falls.
            let work = view.session.energy(view.gpu, view.second, &view.control);
            linked(Figure::U64(if scope == u32::MAX { work * u64::from(links) } else { work }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_drivers_numbers_are_the_wrapper_s_turned_around() {
        assert!(is_renumbered("580.95.05") && is_renumbered("590.1") && !is_renumbered("580.65.06"));
        // What nvml-wrapper does on its way in: 251..=255 go up by 18, 256..=273 down by 5.
        for field in 1..=273_u32 {
            let sent = match field {
                251..=255 => field + 18,
                256..=273 => field - 5,
                other => other,
            };
            assert_eq!(old_number(sent), field);
        }
    }
}
