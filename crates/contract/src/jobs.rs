//! Background jobs as seen from outside.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::JobId;
use crate::machines::word_enum;

word_enum! {
    /// Where a job stands.
    JobState {
        /// Waits for its turn, or for the next try.
        Ready = "ready",
        Running = "running",
        Done = "done",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

word_enum! {
    /// What is done for customers in the background.
    OwnJobKind {
        /// A large upload is read back and becomes a file.
        Upload = "files-assemble",
        /// An instance is made, started, stopped or deleted.
        Instance = "instance-apply",
        /// An instance is kept as an image.
        Save = "instance-save",
    }
}

impl OwnJobKind {
    /// What it is about; the prefix of the texts of its states.
    pub fn subject(self) -> &'static str {
        match self {
            OwnJobKind::Upload => "upload",
            OwnJobKind::Instance => "instance",
            OwnJobKind::Save => "save",
        }
    }
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    pub id: JobId,
    pub kind: String,
    /// `ready`, `running`, `done`, `failed`, `cancelled`.
    pub state: String,
    /// Attempts started so far.
    pub attempt: i32,
    pub max_attempts: i32,
    /// 0 to 100 where the job reports it.
    pub progress: Option<f32>,
    /// Last message: what it is doing, or why it failed.
    pub message: Option<String>,
    pub run_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Filters of the job list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct JobQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    pub kind: Option<String>,
    pub state: Option<String>,
}

/// What a job is about, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobSubject {
    /// `upload`, `instance` or `save`.
    pub kind: String,
    pub name: String,
    /// A state of such a thing: an instance that could not be made is `failed` though its job is done.
    pub state: String,
    /// Why it failed, in the caller's language.
    pub message: Option<String>,
    /// The page of it.
    pub link: Option<String>,
}

/// A job as whose it is sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OwnJobView {
    pub id: JobId,
    pub kind: OwnJobKind,
    pub state: JobState,
    /// Attempts started so far; more than one where one did not go well.
    pub attempt: i32,
    pub max_attempts: i32,
    /// 0 to 100, where it is known.
    pub progress: Option<u8>,
    /// Absent once there is no such thing any more.
    pub subject: Option<JobSubject>,
    /// Whose it is, for owners; absent where nobody wanted it.
    pub person: Option<String>,
    /// It is not tried before.
    pub run_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Filters of the list of one's customer's jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OwnJobQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    pub kind: Option<OwnJobKind>,
    pub state: Option<JobState>,
}
