//! Allocations: a whole machine, lent to a customer for a period.

mod overview;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use overview::*;

use crate::machines::{MaintenanceView, Presence, word_enum};
use crate::metrics::{GpuFigures, MachineLive};
use crate::{AllocationId, CustomerId, RenewalRequestId};

/// Most months of one allocation or renewal.
pub const MAX_MONTHS: u32 = 60;
/// Days of grace when nothing is said.
pub const DEFAULT_GRACE_DAYS: u32 = 3;
/// An allocation that ends within so many days is "ending soon".
pub const ENDING_SOON_DAYS: i64 = 30;

word_enum! {
    /// Where an allocation stands.
    AllocationState {
        /// Agreed, begins later.
        Scheduled = "scheduled",
        /// The customer has the machine.
        Active = "active",
        /// The period is over; the customer still reads what is there.
        Grace = "grace",
        /// Being taken back.
        Reclaiming = "reclaiming",
        /// Over; the machine is back in the pool.
        Ended = "ended",
        /// Called off before it began.
        Cancelled = "cancelled",
    }
}

impl AllocationState {
    /// True while it keeps others off the machine.
    pub fn holds(self) -> bool {
        !matches!(self, Self::Ended | Self::Cancelled)
    }

    /// True while its end can be moved, or be now: not while the machine is on its way back, nor after that.
    pub fn can_be_moved(self) -> bool {
        matches!(self, Self::Scheduled | Self::Active | Self::Grace)
    }
}

word_enum! {
    /// Why an allocation does not begin although its time has come.
    WaitReason {
        /// The one before still has the machine, or it is being taken back.
        Occupied = "occupied",
        Maintenance = "maintenance",
        /// Cordoned or drained.
        OutOfService = "out-of-service",
    }
}

word_enum! {
    /// Where a renewal request stands.
    RenewalState {
        Open = "open",
        Approved = "approved",
        /// Granted, for another end than was asked for.
        Changed = "changed",
        Refused = "refused",
        Withdrawn = "withdrawn",
    }
}

/// Whole days from `now` to `ends_at`, begun days count; 0 when it is over.
pub fn days_left(ends_at: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    let seconds = (ends_at - now).num_seconds();
    if seconds <= 0 { 0 } else { (seconds + 86_399) / 86_400 }
}

/// A person's open or decided wish for more time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RenewalRequestView {
    pub id: RenewalRequestId,
    pub allocation_id: AllocationId,
    pub machine: String,
    pub machine_name: String,
    pub customer_id: CustomerId,
    pub customer_name: String,
    pub ends_at: DateTime<Utc>,
    pub wanted_until: DateTime<Utc>,
    pub message: Option<String>,
    pub state: RenewalState,
    /// Withdrawn by nobody: the lease was over before somebody answered.
    #[serde(default)]
    pub lapsed: bool,
    pub granted_until: Option<DateTime<Utc>>,
    pub answer: Option<String>,
    pub requested_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
}

/// An allocation as a row of a list, for staff and for its customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AllocationView {
    pub id: AllocationId,
    /// The machine's code.
    pub machine: String,
    pub machine_name: String,
    pub region: Option<String>,
    /// Of a host with different GPUs how many of each, `2 × A100 + 1 × L40S`.
    pub gpu_model: Option<String>,
    pub gpu_count: Option<u32>,
    /// Absent where it is not told: a customer hears how a machine is doing while it has it.
    pub presence: Option<Presence>,
    /// False while nobody listens to the machine: its presence means nothing then.
    pub monitored: bool,
    /// How busy it is, in a customer's own list and while it has the machine; absent where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<MachineLoad>,
    /// The line to paste to get onto it by SSH, in a customer's own list and while it gets there: through the SSH door where that is
    /// open, else straight. Absent where there is no way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    pub customer_id: CustomerId,
    pub customer_name: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub grace_days: u32,
    pub state: AllocationState,
    /// Begun days until the end; 0 when it is over.
    pub days_left: i64,
    /// For staff; the customer does not see it.
    pub remark: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Since when it has waited to begin, because its machine is out of service or not free yet.
    pub waits_since: Option<DateTime<Utc>>,
    /// When it began, where that was minutes or more after its beginning.
    #[serde(default)]
    pub began_at: Option<DateTime<Utc>>,
    /// What it waits for now.
    #[serde(default)]
    pub waits_for: Option<WaitReason>,
    /// The customer's open wish for more time.
    pub open_request: Option<RenewalRequestId>,
    /// The last reminder that is out: 30, 14, 7 or 1 days before the end.
    pub reminded_days: Option<u32>,
    /// The machine's next planned or running maintenance.
    pub maintenance: Option<MaintenanceView>,
    pub revision: i64,
}

/// How busy a machine is, in whole percent: its GPUs together, or the host where it has none. Absent means "not measured".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineLoad {
    /// Mean utilisation of the GPUs, or of the CPUs.
    pub util_percent: Option<u32>,
    /// Memory in use of all that they have.
    pub memory_percent: Option<u32>,
}

impl MachineLoad {
    /// What the newest figures say; nothing of a machine that is silent: that was then. `rg-loads.js` says the same.
    pub fn of(live: &MachineLive) -> Option<Self> {
        if !live.monitored || live.presence != Presence::Online {
            return None;
        }
        let here = || live.gpus.iter().filter(|gpu| !gpu.lost);
        let (util, used, total) = match live.gpus.is_empty() {
            true => (live.host.cpu_percent, live.host.memory_used_bytes, live.host.memory_total_bytes),
            false => {
                let measured: Vec<f32> = here().filter_map(|gpu| gpu.util_percent).collect();
                let mean = (!measured.is_empty()).then(|| measured.iter().sum::<f32>() / measured.len() as f32);
                let sum = |bytes: fn(&GpuFigures) -> Option<u64>| here().filter_map(bytes).reduce(u64::saturating_add);
                (mean, sum(|gpu| gpu.memory_used_bytes), sum(|gpu| gpu.memory_total_bytes))
            }
        };
        let memory =
            used.zip(total).filter(|(_, total)| *total > 0).map(|(used, total)| used as f64 * 100.0 / total as f64);
        Some(Self {
            util_percent: util.map(|percent| percent.round().max(0.0) as u32),
            memory_percent: memory.map(|percent| percent.round() as u32),
        })
    }
}

/// What happened to an allocation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AllocationEventView {
    pub at: DateTime<Utc>,
    /// `created`, `renewed`, `reclaimed`, …: part of a text key.
    pub kind: String,
    pub ends_before: Option<DateTime<Utc>>,
    pub ends_after: Option<DateTime<Utc>>,
    pub actor_name: String,
    pub note: Option<String>,
}

word_enum! {
    /// How a step of taking a machine back stands.
    StepState {
        /// Cannot be done yet; tried again by itself.
        Waiting = "waiting",
        Done = "done",
        /// Left out by somebody's decision.
        Skipped = "skipped",
    }
}

/// One step of taking a machine back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReclaimStepView {
    /// `access`, `processes`, `gpu_memory`, `health`, `pool`: part of a text key.
    pub step: String,
    pub state: StepState,
    /// What was seen, by name: `processes`, `usedBytes`, `lostGpus`, `reason`, …
    pub result: std::collections::BTreeMap<String, String>,
    pub at: DateTime<Utc>,
}

/// An allocation with its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AllocationDetail {
    pub allocation: AllocationView,
    /// Oldest first.
    pub events: Vec<AllocationEventView>,
    /// Newest first.
    pub requests: Vec<RenewalRequestView>,
    /// The check-list of taking it back, once that has begun; for staff.
    pub steps: Vec<ReclaimStepView>,
}

/// Body of `POST /api/admin/machines/{code}/allocate`: `months`, or `endsAt`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AllocationCreate {
    pub customer_id: Option<CustomerId>,
    /// Now when absent.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub starts_at: Option<DateTime<Utc>>,
    /// 1 to [`MAX_MONTHS`] calendar months.
    pub months: Option<u32>,
    #[serde(deserialize_with = "crate::times::maybe")]
    pub ends_at: Option<DateTime<Utc>>,
    /// [`DEFAULT_GRACE_DAYS`] when absent; at most 90.
    pub grace_days: Option<u32>,
    pub remark: Option<String>,
}

/// Body of `POST /api/admin/allocations/{id}/renew`: `months` more, or a new `endsAt`, which may also be earlier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AllocationRenew {
    pub months: Option<u32>,
    #[serde(deserialize_with = "crate::times::maybe")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Why, for the history.
    pub note: Option<String>,
    /// The revision the caller looked at: where it changed since, nothing is moved.
    pub revision: Option<i64>,
}

/// Body of `POST /api/admin/allocations/{id}/end`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AllocationEnd {
    /// Why, for the history.
    pub note: Option<String>,
}

/// Body of `POST /api/customer/machines/{code}/renewal-requests`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RenewalRequestCreate {
    /// 1 to [`MAX_MONTHS`] months more.
    pub months: Option<u32>,
    pub message: Option<String>,
}

/// Body of `POST /api/admin/renewal-requests/{id}/decide`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RenewalDecision {
    pub approve: bool,
    /// Another end than was asked for.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub ends_at: Option<DateTime<Utc>>,
    /// A word to the customer; required when refused.
    pub answer: Option<String>,
}

word_enum! {
    /// Columns an allocation list can be sorted by.
    AllocationSort {
        Machine = "machine",
        Customer = "customer",
        State = "state",
        Starts = "startsAt",
        Ends = "endsAt",
        Created = "createdAt",
    }
}

/// Parameters of the allocation list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams, utoipa::ToSchema), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AllocationQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// `endsAt`, `-startsAt`, several with commas; what ends first on top and what is over last when absent.
    pub sort: Option<String>,
    /// Machine or customer, by name or code.
    pub q: Option<String>,
    pub state: Option<AllocationState>,
    pub customer_id: Option<CustomerId>,
    /// A machine's code.
    pub machine: Option<String>,
    /// Only those that end within so many days.
    pub days: Option<u32>,
    /// `true`: only those that are not over.
    pub held: Option<bool>,
    /// `false`: without how busy the machines are and how one gets onto them, for who looks again and again whether one stands
    /// otherwise.
    pub load: Option<bool>,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_load_is_of_all_gpus_and_of_now() {
        let gpu = |util, used| GpuFigures {
            util_percent: util,
            memory_used_bytes: Some(used),
            memory_total_bytes: Some(80),
            ..GpuFigures::default()
        };
        let lost = GpuFigures { lost: true, ..gpu(Some(0.0), 0) };
        let live = |presence, gpus| MachineLive {
            id: "a".to_owned(),
            presence,
            monitored: true,
            at: None,
            host: crate::metrics::HostFigures { cpu_percent: Some(12.4), ..Default::default() },
            gpus,
            processes: Vec::new(),
            processes_at: None,
        };
        let gpus = vec![gpu(Some(100.0), 80), gpu(Some(25.0), 0), gpu(None, 40), lost];
        let load = |util, memory| Some(MachineLoad { util_percent: util, memory_percent: memory });
        assert_eq!(MachineLoad::of(&live(Presence::Online, gpus.clone())), load(Some(63), Some(50)));
        assert_eq!(MachineLoad::of(&live(Presence::Offline, gpus)), None);
        assert_eq!(MachineLoad::of(&live(Presence::Online, Vec::new())), load(Some(12), None));
    }

    #[test]
    fn begun_days_count() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        assert_eq!(days_left(now, now), 0);
        assert_eq!(days_left(now - TimeDelta::days(3), now), 0);
        assert_eq!(days_left(now + TimeDelta::seconds(1), now), 1);
        assert_eq!(days_left(now + TimeDelta::days(1), now), 1);
        assert_eq!(days_left(now + TimeDelta::days(90), now), 90);
    }
}
