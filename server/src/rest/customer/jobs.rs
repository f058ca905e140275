//! /api/customer/jobs: what is done in the background for one's customer; and what it stores.

use axum::response::Response;
use contract::files::StorageView;
use contract::jobs::{MyJobs, OwnJobQuery, OwnJobView};
use contract::{Envelope, JobId, Page};
use platform::{jobs, quotas};

use crate::rest::{Params, Part, Rest};

/// One's customer's jobs for its owners, or one's own, the newest first; what has ended is kept for seven days.
#[utoipa::path(get, path = "/api/customer/jobs", tag = "jobs", params(OwnJobQuery),
    responses((status = 200, body = Envelope<Page<OwnJobView>>)))]
pub async fn list(rest: Rest, Params(query): Params<OwnJobQuery>) -> Response {
    rest.answer(jobs::list_own(&rest.platform, &rest.ctx, &query).await).await
}

/// What one wanted oneself: what is under way, then what ended last. For staff that is theirs, whomever it is for.
#[utoipa::path(get, path = "/api/customer/jobs/mine", tag = "jobs",
    responses((status = 200, body = Envelope<MyJobs>)))]
pub async fn mine(rest: Rest) -> Response {
    rest.answer(jobs::mine(&rest.platform, &rest.ctx).await).await
}

/// Gives up what one of them works on, where that can be given up as a whole: an image that is being made of an instance.
#[utoipa::path(post, path = "/api/customer/jobs/{id}/cancel", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Envelope<OwnJobView>),
        (status = 422, description = "1402: it has ended, or is given up where it was begun")))]
pub async fn cancel(rest: Rest, Part(id): Part<JobId>) -> Response {
    rest.answer(jobs::cancel_own(&rest.platform, &rest.ctx, id).await).await
}

/// Lets a failed one run again, under its id.
#[utoipa::path(post, path = "/api/customer/jobs/{id}/retry", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Envelope<OwnJobView>),
        (status = 422, description = "1402: it has not failed, or would find nothing to do")))]
pub async fn retry(rest: Rest, Part(id): Part<JobId>) -> Response {
    rest.answer(jobs::retry_own(&rest.platform, &rest.ctx, id).await).await
}

/// What one's customer, and oneself, store, with what is on its way in, beside the limits.
#[utoipa::path(get, path = "/api/customer/storage/quota", tag = "files",
    responses((status = 200, body = Envelope<StorageView>)))]
pub async fn storage(rest: Rest) -> Response {
    rest.answer(quotas::storage(&rest.platform, &rest.ctx).await).await
}
