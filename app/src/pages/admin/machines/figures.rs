//! Figures of one machine in words and numbers: shared by the server's first rendering and the islands.

use contract::metrics::{GpuFigures, MachineLive};
use serde::{Deserialize, Serialize};

use crate::ui::format::{self, Figure, percent_of};

/// Sums over a machine's GPUs. `None` where none was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub util: Option<f32>,
    pub memory_used: Option<u64>,
    pub memory_total: Option<u64>,
    pub temperature: Option<f32>,
    pub power: Option<f32>,
}

fn sum<T: std::iter::Sum<T>>(values: impl Iterator<Item = Option<T>>) -> Option<T> {
    let mut values = values.flatten().peekable();
    values.peek().is_some().then_some(()).map(|()| values.sum())
}

/// Adds up what the GPUs say.
pub fn totals(gpus: &[GpuFigures]) -> Totals {
    let measured = gpus.iter().filter(|g| !g.lost && g.util_percent.is_some()).count();
    let here = || gpus.iter().filter(|g| !g.lost);
    Totals {
        util: sum(here().map(|g| g.util_percent)).map(|total: f32| total / measured.max(1) as f32),
        memory_used: sum(here().map(|g| g.memory_used_bytes)),
        memory_total: sum(here().map(|g| g.memory_total_bytes)),
        temperature: here().filter_map(|g| g.temperature_c).reduce(f32::max),
        power: sum(here().map(|g| g.power_w)),
    }
}

/// Whole percent.
pub fn percent(value: Option<f32>) -> Figure {
    value.map(|v| (format::whole(v.round().max(0.0) as u64), "%"))
}

/// Bytes in binary units.
pub fn bytes(value: Option<u64>) -> Figure {
    value.map(|v| format::bytes(v as f64))
}

/// Bytes per second.
pub fn rate(value: Option<f32>) -> Figure {
    value.map(|v| format::rate(f64::from(v)))
}

/// Degrees.
pub fn degrees(value: Option<f32>) -> Figure {
    value.map(|v| (format::whole(v.round().max(0.0) as u64), "°C"))
}

/// Watts.
pub fn watts(value: Option<f32>) -> Figure {
    value.map(|v| format::watts(f64::from(v)))
}

/// `12.5 / 80 GiB` as value and unit; used alone where the total is unknown.
pub fn used_of(used: Option<u64>, total: Option<u64>) -> (String, String) {
    match (used, total) {
        (Some(used), Some(total)) => {
            let ((used, used_unit), (total, unit)) = (format::bytes(used as f64), format::bytes(total as f64));
            let shown = if used_unit == unit { "" } else { used_unit };
            (used, format!("{shown} / {total} {unit}").trim_start().to_owned())
        }
        (Some(used), None) => {
            let (used, unit) = format::bytes(used as f64);
            (used, unit.to_owned())
        }
        _ => (format::NOT_MEASURED.to_owned(), String::new()),
    }
}

/// Used percent of a GPU's memory.
pub fn memory_percent(gpu: &GpuFigures) -> Option<u8> {
    percent_of(gpu.memory_used_bytes, gpu.memory_total_bytes)
}

/// Figures of a machine that is not online, or not listened to, are not now's: they are taken out rather than shown.
pub fn current(mut live: MachineLive) -> MachineLive {
    if !live.monitored || live.presence != contract::machines::Presence::Online {
        live.host = Default::default();
        live.processes.clear();
        for gpu in &mut live.gpus {
            let (index, uuid, model, lost) = (gpu.index, gpu.uuid.clone(), gpu.model.clone(), gpu.lost);
            *gpu = GpuFigures { index, uuid, model, lost, ..GpuFigures::default() };
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_leave_out_what_was_not_measured() {
        let gpu = |util, memory, lost| GpuFigures {
            util_percent: util,
            memory_used_bytes: memory,
            lost,
            ..GpuFigures::default()
        };
        let sums =
            totals(&[gpu(Some(50.0), Some(10), false), gpu(None, Some(5), false), gpu(Some(99.0), Some(99), true)]);
        assert_eq!((sums.util, sums.memory_used, sums.memory_total), (Some(50.0), Some(15), None));
        assert_eq!(totals(&[]), Totals::default());
        assert_eq!(used_of(None, Some(5)), ("—".to_owned(), String::new()));
    }
}
