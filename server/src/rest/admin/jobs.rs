//! /api/admin/jobs: the queue, what becomes of it, and who works at it.

use axum::response::Response;
use contract::jobs::{JobDetail, JobQuery, JobServer, JobStatistics, JobStatisticsQuery, JobStatus, JobView};
use contract::{Envelope, JobId, Page};
use platform::jobs;
use sheets::write::Kind;

use crate::rest::workbook::{AsWorkbook, List, download, say};
use crate::rest::{Params, Part, Rest};

/// Background jobs, newest first; what has ended is kept for seven days, and of what comes round every few seconds for an hour.
#[utoipa::path(get, path = "/api/admin/jobs", tag = "jobs", params(JobQuery),
    responses((status = 200, body = Envelope<Page<JobView>>)))]
pub async fn list(rest: Rest, workbook: AsWorkbook, Params(query): Params<JobQuery>) -> Response {
    if workbook.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(jobs::list(&rest.platform, &rest.ctx, &query).await).await
}

/// The jobs of these filters as a workbook.
#[utoipa::path(get, path = "/api/admin/jobs/export", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<JobQuery>) -> Response {
    let built = async {
        jobs::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let columns = [
            ("jobs-id", 12.0, Kind::Number),
            ("jobs-kind", 28.0, Kind::Text),
            ("jobs-code", 24.0, Kind::Text),
            ("own-jobs-state", 12.0, Kind::Text),
            ("jobs-outcome", 12.0, Kind::Text),
            ("jobs-attempts", 12.0, Kind::Number),
            ("jobs-message", 40.0, Kind::Text),
            ("jobs-customer", 24.0, Kind::Text),
            ("own-jobs-person", 20.0, Kind::Text),
            ("own-jobs-added", 20.0, Kind::DateTime),
            ("own-jobs-ended", 20.0, Kind::DateTime),
        ];
        let mut list = List::new(language, "jobs-title", &columns)?;
        let word = |state: contract::jobs::JobState| say(language, &format!("job-state-{}", state.code()), &[]);
        let cut = jobs::export(&rest.platform, &rest.ctx, &query, |job| {
            list.row(&[
                job.id.0.unsigned_abs().into(),
                app::words::job_kind(language, &job.kind).into(),
                job.kind.into(),
                word(job.state).into(),
                word(job.outcome).into(),
                u64::from(job.attempt.unsigned_abs()).into(),
                job.message.into(),
                job.customer_name.into(),
                job.person.into(),
                job.created_at.into(),
                job.finished_at.into(),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "jobs").await
}

/// One with its history, and what may be done with it.
#[utoipa::path(get, path = "/api/admin/jobs/{id}", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Envelope<JobDetail>)))]
pub async fn get(rest: Rest, Part(id): Part<JobId>) -> Response {
    rest.answer(jobs::get(&rest.platform, &rest.ctx, id).await).await
}

/// Stops one: a waiting one at once, a running one within seconds.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/cancel", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Envelope<JobDetail>),
        (status = 422, description = "1402: it has ended, or is given up where it was begun")))]
pub async fn cancel(rest: Rest, Part(id): Part<JobId>) -> Response {
    rest.answer(jobs::cancel(&rest.platform, &rest.ctx, id).await).await
}

/// Lets a failed one run again, under its id.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/retry", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Envelope<JobDetail>), (status = 422, description = "1402: it has not failed")))]
pub async fn retry(rest: Rest, Part(id): Part<JobId>) -> Response {
    rest.answer(jobs::retry(&rest.platform, &rest.ctx, id).await).await
}

/// How the queue stands.
#[utoipa::path(get, path = "/api/admin/jobs/status", tag = "jobs",
    responses((status = 200, body = Envelope<JobStatus>)))]
pub async fn status(rest: Rest) -> Response {
    rest.answer(jobs::status(&rest.platform, &rest.ctx).await).await
}

/// The servers that have workers, and what these hold now.
#[utoipa::path(get, path = "/api/admin/jobs/workers", tag = "jobs",
    responses((status = 200, body = Envelope<Vec<JobServer>>)))]
pub async fn workers(rest: Rest) -> Response {
    rest.answer(jobs::workers(&rest.platform, &rest.ctx).await).await
}

/// What became of the jobs of the last hours, by kind.
#[utoipa::path(get, path = "/api/admin/jobs/statistics", tag = "jobs", params(JobStatisticsQuery),
    responses((status = 200, body = Envelope<JobStatistics>)))]
pub async fn statistics(rest: Rest, Params(query): Params<JobStatisticsQuery>) -> Response {
    rest.answer(jobs::statistics(&rest.platform, &rest.ctx, query).await).await
}
