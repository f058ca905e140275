//! The fleet at a glance.

use serde::{Deserialize, Serialize};

use crate::CustomerId;
use crate::machines::word_enum;
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
    /// Machines in service that nobody has.
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
    pub gpus: u64,
}

/// What a customer has had, from its first allocation until now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerUsage {
    /// Allocations that began, those that are over included.
    pub allocations: u64,
    /// Machines lent × hours.
    pub machine_hours: f64,
    /// Their GPUs × hours.
    pub gpu_hours: f64,
    /// The part of `gpuHours` in the last 30 days.
    pub gpu_hours_30_days: f64,
    /// Mean utilisation of these GPUs while it had them, from the hourly figures; null where none was measured.
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
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
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
