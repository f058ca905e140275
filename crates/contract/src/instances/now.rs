//! What is true of an instance now, beside what it is made of: its price, and whether it is used.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;

/// What an hour costs: the price of its spec in force, by which the ledger counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstancePrice {
    /// A decimal number.
    pub per_hour: String,
    /// An ISO 4217 code.
    pub currency: String,
    /// The next price that is planned, where one is, and from when on.
    pub next_per_hour: Option<String>,
    pub next_from: Option<DateTime<Utc>>,
}

word_enum! {
    /// Why nobody can say whether an instance is used: then it is not stopped for it.
    IdleReason {
        /// Its machine reports nothing.
        NotReported = "not-reported",
        /// A GPU of it does not say how busy it is.
        NotMeasured = "not-measured",
        /// Its engine cannot be asked.
        NotReached = "not-reached",
        /// It was looked at once; a share of time needs two.
        FirstLook = "first-look",
    }
}

/// So long without use is not idle yet: figures are some seconds older than the look.
const MOMENT: TimeDelta = TimeDelta::minutes(2);

/// Whether an instance is used, and what becomes of it if it is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceIdle {
    /// It did nothing since then, as far as was seen; time in which nobody could look does not count.
    pub since: DateTime<Utc>,
    /// When it was looked at last.
    pub looked_at: DateTime<Utc>,
    /// Why that said nothing; absent: it did.
    pub unknown: Option<IdleReason>,
    /// Highest load of its GPUs since the look before, percent; absent where it has none.
    pub gpu_percent: Option<f32>,
    /// GPU memory of its own programs, bytes; absent where they are not listed.
    pub gpu_memory_bytes: Option<u64>,
    /// Where it has no GPU: percent of one core since the look before.
    pub cpu_percent: Option<f32>,
    /// Below this it is idle, percent.
    pub threshold_percent: u32,
    /// After so many hours without use it is stopped.
    pub after_hours: u32,
    /// When its people were warned.
    pub warned_at: Option<DateTime<Utc>>,
    /// When it is stopped unless it is used or kept; absent where that is not known.
    pub stops_at: Option<DateTime<Utc>>,
    pub kept: Option<IdleKeep>,
    /// Most hours that it can be kept.
    pub keep_at_most: u32,
}

impl InstanceIdle {
    /// It is not used now, as far as the last look could say.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unknown.is_none() && self.looked_at - self.since >= MOMENT
    }
}

/// Somebody keeps an instance that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdleKeep {
    pub until: DateTime<Utc>,
    pub by: String,
    pub because: String,
}

/// Body of `POST /api/customer/instances/{id}/keep`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceKeep {
    /// From now on; no more than the installation allows.
    pub hours: u32,
    /// Its customer reads it.
    pub because: String,
}
