//! Figures: the newest state of machines, and their history.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::{Presence, ServiceState, word_enum};

/// Host figures at one tick. Absent means "not measured".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HostFigures {
    /// 0 to 100, all CPUs together.
    pub cpu_percent: Option<f32>,
    pub load1: Option<f32>,
    pub memory_used_bytes: Option<u64>,
    pub memory_total_bytes: Option<u64>,
    pub swap_used_bytes: Option<u64>,
    pub swap_total_bytes: Option<u64>,
    pub disk_used_bytes: Option<u64>,
    pub disk_total_bytes: Option<u64>,
    pub disk_read_bytes_per_s: Option<f32>,
    pub disk_write_bytes_per_s: Option<f32>,
    pub net_rx_bytes_per_s: Option<f32>,
    pub net_tx_bytes_per_s: Option<f32>,
    pub uptime_s: Option<u64>,
}

/// Figures of one GPU at one tick. Absent means "not measured".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct GpuFigures {
    pub index: u32,
    pub uuid: String,
    pub model: String,
    pub lost: bool,
    pub util_percent: Option<f32>,
    pub mem_util_percent: Option<f32>,
    pub memory_used_bytes: Option<u64>,
    pub memory_total_bytes: Option<u64>,
    pub temperature_c: Option<f32>,
    pub power_w: Option<f32>,
    pub power_limit_w: Option<f32>,
    pub sm_clock_mhz: Option<u32>,
    pub mem_clock_mhz: Option<u32>,
    pub fan_percent: Option<f32>,
    pub pcie_rx_bytes_per_s: Option<f32>,
    pub pcie_tx_bytes_per_s: Option<f32>,
    pub ecc_corrected: Option<u64>,
    pub ecc_uncorrected: Option<u64>,
    /// Words for the throttle bits that mean something is held back: `power_cap`, `hw_thermal`, `sw_thermal`,
    /// `hw_slowdown`, `power_brake`.
    pub throttle: Vec<String>,
    /// Last Xid error seen since the agent started.
    pub last_xid: Option<u64>,
}

/// A process on a GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProcessView {
    pub pid: u32,
    /// Indices of the GPUs it uses.
    pub gpus: Vec<u32>,
    pub user: Option<String>,
    pub command: Option<String>,
    pub container: Option<String>,
    /// Sum over its GPUs.
    pub gpu_memory_bytes: Option<u64>,
    pub started_at: Option<DateTime<Utc>>,
    /// Nobody has the machine, and it is in no container: whose it is, no allocation says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stray: bool,
}

/// Everything live about one machine: topic `machine/{code}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineLive {
    /// The machine's code.
    pub id: String,
    pub presence: Presence,
    pub monitored: bool,
    /// When the newest figures were measured.
    pub at: Option<DateTime<Utc>>,
    pub host: HostFigures,
    pub gpus: Vec<GpuFigures>,
    pub processes: Vec<ProcessView>,
    /// When the processes were listed.
    pub processes_at: Option<DateTime<Utc>>,
}

/// One GPU on the wall, as short as it can be: thousands of these travel every second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GpuCell {
    /// Utilisation in whole percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub u: Option<u8>,
    /// Memory used in whole percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m: Option<u8>,
    /// Lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub x: bool,
}

word_enum! {
    /// The worst thing about a machine now, worst first: the order of the wall.
    Trouble {
        GpuLost = "gpu_lost",
        Offline = "offline",
        EccUncorrected = "ecc_uncorrected",
        Xid = "xid",
        Hot = "hot",
        Throttled = "throttled",
    }
}

impl Trouble {
    /// True for what needs somebody now; false for a warning.
    pub fn is_severe(self) -> bool {
        matches!(self, Trouble::GpuLost | Trouble::Offline | Trouble::EccUncorrected)
    }

    /// 0 for the worst.
    pub fn rank(self) -> usize {
        Self::ALL.iter().position(|t| *t == self).unwrap_or(usize::MAX)
    }
}

/// One machine on the wall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WallTile {
    /// The machine's code.
    pub id: String,
    pub name: String,
    /// Short model, e.g. `H100 80G`; absent for a host without GPUs.
    pub model: Option<String>,
    pub region: Option<String>,
    pub presence: Presence,
    pub service_state: ServiceState,
    pub monitored: bool,
    pub trouble: Option<Trouble>,
    /// Seconds since the Unix epoch of the newest figures.
    pub at: Option<i64>,
    pub gpus: Vec<GpuCell>,
    pub cpu_percent: Option<u8>,
    pub memory_percent: Option<u8>,
    /// Hottest GPU, °C.
    pub temperature_c: Option<i16>,
    /// All GPUs together, W.
    pub power_w: Option<u32>,
    /// GPU memory in MiB.
    pub gpu_memory_used_mib: Option<u64>,
    pub gpu_memory_total_mib: Option<u64>,
    /// How it is lent: `free`, `held`, `ending` in the last day, `grace`, `reclaiming` or `shared`. Absent, as the next two, for those who do not see
    /// allocations, and while it is out of service and nobody has it.
    pub lease: Option<String>,
    /// Name of the customer who has it.
    pub customer: Option<String>,
    /// Begun days until the end of the period.
    pub days_left: Option<i64>,
    /// Why it is out of service.
    pub note: Option<String>,
}

/// A machine in `GET /api/admin/monitoring/machines`: whether it is monitored, and its newest figures in whole percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MonitoredMachine {
    /// The machine's code.
    pub id: String,
    pub name: String,
    pub monitored: bool,
    pub presence: Presence,
    /// Mean over its GPUs; null where none is measured.
    pub gpu_usage: Option<u8>,
    pub gpu_memory_usage: Option<u8>,
    pub cpu_usage: Option<u8>,
    pub memory_usage: Option<u8>,
    /// Hottest GPU, °C.
    pub temperature: Option<i16>,
    /// Seconds since the Unix epoch of these figures.
    pub at: Option<i64>,
}

/// Answer of `GET /api/admin/monitoring/machines`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MonitoredMachines {
    pub machines: Vec<MonitoredMachine>,
}

impl From<&WallTile> for MonitoredMachine {
    fn from(tile: &WallTile) -> Self {
        let mean = |figure: fn(&GpuCell) -> Option<u8>| {
            let known: Vec<u32> = tile.gpus.iter().filter_map(figure).map(u32::from).collect();
            let count = u32::try_from(known.len()).ok().filter(|count| *count > 0)?;
            u8::try_from((known.iter().sum::<u32>() + count / 2) / count).ok()
        };
        Self {
            id: tile.id.clone(),
            name: tile.name.clone(),
            monitored: tile.monitored,
            presence: tile.presence,
            gpu_usage: mean(|gpu| gpu.u),
            gpu_memory_usage: mean(|gpu| gpu.m),
            cpu_usage: tile.cpu_percent,
            memory_usage: tile.memory_percent,
            temperature: tile.temperature_c,
            at: tile.at,
        }
    }
}

impl WallTile {
    /// True when its figures are of now. Where monitoring is off nobody listens, so that silence means nothing.
    pub fn is_current(&self) -> bool {
        self.monitored && self.presence == Presence::Online
    }

    /// As those see it who do not see allocations.
    #[must_use]
    pub fn without_lease(self) -> Self {
        Self { lease: None, customer: None, days_left: None, ..self }
    }

    /// True when it is watched and silent.
    pub fn is_offline(&self) -> bool {
        self.monitored && self.presence == Presence::Offline
    }
}

/// Sums over the fleet, for the head of the wall. Machines whose monitoring is off are neither online nor offline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FleetTotals {
    pub machines: u32,
    pub machines_online: u32,
    pub machines_offline: u32,
    pub machines_in_trouble: u32,
    pub gpus: u32,
    /// GPUs with a utilisation of 5 % or more.
    pub gpus_busy: u32,
    /// Mean over the GPUs that are measured.
    pub gpu_util_percent: Option<f32>,
    pub gpu_memory_used_mib: Option<u64>,
    pub gpu_memory_total_mib: Option<u64>,
    pub power_w: Option<u32>,
}

impl FleetTotals {
    /// Adds up the tiles; figures nobody measured stay absent.
    pub fn of<'a>(tiles: impl Iterator<Item = &'a WallTile>) -> Self {
        let mut sum = FleetTotals::default();
        let (mut util, mut measured) = (0u64, 0u64);
        let add = |total: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *total = Some(total.unwrap_or(0) + more);
            }
        };
        let mut power = None;
        for tile in tiles {
            sum.machines += 1;
            sum.machines_online += u32::from(tile.is_current());
            sum.machines_offline += u32::from(tile.is_offline());
            sum.machines_in_trouble += u32::from(tile.trouble.is_some());
            sum.gpus += tile.gpus.len() as u32;
            // What a silent machine said last is not what it does now.
            if tile.is_current() {
                for u in tile.gpus.iter().filter_map(|g| g.u) {
                    sum.gpus_busy += u32::from(u >= 5);
                    util += u64::from(u);
                    measured += 1;
                }
                add(&mut sum.gpu_memory_used_mib, tile.gpu_memory_used_mib);
                add(&mut power, tile.power_w.map(u64::from));
            }
            add(&mut sum.gpu_memory_total_mib, tile.gpu_memory_total_mib);
        }
        sum.power_w = power.map(|w| w as u32);
        sum.gpu_util_percent = (measured > 0).then(|| util as f32 / measured as f32);
        sum
    }
}

/// Answer of `GET /api/admin/monitoring/realtime`, and the snapshot of topic `wall`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WallSnapshot {
    pub machines: Vec<WallTile>,
    /// When the server put this together.
    pub at: Option<DateTime<Utc>>,
}

word_enum! {
    /// Ranges a history offers.
    HistoryRange {
        Hour = "1h",
        SixHours = "6h",
        Day = "24h",
        Week = "7d",
        Month = "30d",
    }
}

impl HistoryRange {
    /// Length in seconds.
    pub fn seconds(self) -> i64 {
        match self {
            HistoryRange::Hour => 3_600,
            HistoryRange::SixHours => 6 * 3_600,
            HistoryRange::Day => 24 * 3_600,
            HistoryRange::Week => 7 * 24 * 3_600,
            HistoryRange::Month => 30 * 24 * 3_600,
        }
    }
}

/// Query of a machine's history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct HistoryQuery {
    /// 1h when nothing is said; not together with `from` and `to`.
    pub range: Option<HistoryRange>,
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "crate::times::maybe")]
    pub to: Option<DateTime<Utc>>,
    /// Names of [`Metric`]s with commas; all when absent.
    pub metric: Option<String>,
}

word_enum! {
    /// Figures a history can be asked for.
    Metric {
        Cpu = "cpu",
        Memory = "memory",
        Disk = "disk",
        DiskRead = "disk.read",
        DiskWrite = "disk.write",
        NetworkRx = "network.rx",
        NetworkTx = "network.tx",
        GpuUtil = "gpu.util",
        GpuMemory = "gpu.memory",
        GpuTemperature = "gpu.temperature",
        GpuPower = "gpu.power",
    }
}

impl Metric {
    /// `%`, `B`, `B/s`, `°C`, `W`.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::Cpu | Metric::GpuUtil => "%",
            Metric::Memory | Metric::Disk | Metric::GpuMemory => "B",
            Metric::DiskRead | Metric::DiskWrite | Metric::NetworkRx | Metric::NetworkTx => "B/s",
            Metric::GpuTemperature => "°C",
            Metric::GpuPower => "W",
        }
    }

    /// True when there is one series per GPU.
    pub fn is_per_gpu(self) -> bool {
        self.code().starts_with("gpu.")
    }
}

/// One line of a chart; `avg`, `min`, `max` have one entry per entry of [`History::at`], null where nothing was
/// measured: a gap is a gap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Series {
    pub metric: Metric,
    pub unit: String,
    /// GPU index, for per-GPU figures.
    pub gpu: Option<u32>,
    pub avg: Vec<Option<f64>>,
    pub min: Vec<Option<f64>>,
    pub max: Vec<Option<f64>>,
}

/// History of one machine on one time grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The machine's code.
    pub id: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub step_seconds: u32,
    /// Where it was read: `raw`, `1m`, `10m`, `1h`.
    pub tier: String,
    /// Start of each step, seconds since the Unix epoch.
    pub at: Vec<i64>,
    pub series: Vec<Series>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_monitored_is_neither_online_nor_offline() {
        let tile = |presence, monitored| WallTile {
            id: "a".into(),
            name: "a".into(),
            model: None,
            region: None,
            presence,
            service_state: ServiceState::InService,
            monitored,
            trouble: None,
            at: None,
            gpus: vec![GpuCell { u: Some(50), m: None, x: false }],
            cpu_percent: None,
            memory_percent: None,
            temperature_c: None,
            power_w: Some(100),
            gpu_memory_used_mib: None,
            gpu_memory_total_mib: None,
            lease: None,
            customer: None,
            days_left: None,
            note: None,
        };
        let tiles = [
            tile(Presence::Online, true),
            tile(Presence::Online, false),
            tile(Presence::Offline, true),
            tile(Presence::Offline, false),
            tile(Presence::NeverSeen, true),
        ];
        let sums = FleetTotals::of(tiles.iter());
        assert_eq!((sums.machines, sums.machines_online, sums.machines_offline), (5, 1, 1));
        assert_eq!((sums.gpus, sums.gpus_busy, sums.power_w), (5, 1, Some(100)));
    }
}
