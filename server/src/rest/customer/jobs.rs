//! /api/customer/jobs: what is done in the background for one's customer; and what it stores.

use axum::response::Response;
use contract::files::StorageView;
use contract::jobs::{OwnJobQuery, OwnJobView};
use contract::{Envelope, Page};
use platform::{jobs, quotas};

use crate::rest::{Params, Rest};

/// One's customer's jobs for its owners, or one's own, the newest first; what has ended is kept for seven days.
#[utoipa::path(get, path = "/api/customer/jobs", tag = "jobs", params(OwnJobQuery),
    responses((status = 200, body = Envelope<Page<OwnJobView>>)))]
pub async fn list(rest: Rest, Params(query): Params<OwnJobQuery>) -> Response {
    rest.answer(jobs::list_own(&rest.platform, &rest.ctx, &query).await).await
}

/// What one's customer, and oneself, store, with what is on its way in, beside the limits.
#[utoipa::path(get, path = "/api/customer/storage/quota", tag = "files",
    responses((status = 200, body = Envelope<StorageView>)))]
pub async fn storage(rest: Rest) -> Response {
    rest.answer(quotas::storage(&rest.platform, &rest.ctx).await).await
}
