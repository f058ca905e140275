//! How much of its disks an instance takes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;

word_enum! {
    /// How full the fuller one of an instance's disks is.
    DiskState {
        Fine = "fine",
        /// Nine tenths of what its spec has, or more.
        Near = "near",
        /// All of it, or more: nothing refuses that.
        Full = "full",
        /// Its engine does not say it now; what is said beside is what it said last.
        Unknown = "unknown",
    }
}

/// How much of its disks an instance takes, as it was measured last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceDisks {
    pub state: DiskState,
    /// When what is said here was measured, the older one of both.
    pub measured_at: DateTime<Utc>,
    /// Bytes that were written in its container beside the data disk; absent where it had none then.
    pub system_bytes: Option<u64>,
    /// What its spec has for that.
    pub system_limit_bytes: u64,
    /// Bytes on its data disk; absent where it had none then.
    pub data_bytes: Option<u64>,
    /// What its spec has for that; 0 where it has none.
    pub data_limit_bytes: u64,
}
