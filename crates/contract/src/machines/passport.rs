//! What is known of a machine's life: its GPUs and what happened to them, its repairs, its leases.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{MachineView, MaintenanceView};
use crate::allocations::{AllocationView, HealthSnapshot};

/// Most events, leases and maintenance windows of one passport, each.
pub const PASSPORT_MOST: u32 = 500;

/// A machine's passport: kept up by itself from what was measured and decided; nobody writes into it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachinePassport {
    /// As it is now; without how it is reached.
    pub machine: MachineView,
    pub written_at: DateTime<Utc>,
    /// Those that are there by their index, then those that are gone.
    pub gpus: Vec<PassportGpu>,
    /// What happened to the GPUs, the newest first; at most [`PASSPORT_MOST`].
    pub events: Vec<PassportEvent>,
    /// True when older events were left out.
    pub more_events: bool,
    /// Errors and throttling before this are not kept any more.
    pub errors_since: DateTime<Utc>,
    /// Windows that began, the newest first; at most [`PASSPORT_MOST`].
    pub maintenance: Vec<MaintenanceView>,
    /// Leases that began, the newest first, at most [`PASSPORT_MOST`]; absent for who may not see allocations.
    pub leases: Option<Vec<PassportLease>>,
}

/// A GPU that is, or was, in the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PassportGpu {
    pub index: u32,
    pub uuid: String,
    pub model: String,
    pub memory_bytes: Option<u64>,
    pub mig_enabled: Option<bool>,
    pub ecc_enabled: Option<bool>,
    pub lost: bool,
    /// When the agent found it in this machine.
    pub first_seen_at: DateTime<Utc>,
    /// When it was gone from the machine.
    pub removed_at: Option<DateTime<Utc>>,
    /// What went wrong with it; absent for who may not see figures.
    pub errors: Option<GpuErrors>,
}

/// What went wrong with a GPU, as far back as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GpuErrors {
    pub xid: u64,
    /// Errors its memory could not correct.
    pub ecc_uncorrected: u64,
    /// Times it fell off the bus.
    pub lost: u64,
    /// Hours in which it was held back, by reason: `hw_thermal`, `power_cap`, …
    pub throttled_hours: BTreeMap<String, u64>,
}

/// Something that happened to a GPU; the same within an hour is told once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PassportEvent {
    pub at: DateTime<Utc>,
    /// The last of the same in that hour.
    pub until: DateTime<Utc>,
    /// `xid`, `ecc_uncorrected`, `lost`, `returned`, `found` or `removed`.
    pub kind: String,
    pub gpu: u32,
    pub uuid: String,
    /// The Xid's number, or how many ECC errors.
    pub value: Option<u64>,
    /// How often in that hour.
    pub times: u64,
}

/// A lease, with how the machine was when it was handed over and when it came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PassportLease {
    pub allocation: AllocationView,
    pub handed_over: Option<HealthSnapshot>,
    pub returned: Option<HealthSnapshot>,
    /// Xid errors of the machine's GPUs between begin and end (or now).
    pub xid_errors: u64,
    /// What is worse at the return than at the hand-over; absent where one of them was not seen.
    pub worse: Option<HealthLoss>,
}

/// What a lease took from a machine's health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthLoss {
    /// GPUs that were there and are not, or fell off the bus.
    pub missing_gpus: u64,
    /// Uncorrected ECC errors that came.
    pub ecc_uncorrected: u64,
}
