//! From figures to what the wall shows: trouble, short model names, whole percents.

use chrono::{DateTime, TimeDelta, Utc};
use contract::allocations::{AllocationState, days_left};
use contract::machines::{Pool, Presence, ServiceState, presence};
use contract::metrics::{GpuCell, GpuFigures, Trouble, WallTile};

use super::hub::{Catalog, Entry, EventKind};

/// A GPU this hot is trouble: data centre cards throttle at about 90 °C.
const HOT_C: f32 = 88.0;
/// How long an Xid or an ECC error marks a machine.
const EVENT_MARK: TimeDelta = TimeDelta::minutes(10);

/// Bits of NVML's clocks event reasons (nvml.h, `nvmlClocksEventReason…`) that hold a GPU back.
const THROTTLE: [(u64, &str); 5] =
    [(0x04, "power_cap"), (0x08, "hw_slowdown"), (0x20, "sw_thermal"), (0x40, "hw_thermal"), (0x80, "power_brake")];

/// Words for the bits that mean something is held back; idle and user settings are none.
pub(super) fn throttle_words(bits: u64) -> Vec<String> {
    THROTTLE.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| (*word).to_owned()).collect()
}

/// `NVIDIA H100 80GB HBM3` → `H100 80G`, `NVIDIA GeForce RTX 4090` → `RTX 4090`.
pub(super) fn short_model(model: &str) -> String {
    let words: Vec<&str> = model
        .split([' ', '-', '_'])
        .filter(|word| {
            !["nvidia", "geforce", "tesla", "quadro", "pcie", "sxm4", "sxm5", "sxm2"]
                .contains(&word.to_lowercase().as_str())
        })
        .filter(|word| !word.to_uppercase().starts_with("HBM"))
        .collect();
    let short: Vec<String> = words
        .into_iter()
        .map(|word| match word.strip_suffix("GB") {
            Some(number) if number.parse::<u32>().is_ok() => format!("{number}G"),
            _ => word.to_owned(),
        })
        .collect();
    short.join(" ")
}

/// The worst thing about a machine now.
fn trouble(catalog: &Catalog, entry: &Entry, now: DateTime<Utc>, presence: Presence) -> Option<Trouble> {
    if !catalog.monitored || catalog.service_state == ServiceState::Retired {
        return None;
    }
    match presence {
        Presence::NeverSeen => return None,
        Presence::Offline => return Some(Trouble::Offline),
        Presence::Online => {}
    }
    let newest = entry.newest.as_ref()?;
    let recent = |wanted: fn(&EventKind) -> bool| {
        entry.events.iter().any(|event| wanted(&event.kind) && now - event.at < EVENT_MARK)
    };
    let held_back = |gpu: &GpuFigures| {
        gpu.throttle
            .iter()
            .any(|word| ["hw_slowdown", "sw_thermal", "hw_thermal", "power_brake"].contains(&word.as_str()))
    };
    if newest.gpus.iter().any(|gpu| gpu.lost) {
        Some(Trouble::GpuLost)
    } else if recent(|kind| matches!(kind, EventKind::Ecc)) {
        Some(Trouble::EccUncorrected)
    } else if recent(|kind| matches!(kind, EventKind::Xid(_))) {
        Some(Trouble::Xid)
    } else if newest.gpus.iter().any(|gpu| gpu.temperature_c.is_some_and(|t| t >= HOT_C)) {
        Some(Trouble::Hot)
    } else if newest.gpus.iter().any(held_back) {
        Some(Trouble::Throttled)
    } else {
        None
    }
}

/// The tile of one machine.
pub(super) fn tile(catalog: &Catalog, entry: &Entry, now: DateTime<Utc>) -> WallTile {
    let presence = presence(entry.last_sign(catalog), now);
    let newest = entry.newest.as_ref();
    // What a silent machine said last is not what it does now: its cells stay, empty.
    let live = newest.filter(|_| presence == Presence::Online && catalog.monitored);
    let gpus = catalog
        .gpus
        .iter()
        .map(|gpu| {
            let figures = live.and_then(|tick| tick.gpus.iter().find(|f| f.uuid == gpu.uuid));
            cell(figures, figures.map_or(gpu.lost, |f| f.lost))
        })
        .collect();
    let all = |pick: fn(&GpuFigures) -> Option<f64>| {
        let values: Vec<f64> = live.into_iter().flat_map(|tick| tick.gpus.iter().filter_map(pick)).collect();
        (!values.is_empty()).then_some(values)
    };
    let mib = |values: Vec<f64>| (values.iter().sum::<f64>() / 1_048_576.0).round() as u64;
    let known_total: u64 = catalog.gpus.iter().filter_map(|gpu| gpu.memory_bytes).sum::<u64>() / 1_048_576;
    WallTile {
        id: catalog.code.clone(),
        name: catalog.name.clone(),
        model: catalog.gpus.first().map(|gpu| short_model(&gpu.model)).or_else(|| catalog.declared_model.clone()),
        region: catalog.region.clone(),
        presence,
        service_state: catalog.service_state,
        monitored: catalog.monitored,
        trouble: trouble(catalog, entry, now, presence),
        at: entry.last_sign(catalog).map(|at| at.timestamp()),
        gpus,
        cpu_percent: live.and_then(|tick| tick.host.cpu_percent).map(percent),
        memory_percent: live.and_then(|tick| share(tick.host.memory_used_bytes, tick.host.memory_total_bytes)),
        temperature_c: all(|gpu| gpu.temperature_c.map(f64::from))
            .map(|values| values.into_iter().fold(f64::MIN, f64::max).round() as i16),
        power_w: all(|gpu| gpu.power_w.map(f64::from)).map(|values| values.iter().sum::<f64>().round() as u32),
        gpu_memory_used_mib: all(|gpu| gpu.memory_used_bytes.map(|b| b as f64)).map(mib),
        gpu_memory_total_mib: (known_total > 0).then_some(known_total),
        lease: Some(lease(catalog, now).to_owned()),
        customer: catalog.holder.as_ref().map(|holder| holder.customer_name.clone()),
        days_left: catalog
            .holder
            .as_ref()
            .filter(|holder| holder.state == AllocationState::Active)
            .map(|holder| days_left(holder.ends_at, now)),
        note: catalog.service_note.clone(),
    }
}

/// How a machine is lent, in the words of [`WallTile::lease`].
fn lease(catalog: &Catalog, now: DateTime<Utc>) -> &'static str {
    match (catalog.holder.as_ref().map(|holder| (holder.state, holder.ends_at)), catalog.pool) {
        (Some((AllocationState::Grace, _)), _) => "grace",
        (Some((AllocationState::Reclaiming, _)), _) => "reclaiming",
        (Some((_, ends_at)), _) if ends_at - now <= TimeDelta::days(1) => "ending",
        (Some(_), _) => "held",
        (None, Pool::Shared) => "shared",
        (None, Pool::Whole) => "free",
    }
}

fn cell(figures: Option<&GpuFigures>, lost: bool) -> GpuCell {
    let figures = figures.filter(|_| !lost);
    GpuCell {
        u: figures.and_then(|f| f.util_percent).map(percent),
        m: figures.and_then(|f| share(f.memory_used_bytes, f.memory_total_bytes)),
        x: lost,
    }
}

fn percent(value: f32) -> u8 {
    value.clamp(0.0, 100.0).round() as u8
}

fn share(used: Option<u64>, total: Option<u64>) -> Option<u8> {
    match (used, total) {
        (Some(used), Some(total)) if total > 0 => Some(percent(used as f32 / total as f32 * 100.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{short_model, throttle_words};

    #[test]
    fn models_are_short() {
        for (long, short) in [
            ("NVIDIA H100 80GB HBM3", "H100 80G"),
            ("NVIDIA GeForce RTX 4090", "RTX 4090"),
            ("NVIDIA A100-SXM4-40GB", "A100 40G"),
            ("Tesla V100-SXM2-32GB", "V100 32G"),
            ("NVIDIA L40S", "L40S"),
        ] {
            assert_eq!(short_model(long), short);
        }
    }

    #[test]
    fn idle_and_user_clocks_are_no_throttling() {
        assert!(throttle_words(0x03).is_empty());
        assert_eq!(throttle_words(0x44), ["power_cap", "hw_thermal"]);
    }
}
