//! What staff see of the queue and do with it: one job, the servers that work, and what became of how many.

use chrono::{DateTime, Utc};
use contract::JobId;
use contract::jobs::{JobEventKind, JobEventView, JobHeld, JobKindStatistics, JobStatus};
use uuid::Uuid;

use super::list::{Row, one};
use crate::authz::{Action, Granted, Resource};
use crate::db::Tx;
use crate::{Error, Result};

/// Events of a job that are shown.
const MOST_EVENTS: i64 = 200;

/// What a job has beside what lists show.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct More {
    pub priority: i32,
    pub worker: Option<String>,
    pub heartbeat_at: Option<DateTime<Utc>>,
    pub lease_until: Option<DateTime<Utc>>,
    pub stopping: bool,
}

/// A job, wherever it lies.
pub(in crate::jobs) async fn find(tx: &mut Tx, id: JobId) -> Result<Option<(Row, More)>> {
    let Some(row) = one(tx, id).await? else { return Ok(None) };
    let more = sqlx::query!(
        r#"select priority as "priority!", lease_owner, heartbeat_at, lease_until,
                  cancel_requested_at is not null as "stopping!"
           from jobs where id = $1
           union all
           select priority as "priority!", null::text, null::timestamptz, null::timestamptz, false
           from finished_jobs where id = $1"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let more = more.map(|more| More {
        priority: more.priority,
        worker: more.lease_owner,
        heartbeat_at: more.heartbeat_at,
        lease_until: more.lease_until,
        stopping: more.stopping,
    });
    Ok(Some((row, more.unwrap_or_default())))
}

/// The oldest first.
pub(in crate::jobs) async fn events(tx: &mut Tx, id: JobId) -> Result<Vec<JobEventView>> {
    let rows = sqlx::query!(
        "select at, attempt, kind, message from job_events where job_id = $1 order by id limit $2",
        id.0,
        MOST_EVENTS
    )
    .fetch_all(&mut **tx)
    .await?;
    let event = rows.into_iter().map(|row| {
        let unknown = || Error::internal(format!("unknown event of a job {}", row.kind));
        let kind = JobEventKind::parse(&row.kind).ok_or_else(unknown)?;
        Ok(JobEventView { at: row.at, attempt: row.attempt, kind, message: row.message })
    });
    event.collect()
}

/// Lets a failed job run again, as the same one: with its history, and with the key that keeps it from being added twice.
/// False when it has not failed.
pub(in crate::jobs) async fn requeue<A>(tx: &mut Tx, granted: &Granted<A>) -> Result<bool>
where
    A: Action,
    A::Resource: Resource<Id = JobId>,
{
    let done = sqlx::query!(
        "with back as (
           delete from finished_jobs where id = $1 and state = 'failed' returning *
         ), added as (
           insert into jobs (id, kind, payload, priority, run_at, max_attempts, idempotency_key, subject_kind, subject_id,
                             customer_id, user_id, near_machine_id, created_at)
           overriding system value
           select id, kind, payload, priority, now(), max_attempts, idempotency_key, subject_kind, subject_id,
                  customer_id, user_id, near_machine_id, created_at from back
           returning id
         )
         insert into job_events (job_id, attempt, kind) select id, 0, 'requeued' from added",
        granted.id().0
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What stands behind another of its sequence is not due: no worker is missing for it.
pub(in crate::jobs) async fn status(tx: &mut Tx) -> Result<JobStatus> {
    let row = sqlx::query!(
        r#"with due as (
             select run_at from jobs where state = 'ready' and run_at <= now()
             and not exists (select from jobs e where e.sequence_key = jobs.sequence_key and e.id < jobs.id
                             and (e.state = 'running' or e.attempt > 0 or e.run_at <= now()))
           )
           select (select count(*) from jobs where state = 'ready') as "waiting!",
                  (select count(*) from due) as "due!",
                  (select extract(epoch from now() - min(run_at))::bigint from due) as due_seconds,
                  (select count(*) from jobs where state = 'running') as "running!",
                  (select count(*) from finished_jobs
                   where (state = 'failed' or thing_failed) and finished_at > now() - interval '24 hours') as "failed!",
                  (select count(*) from job_servers where seen_at > now() - interval '15 seconds') as "servers!""#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(JobStatus {
        waiting: row.waiting.unsigned_abs(),
        due: row.due.unsigned_abs(),
        due_seconds: row.due_seconds,
        running: row.running.unsigned_abs(),
        failed_lately: row.failed.unsigned_abs(),
        servers: row.servers.unsigned_abs(),
    })
}

/// A server as it said of itself.
pub(in crate::jobs) struct ServerRow {
    pub id: Uuid,
    pub host: String,
    pub version: String,
    /// Workers by lane.
    pub lanes: serde_json::Value,
    pub alive: bool,
    pub started_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

/// The oldest first.
pub(in crate::jobs) async fn servers(tx: &mut Tx) -> Result<Vec<ServerRow>> {
    let rows = sqlx::query!(
        r#"select server_id, host, version, lanes, seen_at > now() - interval '15 seconds' as "alive!", started_at, seen_at
           from job_servers order by started_at, server_id"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let server = rows.into_iter().map(|row| ServerRow {
        id: row.server_id,
        host: row.host,
        version: row.version,
        lanes: row.lanes,
        alive: row.alive,
        started_at: row.started_at,
        seen_at: row.seen_at,
    });
    Ok(server.collect())
}

/// What workers hold, each with who: `<server>/<worker>`.
pub(in crate::jobs) async fn held(tx: &mut Tx) -> Result<Vec<(String, JobHeld)>> {
    let rows = sqlx::query!(
        r#"select id, kind, attempt, lease_owner as "owner!", heartbeat_at, lease_until from jobs
           where state = 'running' and lease_owner is not null order by id"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let held = rows.into_iter().map(|row| {
        let held = JobHeld {
            id: JobId(row.id),
            kind: row.kind,
            attempt: row.attempt,
            heartbeat_at: row.heartbeat_at,
            lease_until: row.lease_until,
        };
        (row.owner, held)
    });
    Ok(held.collect())
}

/// A server with workers says that it is there; what was silent for a day is forgotten.
pub(in crate::jobs) async fn beat(
    tx: &mut Tx,
    server: Uuid,
    (host, version): (&str, &str),
    lanes: &serde_json::Value,
) -> Result<()> {
    sqlx::query!(
        "insert into job_servers (server_id, host, version, lanes) values ($1, $2, $3, $4)
         on conflict (server_id) do update set seen_at = now()",
        server,
        host,
        version,
        lanes
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from job_servers where seen_at < now() - interval '1 day'").execute(&mut **tx).await?;
    Ok(())
}

/// It stops.
pub(in crate::jobs) async fn forget_server(tx: &mut Tx, server: Uuid) -> Result<()> {
    sqlx::query!("delete from job_servers where server_id = $1", server).execute(&mut **tx).await?;
    Ok(())
}

/// By kind, of what ended in the last so many hours, beside what waits and runs now.
pub(in crate::jobs) async fn statistics(tx: &mut Tx, hours: i32) -> Result<Vec<JobKindStatistics>> {
    let rows = sqlx::query!(
        r#"with ended as (
             select f.kind, f.state, f.thing_failed, f.attempt,
                    extract(epoch from f.finished_at - f.began_at)::float8 as seconds
             from finished_jobs f
             where f.finished_at > now() - make_interval(hours => $1)
           ), counted as (
             select kind, count(*) filter (where state = 'done') as done,
                    count(*) filter (where state = 'failed') as failed,
                    count(*) filter (where state = 'cancelled') as cancelled,
                    count(*) filter (where state = 'done' and thing_failed) as things_failed,
                    sum(greatest(attempt - 1, 0))::bigint as retries, avg(seconds) as mean, max(seconds) as longest
             from ended group by kind
           ), here as (
             select kind, count(*) filter (where state = 'ready') as waiting,
                    count(*) filter (where state = 'running') as running from jobs group by kind
           )
           select coalesce(c.kind, h.kind) as "kind!", coalesce(h.waiting, 0) as "waiting!",
                  coalesce(h.running, 0) as "running!", coalesce(c.done, 0) as "done!", coalesce(c.failed, 0) as "failed!",
                  coalesce(c.cancelled, 0) as "cancelled!", coalesce(c.things_failed, 0) as "things_failed!",
                  coalesce(c.retries, 0) as "retries!", c.mean as "mean?", c.longest as "longest?"
           from counted c full join here h on h.kind = c.kind order by 1"#,
        hours
    )
    .fetch_all(&mut **tx)
    .await?;
    let kind = rows.into_iter().map(|row| JobKindStatistics {
        kind: row.kind,
        waiting: row.waiting.unsigned_abs(),
        running: row.running.unsigned_abs(),
        done: row.done.unsigned_abs(),
        failed: row.failed.unsigned_abs(),
        cancelled: row.cancelled.unsigned_abs(),
        things_failed: row.things_failed.unsigned_abs(),
        retries: row.retries.unsigned_abs(),
        mean_seconds: row.mean,
        longest_seconds: row.longest,
    });
    Ok(kind.collect())
}
