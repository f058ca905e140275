//! What an instance says and uses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::InstanceDisks;

/// Most lines of a log that are asked for at once.
pub const MAX_LOG_LINES: u32 = 2000;

/// A line that an instance wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceLogLine {
    pub at: Option<DateTime<Utc>>,
    /// It went to the program's errors.
    pub error: bool,
    /// As it was written, colours and cursors too; at most 8 KiB of it. Of what carriage returns write over, the oldest goes first.
    pub text: String,
    /// There was more of it than that.
    #[serde(default)]
    pub cut: bool,
}

/// Parameters of `GET …/instances/{id}/logs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct InstanceLogQuery {
    /// So many lines before the end, 200 when absent, at most 2000.
    pub tail: Option<u32>,
    /// The `mark` of an answer before: what was said since.
    pub after: Option<String>,
}

/// Parameters of the same of anybody's, for staff.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StaffLogQuery {
    /// Why it is read, at least 5 characters that are no blanks; its customer reads this in their own log.
    pub reason: String,
    /// So many lines before the end, 200 when absent, at most 2000.
    pub tail: Option<u32>,
    /// The `mark` of an answer before: what was said since.
    pub after: Option<String>,
}

/// What an instance says, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceLogs {
    pub lines: Vec<InstanceLogLine>,
    /// What there is of lines that have no end yet, such as a progress bar: one of its outputs each at most, and none of `lines`.
    /// They take the place of those of the answer before. Engines tell of them every 16 KiB.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<InstanceLogLine>,
    /// To be asked with as `after`, for what is said next; absent while nothing was said, and where nothing more will be.
    pub mark: Option<String>,
    /// There is more already.
    pub more: bool,
    /// When its last lines were kept: its container is gone.
    pub kept_at: Option<DateTime<Utc>>,
}

/// From `/ws/instances/{id}/logs`, beside `pong` and `bye` of [`crate::live::ServerMessage`]: the end of what was said,
/// then what comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum LogsMessage {
    Snapshot { topic: String, epoch: String, seq: u64, data: InstanceLogs },
    Delta { topic: String, epoch: String, seq: u64, data: InstanceLogs },
}

/// What an instance uses now; what its engine or the kernel there does not count is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceStats {
    pub at: DateTime<Utc>,
    /// Of one core: 200 is two of them.
    pub cpu_percent: Option<f64>,
    /// Bytes, without the files that the kernel could forget at once.
    pub memory_usage: Option<u64>,
    /// Bytes.
    pub memory_limit: Option<u64>,
    pub memory_percent: Option<f64>,
    /// Bytes received since it was started.
    pub network_rx: Option<u64>,
    /// Bytes sent since it was started.
    pub network_tx: Option<u64>,
    /// Bytes read from disks since it was started.
    pub block_read: Option<u64>,
    /// Bytes written to disks since it was started.
    pub block_write: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// How much of its disks it takes, as it was measured last; absent while it was not.
    #[serde(default)]
    pub disks: Option<InstanceDisks>,
    /// The GPUs it has, or has a part of, as the agent there measures them; empty where nobody measures now.
    #[serde(default)]
    pub gpus: Vec<InstanceGpuStats>,
}

/// What becomes of a GPU that an instance has, or has a part of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceGpuStats {
    /// On its machine.
    pub index: u32,
    pub model: String,
    /// It has only a part of it: the utilisation is everybody's there, the memory its own programs'.
    pub shared: bool,
    pub util_percent: Option<f32>,
    pub memory_used_bytes: Option<u64>,
    /// All of the card, or its part.
    pub memory_limit_bytes: Option<u64>,
}
