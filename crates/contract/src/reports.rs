//! The fleet at a glance.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::CustomerId;
use crate::allocations::AllocationView;
use crate::machines::{MaintenanceView, Presence, ServiceState, word_enum};
use crate::metrics::FleetTotals;

/// Numbers of the staff's first page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DashboardStats {
    /// Machines and GPUs as they are now.
    pub fleet: FleetTotals,
    /// Machines somebody has now, those on their way back included.
    pub machines_lent: u64,
    /// Machines that could be lent now: let as a whole, in service, had by nobody, and not silent where they are monitored.
    pub machines_free: u64,
    pub customers_active: u64,
    /// Allocations that end within 30 days.
    pub allocations_ending: u64,
    pub renewals_open: u64,
}

/// What a customer has now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerShare {
    pub customer_id: CustomerId,
    pub name: String,
    pub machines: u64,
    /// In those machines: as found, else as typed.
    pub gpus: u64,
}

/// What a customer has had, from its first allocation or instance until now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerUsage {
    /// Allocations that began, those that are over included.
    pub allocations: u64,
    /// Machines lent × hours.
    pub machine_hours: f64,
    /// Their GPUs × hours, and those of instances, where a part of a GPU counts as the GPU.
    pub gpu_hours: f64,
    /// The part of `gpuHours` in the last 30 days.
    pub gpu_hours_30_days: f64,
    /// Mean utilisation of the GPUs of these machines while it had them, from the hourly figures; null where none was measured.
    pub gpu_util_percent: Option<f32>,
}

word_enum! {
    /// How far a trend looks back.
    TrendRange {
        Day = "24h",
        Week = "7d",
    }
}

/// Parameters of the trend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TrendQuery {
    /// `24h` when absent.
    pub range: Option<TrendRange>,
}

/// The fleet's GPUs over time: means over every GPU measured in a step; null where none was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GpuTrend {
    /// Seconds since the Unix epoch.
    pub from: i64,
    pub to: i64,
    pub step_seconds: u32,
    /// Beginnings of the steps.
    pub at: Vec<i64>,
    pub util_percent: Vec<Option<f32>>,
    pub memory_percent: Vec<Option<f32>>,
}

/// Where a machine stands: what staff decided, whether it is heard from, and who has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// The machine's code.
    pub id: String,
    pub service_state: ServiceState,
    pub service_note: Option<String>,
    pub presence: Presence,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub monitored: bool,
    /// Planned and running, the next first.
    pub maintenance: Vec<MaintenanceView>,
    /// The allocation that has the machine, or will have it next.
    pub allocation: Option<AllocationView>,
}

/// Numbers of a customer's first page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerDashboard {
    /// Machines it has now.
    pub machines: u64,
    pub machines_online: u64,
    /// Their GPUs.
    pub gpus: u64,
    /// Of them, those that end within 30 days.
    pub ending_soon: u64,
    pub next_end_at: Option<DateTime<Utc>>,
    /// Wishes for more time that wait for an answer.
    pub renewals_open: u64,
    /// Machines with maintenance planned or running.
    pub in_maintenance: u64,
    pub members: u64,
}

/// A machine a customer has now, with its newest figures; null where nothing is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MyMachine {
    pub allocation: AllocationView,
    /// Mean over its GPUs.
    pub gpu_util_percent: Option<f32>,
    pub gpu_memory_used_bytes: Option<u64>,
    pub gpu_memory_total_bytes: Option<u64>,
    pub cpu_percent: Option<f32>,
    /// When these were measured.
    pub at: Option<DateTime<Utc>>,
}

/// Parameters of statistics over a period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StatisticsQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Part of a name or code.
    pub q: Option<String>,
    /// 30 days before `until` when absent.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Now when absent; what is to come is not counted. At most two years after `from`.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
}

/// What a machine was used for in a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineStatistics {
    /// The machine's code.
    pub id: String,
    pub name: String,
    pub region: Option<String>,
    pub gpu_model: Option<String>,
    pub gpu_count: Option<u32>,
    /// Hours in which somebody had it.
    pub lent_hours: f64,
    /// Of the period, %.
    pub lent_percent: f64,
    /// Lent hours × GPUs.
    pub gpu_hours: f64,
    /// Mean utilisation of its GPUs in the whole period; null where nothing was measured.
    pub gpu_util_percent: Option<f32>,
}

/// What a customer had in a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerStatistics {
    pub customer_id: CustomerId,
    pub name: String,
    /// Allocations that ran in the period.
    pub allocations: u64,
    pub machine_hours: f64,
    pub gpu_hours: f64,
    /// Mean utilisation of these GPUs while it had them; null where nothing was measured.
    pub gpu_util_percent: Option<f32>,
}

/// Parameters of the use by month.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UsageQuery {
    /// Months up to and with this one, 1 to 24; 12 when absent.
    pub months: Option<u32>,
    /// One customer's alone.
    pub customer_id: Option<CustomerId>,
}

/// The use of a month, which begins and ends at midnight UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MonthlyUsage {
    /// `2026-11`.
    pub month: String,
    /// Customers that had a machine.
    pub customers: u64,
    /// Allocations that ran.
    pub allocations: u64,
    pub machine_hours: f64,
    pub gpu_hours: f64,
}
