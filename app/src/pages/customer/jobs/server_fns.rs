//! What the page of jobs calls.

use contract::files::{StorageView, UploadView};
use contract::jobs::{MyJobs, OwnJobQuery, OwnJobView};
use contract::{ApiError, JobId, Page, UploadId};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// One's customer's jobs, for its owners, or one's own.
#[server]
pub async fn list_own_jobs(#[server(default)] query: OwnJobQuery) -> Result<Page<OwnJobView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::jobs::list_own(&platform, &ctx, &query).await).await
}

/// What one wanted oneself.
#[server]
pub async fn read_my_jobs() -> Result<MyJobs, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::jobs::mine(&platform, &ctx).await).await
}

/// Gives up what one of them works on.
#[server]
pub async fn cancel_own_job(id: JobId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::jobs::cancel_own(&platform, &ctx, id).await;
    door::form_answer((&platform, &ctx), result, |_| paths::OWN_JOBS.to_owned(), paths::OWN_JOBS, Vec::new()).await
}

/// Lets a failed one run again.
#[server]
pub async fn retry_own_job(id: JobId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::jobs::retry_own(&platform, &ctx, id).await;
    door::form_answer((&platform, &ctx), result, |_| paths::OWN_JOBS.to_owned(), paths::OWN_JOBS, Vec::new()).await
}

/// What is on its way in.
#[server]
pub async fn list_uploads() -> Result<Vec<UploadView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::files::uploads(&platform, &ctx).await).await
}

/// What one's customer and oneself store.
#[server]
pub async fn read_storage() -> Result<StorageView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::quotas::storage(&platform, &ctx).await).await
}

/// Gives an upload up; what was sent is thrown away.
#[server]
pub async fn abort_upload(id: UploadId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::files::abort(&platform, &ctx, id).await;
    door::form_answer((&platform, &ctx), result, |()| paths::OWN_JOBS.to_owned(), paths::OWN_JOBS, Vec::new()).await
}
