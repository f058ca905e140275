//! Background jobs as seen from outside.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::JobId;

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
