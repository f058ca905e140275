//! Many allocations at once, the time line, the hand-over.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AllocationQuery, AllocationState, AllocationView, ReclaimStepView, RenewalState, WaitReason};
use crate::machines::{ServiceState, word_enum};
use crate::{AllocationId, CustomerId};

/// Who has a machine now, or has it still to give back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineHolder {
    pub allocation_id: AllocationId,
    pub customer_id: CustomerId,
    pub customer_name: String,
    /// `active`, `grace` or `reclaiming`.
    pub state: AllocationState,
    pub ends_at: DateTime<Utc>,
    /// Begun days until the end; 0 when it is over.
    pub days_left: i64,
}

/// A lease that is to begin on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LeaseToCome {
    pub allocation_id: AllocationId,
    pub customer_id: CustomerId,
    pub customer_name: String,
    pub starts_at: DateTime<Utc>,
    /// What it waits for, where its time has come.
    pub waits_for: Option<WaitReason>,
}

/// How a GPU was at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GpuHealth {
    pub index: u32,
    pub uuid: String,
    pub model: String,
    pub lost: bool,
    pub memory_bytes: Option<u64>,
    /// Errors the memory could not correct, as the GPU counts them.
    pub ecc_uncorrected: Option<u64>,
    pub temperature_c: Option<f32>,
}

/// How a machine was at one time: at the hand-over, and when it came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthSnapshot {
    pub at: DateTime<Utc>,
    pub gpus: Vec<GpuHealth>,
    pub driver_version: Option<String>,
    pub cpu_cores: Option<u32>,
    pub memory_bytes: Option<u64>,
}

/// What is on the page to print when a machine is handed over or comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HandoverView {
    pub allocation: AllocationView,
    /// The end that was agreed, where the machine was taken back before it.
    pub agreed_until: Option<DateTime<Utc>>,
    pub handed_over: Option<HealthSnapshot>,
    pub returned: Option<HealthSnapshot>,
    /// Xid errors of the machine's GPUs between begin and end (or now).
    pub xid_errors: u64,
    pub steps: Vec<ReclaimStepView>,
}

word_enum! {
    /// What is done with many allocations.
    AllocationAction {
        Renew = "renew",
        Reclaim = "reclaim",
    }
}

/// Body of `POST /api/admin/allocations/bulk`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllocationBulk {
    /// 1 to 500.
    #[serde(default)]
    pub ids: Vec<AllocationId>,
    /// Instead of ids: all that match these filters and are not over, whatever their page and order; refused when they are
    /// more than 500.
    #[serde(default)]
    pub matching: Option<AllocationQuery>,
    pub action: AllocationAction,
    /// For `renew`: what the caller looked at, one for each of `ids` in their order, or none. One that changed since is refused,
    /// and the others are renewed.
    #[serde(default)]
    pub revisions: Vec<i64>,
    /// For `renew`: 1 to [`super::MAX_MONTHS`] months more.
    #[serde(default)]
    pub months: Option<u32>,
    /// Why, for the histories.
    #[serde(default)]
    pub note: Option<String>,
}

/// Parameters of the time line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TimelineQuery {
    /// First month, `2026-11`; last month when absent.
    pub from: Option<String>,
    /// Months across, 1 to 24; 12 when absent.
    pub months: Option<u32>,
    /// Time zone of the months, such as `Asia/Shanghai`; the caller's own when absent.
    pub time_zone: Option<String>,
    /// Part of a machine's code or name.
    pub q: Option<String>,
    pub page: Option<u32>,
    /// Machines a page; 50 when absent, at most 100.
    pub page_size: Option<u32>,
}

/// A machine's row of the time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TimelineRow {
    /// The machine's code.
    pub machine: String,
    pub machine_name: String,
    /// A machine that is out of service is not free, whoever has it.
    pub service_state: ServiceState,
    /// In order of their beginnings.
    pub allocations: Vec<TimelineBar>,
}

/// An allocation on the time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TimelineBar {
    pub id: AllocationId,
    pub customer_name: String,
    pub state: AllocationState,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    /// Until when the machine is kept for it: the end with the grace, or when it really came back.
    pub held_until: DateTime<Utc>,
}

/// Machines down, months across.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Where the months begin at midnight.
    pub time_zone: String,
    pub rows: Vec<TimelineRow>,
    /// Machines in all.
    pub total: u64,
    pub page: u32,
    pub page_size: u32,
}

word_enum! {
    /// Columns a list of renewal requests can be sorted by.
    RenewalSort {
        Created = "createdAt",
        Wanted = "wantedUntil",
        Ends = "endsAt",
        State = "state",
    }
}

/// Parameters of the list of renewal requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RenewalQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// `createdAt`, `-wantedUntil`, several with commas; open ones first, then the newest when absent.
    pub sort: Option<String>,
    pub state: Option<RenewalState>,
    pub customer_id: Option<CustomerId>,
}

/// Body of `POST /api/admin/renewal-requests/{id}/approve`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RenewalApproval {
    /// Another end than was asked for.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub ends_at: Option<DateTime<Utc>>,
    /// A word to the customer.
    pub answer: Option<String>,
}

/// Body of `POST /api/admin/renewal-requests/{id}/refuse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RenewalRefusal {
    /// Why; required.
    pub answer: Option<String>,
}
