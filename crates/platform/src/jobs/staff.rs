//! The queue as staff see it: what waits, runs and has ended, who works, and what can be stopped or done again.

use chrono::{DateTime, Utc};
use contract::jobs::{
    JobDetail, JobLane, JobLaneView, JobQuery, JobServer, JobState, JobStatistics, JobStatisticsQuery, JobStatus,
    JobView,
};
use contract::{ErrorCode, JobId, Page, Permission};
use serde_json::{Value, json};

use super::handlers::{can_be_cancelled, can_be_retried, comes_round, periodic_kinds, wanted_kinds};
use super::store::{self, Row};
use crate::authz::{CustomerRef, Granted, JobRef, ManageJob, ViewJob};
use crate::db::Tx;
use crate::exports::Pages;
use crate::{Error, OpContext, Platform, Result, accounts, audit, customers};

/// How far back statistics reach where nothing is said, and at most: what has ended is kept for so long.
const HOURS: (u32, u32) = (24, 168);

/// Waiting, running and finished jobs, newest first.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &JobQuery) -> Result<Page<JobView>> {
    let filter = filter(ctx, query)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::list(&mut tx, &filter, page, page_size).await?;
    let total = store::count(&mut tx, &filter).await?;
    let list = views(&mut tx, ctx, rows).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Says in the log who takes the list away.
///
/// # Errors
/// As the list's.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &JobQuery) -> Result<()> {
    filter(&ctx.trying_new("jobs:export", "job"), query)?;
    audit::record_export(platform, ctx, ("jobs:export", "job"), None, query).await
}

/// Every job of these filters, as they all were at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As the list's, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &JobQuery,
    mut take: impl FnMut(JobView) -> Result<()> + Send,
) -> Result<bool> {
    let mut filter = filter(ctx, query)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some((_, size)) = pages.wanted() {
        let rows = store::list(&mut tx, &filter, 1, size).await?;
        filter.before = rows.last().map(|last| last.id).or(filter.before);
        pages.hand_on(views(&mut tx, ctx, rows).await?, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// One job with what happened to it.
pub async fn get(platform: &Platform, ctx: &OpContext, id: JobId) -> Result<JobDetail> {
    ctx.authorize_list::<JobRef>(Permission::JobsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (row, _) = store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    ctx.authorize(ViewJob, &resource(&row))?;
    let detail = detail(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(detail)
}

/// Stops one: a waiting one at once, a running one at its next sign of life.
///
/// # Errors
/// `WrongState` for what has ended, is being stopped, or would leave what it works on waiting for ever.
pub async fn cancel(platform: &Platform, ctx: &OpContext, id: JobId) -> Result<JobDetail> {
    let ctx = &ctx.trying_on("jobs:cancel", "job", id);
    let mut tx = platform.db().begin(ctx).await?;
    let (row, _, stopping) = managed(&mut tx, ctx, id).await?;
    may_be_cancelled(&row, stopping)?;
    // It may have ended just now.
    if !store::request_cancel(&mut tx, id).await? {
        return Err(ended());
    }
    let after = match row.state {
        JobState::Ready => json!({ "kind": row.kind, "state": JobState::Cancelled, "attempt": row.attempt }),
        _ => json!({ "kind": row.kind, "state": row.state, "attempt": row.attempt, "stopping": true }),
    };
    record(&mut tx, ctx, "jobs:cancel", &row, after).await?;
    let detail = detail(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(detail)
}

/// Lets a failed one run again, from its beginning and with all its attempts.
///
/// # Errors
/// `WrongState` for what has not failed, what comes round by itself, what would find nothing to do, and letters that
/// are asked for again by now.
pub async fn retry(platform: &Platform, ctx: &OpContext, id: JobId) -> Result<JobDetail> {
    let ctx = &ctx.trying_on("jobs:retry", "job", id);
    let mut tx = platform.db().begin(ctx).await?;
    let (row, granted, _) = managed(&mut tx, ctx, id).await?;
    may_be_retried(&row, ctx.now())?;
    if !store::requeue(&mut tx, &granted).await? {
        return Err(not_failed());
    }
    let after = json!({ "kind": row.kind, "state": JobState::Ready, "attempt": 0 });
    record(&mut tx, ctx, "jobs:retry", &row, after).await?;
    let detail = detail(&mut tx, ctx, id).await?;
    tx.commit().await?;
    platform.bell().notify_one();
    Ok(detail)
}

/// How the queue stands.
pub async fn status(platform: &Platform, ctx: &OpContext) -> Result<JobStatus> {
    ctx.authorize_list::<JobRef>(Permission::JobsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let status = store::status(&mut tx).await?;
    tx.commit().await?;
    Ok(status)
}

/// The servers with workers, those that were silent for less than a day included, and what their workers hold.
pub async fn workers(platform: &Platform, ctx: &OpContext) -> Result<Vec<JobServer>> {
    ctx.authorize_list::<JobRef>(Permission::JobsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let servers = store::servers(&mut tx).await?;
    let held = store::held(&mut tx).await?;
    tx.commit().await?;
    let server = servers.into_iter().map(|server| {
        let id = server.id.to_string();
        let of_it = held.iter().filter(|(worker, _)| worker.split('/').next() == Some(id.as_str()));
        let lanes = JobLane::ALL.iter().filter_map(|lane| {
            let workers = server.lanes.get(lane.code())?.as_u64()?;
            Some(JobLaneView { lane: *lane, workers: u32::try_from(workers).ok()? })
        });
        JobServer {
            running: of_it.map(|(_, held)| held.clone()).collect(),
            lanes: lanes.collect(),
            id,
            host: server.host,
            version: server.version,
            alive: server.alive,
            started_at: server.started_at,
            seen_at: server.seen_at,
        }
    });
    Ok(server.collect())
}

/// What became of the jobs of the last hours, by kind.
///
/// # Errors
/// `Validation` for hours beyond what is kept.
pub async fn statistics(platform: &Platform, ctx: &OpContext, query: JobStatisticsQuery) -> Result<JobStatistics> {
    ctx.authorize_list::<JobRef>(Permission::JobsView)?;
    let hours = query.hours.unwrap_or(HOURS.0);
    if !(1..=HOURS.1).contains(&hours) {
        return Err(Error::field("hours", "field-job-hours"));
    }
    let mut tx = platform.db().begin(ctx).await?;
    let kinds = store::statistics(&mut tx, hours.try_into().map_err(Error::internal)?).await?;
    tx.commit().await?;
    Ok(JobStatistics { hours, kinds })
}

/// What the filters of a list mean; whom a job is for, only those who see customers ask.
fn filter(ctx: &OpContext, query: &JobQuery) -> Result<store::Filter> {
    ctx.authorize_list::<JobRef>(Permission::JobsView)?;
    if query.customer_id.is_some() {
        ctx.authorize_many::<CustomerRef>(Permission::CustomersManage)?;
    }
    let kinds = match (&query.kind, query.periodic) {
        (Some(kind), _) if !kind.is_empty() => Some(vec![kind.clone()]),
        (_, Some(true)) => Some(periodic_kinds().map(str::to_owned).collect()),
        // Named as well, and not as all the others: an index finds them among what comes round every few seconds.
        (_, Some(false)) => Some(wanted_kinds().map(str::to_owned).collect()),
        (_, None) => None,
    };
    Ok(store::Filter {
        kinds,
        state: query.state,
        outcome: query.outcome,
        customer: query.customer_id,
        from: query.from,
        until: query.until,
        ..store::Filter::default()
    })
}

fn resource(row: &Row) -> JobRef {
    JobRef { customer: row.customer, ..JobRef::of_platform(row.id) }
}

/// To change it; and whether somebody has asked it to stop.
async fn managed(tx: &mut Tx, ctx: &OpContext, id: JobId) -> Result<(Row, Granted<ManageJob>, bool)> {
    let (row, more) = match store::find(tx, id).await? {
        Some(found) => found,
        // Whoever may change none is told that, not that this one is not there.
        None => {
            ctx.authorize(ManageJob, &JobRef::of_platform(id))?;
            return Err(Error::not_found());
        }
    };
    let granted = ctx.authorize(ManageJob, &resource(&row))?;
    Ok((row, granted, more.stopping))
}

async fn detail(tx: &mut Tx, ctx: &OpContext, id: JobId) -> Result<JobDetail> {
    let (row, more) = store::find(tx, id).await?.ok_or_else(Error::not_found)?;
    let permitted = ctx.holds(Permission::JobsManage);
    Ok(JobDetail {
        priority: more.priority,
        periodic: comes_round(&row.kind),
        worker: more.worker,
        heartbeat_at: more.heartbeat_at,
        lease_until: more.lease_until,
        stopping: more.stopping,
        events: store::events(tx, id).await?,
        may_cancel: crate::may(ctx, permitted, may_be_cancelled(&row, more.stopping))?,
        may_retry: crate::may(ctx, permitted, may_be_retried(&row, ctx.now()))?,
        job: views(tx, ctx, vec![row]).await?.pop().ok_or_else(Error::not_found)?,
    })
}

/// Whoever asks the queue to leave something undone is told where it can be given up as a whole.
fn may_be_cancelled(row: &Row, stopping: bool) -> Result<()> {
    match row.state {
        JobState::Done | JobState::Failed | JobState::Cancelled => Err(ended()),
        JobState::Ready | JobState::Running if !can_be_cancelled(&row.kind) => Err(works_on_something()),
        JobState::Running if stopping => Err(is_stopping()),
        JobState::Ready | JobState::Running => Ok(()),
    }
}

/// A letter that was asked for longer ago than its link works is nobody's wish any more.
pub(super) fn may_be_retried(row: &Row, now: DateTime<Utc>) -> Result<()> {
    match row.state {
        JobState::Failed if comes_round(&row.kind) => {
            Err(Error::new(ErrorCode::WrongState).with_key("error-job-comes-round"))
        }
        JobState::Failed if !can_be_retried(&row.kind) => {
            Err(Error::new(ErrorCode::WrongState).with_key("error-job-nothing-left"))
        }
        JobState::Failed if accounts::link_life(&row.kind).is_some_and(|life| now - row.created_at > life) => {
            Err(Error::new(ErrorCode::WrongState).with_key("error-job-letter-old"))
        }
        JobState::Failed => Ok(()),
        _ => Err(not_failed()),
    }
}

pub(super) fn ended() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-job-ended")
}

pub(super) fn is_stopping() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-job-stopping")
}

/// That is given up where it was begun.
pub(super) fn works_on_something() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-job-not-cancellable")
}

pub(super) fn not_failed() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-job-not-failed")
}

/// With the names of whom they are for and of who wanted them, for who sees customers and people.
async fn views(tx: &mut Tx, ctx: &OpContext, rows: Vec<Row>) -> Result<Vec<JobView>> {
    let (sees_customers, sees_people) =
        (ctx.holds_everywhere(Permission::CustomersManage), ctx.holds_everywhere(Permission::UsersView));
    let ids: Vec<i64> = rows.iter().filter_map(|row| row.customer).filter(|_| sees_customers).map(|id| id.0).collect();
    let customers = customers::names(tx, &ids).await?;
    let ids: Vec<i64> = rows.iter().filter_map(|row| row.person).filter(|_| sees_people).map(|id| id.0).collect();
    let people = accounts::names(tx, &ids).await?;
    let view = rows.into_iter().map(|row| JobView {
        outcome: row.outcome(),
        customer_id: row.customer.filter(|_| sees_customers),
        customer_name: row.customer.and_then(|id| customers.get(&id.0).cloned()),
        person: row.person.and_then(|id| people.get(&id.0).cloned()),
        id: row.id,
        kind: row.kind,
        state: row.state,
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        progress: row.progress,
        message: row.message,
        run_at: row.run_at,
        created_at: row.created_at,
        finished_at: row.finished_at,
    });
    Ok(view.collect())
}

/// A customer reads of it where it is one's own.
pub(super) async fn record(tx: &mut Tx, ctx: &OpContext, action: &'static str, row: &Row, after: Value) -> Result<()> {
    let before = json!({ "kind": row.kind, "state": row.state, "attempt": row.attempt });
    let entry = audit::Entry {
        action,
        target_kind: "job",
        target_id: Some(row.id.to_string()),
        customer: row.customer,
        before: Some(before),
        after: Some(after),
    };
    audit::record_in_tx(tx, ctx, entry).await
}
