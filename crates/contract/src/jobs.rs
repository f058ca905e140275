//! Background jobs as seen from outside.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{CustomerId, JobId, May};

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

/// One job, as staff see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    pub id: JobId,
    pub kind: String,
    pub state: JobState,
    /// As `state`, and `failed` where the job did its work and what it was about failed.
    pub outcome: JobState,
    /// Attempts started so far.
    pub attempt: i32,
    pub max_attempts: i32,
    /// 0 to 100 where the job reports it.
    pub progress: Option<f32>,
    /// Last message: what it is doing, or why it failed.
    pub message: Option<String>,
    /// Whom it is done for; for those who see customers.
    pub customer_id: Option<CustomerId>,
    pub customer_name: Option<String>,
    /// Who wanted it; for those who see people.
    pub person: Option<String>,
    /// It is not tried before.
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
    pub state: Option<JobState>,
    /// As `state`, but what did its work while what it was about failed is found as `failed`.
    pub outcome: Option<JobState>,
    /// True: only what comes round by the clock; false: only what somebody or something began.
    pub periodic: Option<bool>,
    /// Whom it is done for; for those who see customers.
    pub customer_id: Option<CustomerId>,
    /// Added then or later …
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// … and before this.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
}

word_enum! {
    /// What happened to a job.
    JobEventKind {
        Queued = "queued",
        Started = "started",
        Progress = "progress",
        /// An attempt failed, and another comes.
        Retried = "retried",
        /// Its worker was silent for too long, and another took it.
        TakenOver = "taken_over",
        /// Its server stopped and gave it back.
        Released = "released",
        /// It had failed, and somebody let it run again.
        Requeued = "requeued",
        Done = "done",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobEventView {
    pub at: DateTime<Utc>,
    /// 0 before the first.
    pub attempt: i32,
    pub kind: JobEventKind,
    /// Why, or which worker.
    pub message: Option<String>,
}

/// A job with its history, and what may be done with it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobDetail {
    pub job: JobView,
    /// Higher runs first.
    pub priority: i32,
    /// Comes round by the clock.
    pub periodic: bool,
    /// Who holds it: `<server>/<worker>`.
    pub worker: Option<String>,
    /// The worker's last sign of life.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// Another may take it from then on.
    pub lease_until: Option<DateTime<Utc>>,
    /// Somebody asked it to stop; it does at its next sign of life.
    pub stopping: bool,
    /// The oldest first, at most two hundred.
    pub events: Vec<JobEventView>,
    pub may_cancel: May,
    pub may_retry: May,
}

/// How the queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// What waits, its time come or not.
    pub waiting: u64,
    /// What waits though its time has come.
    pub due: u64,
    /// For how long the oldest of these does, seconds.
    pub due_seconds: Option<i64>,
    pub running: u64,
    /// Failed in the last 24 hours: given up, or done while what they were about failed.
    pub failed_lately: u64,
    /// Servers that were heard from in the last 15 seconds.
    pub servers: u64,
}

word_enum! {
    /// Which jobs a worker takes. What may take hours has workers of its own, so that it holds up nothing but its like.
    JobLane {
        /// Everything that ends soon: what comes round by the clock, mail, what people wait for.
        Short = "short",
        /// Large uploads that are read back.
        Uploads = "uploads",
        /// Images on their way to machines, and from them.
        Copies = "copies",
        /// Instances: engines may take their time.
        Instances = "instances",
    }
}

/// Workers of one lane in one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobLaneView {
    pub lane: JobLane,
    pub workers: u32,
}

/// A job that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobHeld {
    pub id: JobId,
    pub kind: String,
    pub attempt: i32,
    /// The worker's last sign of life.
    pub heartbeat_at: Option<DateTime<Utc>>,
    pub lease_until: Option<DateTime<Utc>>,
}

/// A server with its workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobServer {
    /// Another one after every start.
    pub id: String,
    pub host: String,
    pub version: String,
    /// Heard from in the last 15 seconds.
    pub alive: bool,
    pub started_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub lanes: Vec<JobLaneView>,
    /// What its workers hold now.
    pub running: Vec<JobHeld>,
}

/// Parameters of the statistics of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct JobStatisticsQuery {
    /// How far back, 1 to 168; 24 when absent. What comes round every few seconds is kept for an hour.
    pub hours: Option<u32>,
}

/// What became of the jobs of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobKindStatistics {
    pub kind: String,
    pub waiting: u64,
    pub running: u64,
    pub done: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Of those that are done: what they were about failed.
    pub things_failed: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// From the beginning of the last attempt to the end, seconds.
    pub mean_seconds: Option<f64>,
    pub longest_seconds: Option<f64>,
}

/// What became of the jobs that ended in a time, by kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobStatistics {
    pub hours: u32,
    pub kinds: Vec<JobKindStatistics>,
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
    /// It did not come to be, or failed since.
    pub failed: bool,
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
    /// As `state`, and `failed` where the job did its work and what it was about failed.
    pub outcome: JobState,
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
    /// What it works on can be given up now.
    #[serde(default)]
    pub may_cancel: May,
    #[serde(default)]
    pub may_retry: May,
}

/// A job that one wanted oneself, in the reader's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MyJob {
    pub id: JobId,
    /// What is done.
    pub title: String,
    /// What it is about, by name.
    pub about: Option<String>,
    /// How it goes or came out: `failed`, too, where the job did its work and what it was about failed.
    pub state: JobState,
    /// The same as a word.
    pub says: String,
    /// Why what it is about failed.
    pub message: Option<String>,
    /// 0 to 100, where it is known.
    pub progress: Option<u8>,
    /// The page of what it is about, or of the job.
    pub link: String,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Answer of `GET /api/customer/jobs/mine`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MyJobs {
    /// How many wait or run.
    pub going: u64,
    /// These first, then what ended last; ten in all.
    pub list: Vec<MyJob>,
}

/// How one's own jobs stand, as open pages hear it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyJobsMark {
    /// How many wait or run.
    pub going: u64,
    /// Another number when one of them stands otherwise.
    pub mark: i64,
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
    /// As `state`, but what did its work while what it was about failed is found as `failed`.
    pub outcome: Option<JobState>,
}
