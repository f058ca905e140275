//! What the pages of jobs call.

use contract::jobs::{JobDetail, JobQuery, JobServer, JobStatistics, JobStatisticsQuery, JobStatus, JobView};
use contract::{ApiError, JobId, Page};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of jobs, the newest first.
#[server]
pub async fn list_jobs(#[server(default)] query: JobQuery) -> Result<Page<JobView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::jobs::list(&platform, &ctx, &query).await).await
}

/// One with its history.
#[server]
pub async fn get_job(id: JobId) -> Result<JobDetail, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::jobs::get(&platform, &ctx, id).await).await
}

/// How the queue stands.
#[server]
pub async fn read_job_status() -> Result<JobStatus, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::jobs::status(&platform, &ctx).await).await
}

/// The servers that have workers.
#[server]
pub async fn job_workers() -> Result<Vec<JobServer>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::jobs::workers(&platform, &ctx).await).await
}

/// What became of the jobs of the last hours.
#[server]
pub async fn read_job_statistics(#[server(default)] query: JobStatisticsQuery) -> Result<JobStatistics, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::jobs::statistics(&platform, &ctx, query).await).await
}

/// Stops one.
#[server]
pub async fn cancel_job(id: JobId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::jobs::cancel(&platform, &ctx, id).await;
    let page = paths::job(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// Lets a failed one run again.
#[server]
pub async fn retry_job(id: JobId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::jobs::retry(&platform, &ctx, id).await;
    let page = paths::job(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}
