//! /api/admin/jobs.

use axum::response::Response;
use contract::jobs::{JobQuery, JobView};
use contract::{Envelope, Page};
use platform::jobs;

use crate::rest::{Params, Rest};

/// Background jobs, newest first.
#[utoipa::path(get, path = "/api/admin/jobs", tag = "jobs", params(JobQuery),
    responses((status = 200, body = Envelope<Page<JobView>>)))]
pub async fn list(rest: Rest, Params(query): Params<JobQuery>) -> Response {
    rest.answer(jobs::list(&rest.platform, &rest.ctx, &query).await).await
}
