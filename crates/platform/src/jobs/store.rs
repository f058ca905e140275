//! SQL of the queue. Time is the database's everywhere, so that servers with different clocks agree about leases.

mod list;
mod mine;
mod staff;

use std::time::Duration;

use contract::JobId;
use uuid::Uuid;

pub(super) use list::{Filter, Row, count, list};
pub(super) use mine::going;
pub(super) use staff::{beat, events, find, forget_server, held, requeue, servers, statistics, status};

use super::{Claim, Heartbeat, Lane, NewJob, kinds_of};
use crate::Result;
use crate::db::Tx;

pub(super) async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<bool> {
    // The unique index of the live table decides a race, and makes us wait for a job that is just ending; only then can
    // the finished table say whether its key was used.
    let added = sqlx::query_scalar!(
        "insert into jobs (kind, payload, priority, run_at, max_attempts, idempotency_key, customer_id, near_machine_id,
                           user_id, sequence_key)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (kind, idempotency_key) where idempotency_key is not null
         do nothing returning id",
        job.kind,
        job.payload,
        job.priority,
        job.run_at,
        job.max_attempts,
        job.idempotency_key,
        job.customer.map(|id| id.0),
        job.near.map(|id| id.0),
        job.person.map(|id| id.0),
        job.sequence.as_deref()
    )
    .fetch_optional(&mut **tx)
    .await?;
    let (Some(id), Some(key)) = (added, &job.idempotency_key) else { return Ok(added.is_some()) };
    let ended = sqlx::query_scalar!(
        r#"select exists(select from finished_jobs where kind = $1 and idempotency_key = $2) as "found!""#,
        job.kind,
        key
    )
    .fetch_one(&mut **tx)
    .await?;
    if ended {
        sqlx::query!("delete from jobs where id = $1", id).execute(&mut **tx).await?;
    }
    Ok(!ended)
}

/// As [`enqueue`], and not while an earlier tick of the kind still waits or runs: ticks never pile up.
pub(super) async fn enqueue_tick(tx: &mut Tx, job: &NewJob) -> Result<bool> {
    let busy = sqlx::query_scalar!(r#"select exists(select from jobs where kind = $1) as "busy!""#, job.kind)
        .fetch_one(&mut **tx)
        .await?;
    if busy { Ok(false) } else { enqueue(tx, job).await }
}

/// Attempts that died with their worker count: a job that kills its worker must not do so for ever. And what somebody asked
/// to stop does not run again because its worker is gone.
async fn end_spent(tx: &mut Tx) -> Result<()> {
    let spent = sqlx::query!(
        r#"select id, lease_token, cancel_requested_at is not null as "asked!" from jobs
           where (state = 'running' and lease_until < now()
                  and (attempt >= max_attempts or cancel_requested_at is not null))
              or (state = 'ready' and cancel_requested_at is not null)
           for update skip locked limit 10"#
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in spent {
        match row.lease_token {
            Some(token) if row.asked => end(tx, (row.id, token), "cancelled", None).await?,
            Some(token) => end(tx, (row.id, token), "failed", Some("its worker died and no attempt is left")).await?,
            None => {
                request_cancel(tx, JobId(row.id)).await?;
            }
        }
    }
    Ok(())
}

/// Of a worker that is gone.
async fn end(tx: &mut Tx, (id, token): (i64, Uuid), state: &str, why: Option<&str>) -> Result<()> {
    let claim = Claim {
        id: JobId(id),
        kind: String::new(),
        payload: serde_json::Value::Null,
        attempt: 0,
        max_attempts: 0,
        token,
    };
    finish(tx, &claim, (state, false), why).await.map(drop)
}

pub(super) async fn claim(
    tx: &mut Tx,
    lane: Lane,
    (owner, server): (&str, Uuid),
    limit: i64,
    lease: Duration,
) -> Result<Vec<Claim>> {
    end_spent(tx).await?;
    let token = Uuid::new_v4();
    let words = |lanes: &[Lane]| -> Vec<String> {
        lanes.iter().flat_map(|lane| kinds_of(*lane)).map(|&kind| kind.to_owned()).collect()
    };
    // The short lane takes whatever belongs to no other.
    let (others, kinds) = if lane == Lane::Short { (true, words(Lane::ALL)) } else { (false, words(&[lane])) };
    let rows = sqlx::query!(
        r#"with next as (
             select id, state from jobs
             where ((state = 'ready' and run_at <= now()) or (state = 'running' and lease_until < now()))
               and cancel_requested_at is null
               and (kind = any($5)) <> $6
               and not exists (select from node_links l where l.machine_id = jobs.near_machine_id
                               and l.server_id <> $7 and l.lease_until > now())
               and not exists (select from jobs e where e.sequence_key = jobs.sequence_key and e.id < jobs.id
                               and (e.state = 'running' or e.attempt > 0 or e.run_at <= now()))
             order by priority desc, run_at, id limit $1 for update skip locked
           ), taken as (
             update jobs j set state = 'running', attempt = attempt + 1, lease_owner = $2, lease_token = $3,
                    lease_until = now() + make_interval(secs => $4), heartbeat_at = now(), began_at = now(),
                    message = null
             from next where j.id = next.id
             returning j.id, j.kind, j.payload, j.attempt, j.max_attempts, next.state as was
           ), noted as (
             insert into job_events (job_id, attempt, kind, message)
             select id, attempt, case was when 'ready' then 'started' else 'taken_over' end, $2 from taken
           )
           select id as "id!", kind as "kind!", payload as "payload!", attempt as "attempt!",
                  max_attempts as "max_attempts!" from taken"#,
        limit,
        owner,
        token,
        lease.as_secs_f64(),
        &kinds,
        others,
        server
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claim {
            id: JobId(row.id),
            kind: row.kind,
            payload: row.payload,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            token,
        })
        .collect())
}

pub(super) async fn heartbeat(tx: &mut Tx, claim: &Claim, lease: Duration) -> Result<Heartbeat> {
    let row = sqlx::query!(
        r#"update jobs set lease_until = now() + make_interval(secs => $3), heartbeat_at = now()
           where id = $1 and lease_token = $2 returning cancel_requested_at is not null as "cancel!""#,
        claim.id.0,
        claim.token,
        lease.as_secs_f64()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(match row {
        None => Heartbeat::Lost,
        Some(row) if row.cancel => Heartbeat::CancelRequested,
        Some(_) => Heartbeat::Held,
    })
}

pub(super) async fn retry(tx: &mut Tx, claim: &Claim, why: &str, pause: Duration) -> Result<bool> {
    let done = sqlx::query!(
        "with again as (
           update jobs set state = 'ready', run_at = now() + make_interval(secs => $3), message = $4,
                  lease_owner = null, lease_token = null, lease_until = null
           where id = $1 and lease_token = $2 returning id, attempt)
         insert into job_events (job_id, attempt, kind, message) select id, attempt, 'retried', $4 from again",
        claim.id.0,
        claim.token,
        pause.as_secs_f64(),
        why
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The owner of a lease is `<server>/<worker>`. What somebody asked to stop is not given back: it ends.
pub(super) async fn release(tx: &mut Tx, server: Uuid) -> Result<u64> {
    let asked = sqlx::query!(
        r#"select id, lease_token as "token!" from jobs
           where state = 'running' and lease_owner like $1 and lease_token is not null and cancel_requested_at is not null
           for update"#,
        format!("{server}/%")
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in asked {
        end(tx, (row.id, row.token), "cancelled", Some("its server stopped")).await?;
    }
    let done = sqlx::query!(
        "with given_back as (
           update jobs set state = 'ready', attempt = attempt - 1, lease_owner = null, lease_token = null,
                  lease_until = null
           where state = 'running' and lease_owner like $1 returning id, attempt + 1 as attempt)
         insert into job_events (job_id, attempt, kind, message)
         select id, attempt, 'released', 'its server stopped' from given_back",
        format!("{server}/%")
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Its state at the end, and whether what it was about failed though it did its work.
pub(super) async fn finish(
    tx: &mut Tx,
    claim: &Claim,
    (state, thing_failed): (&str, bool),
    why: Option<&str>,
) -> Result<bool> {
    let done = sqlx::query!(
        "with ended as (
           delete from jobs where id = $1 and lease_token = $2 returning *
         ), noted as (
           insert into job_events (job_id, attempt, kind, message) select id, attempt, $3, $4 from ended
         )
         insert into finished_jobs (id, kind, payload, state, thing_failed, attempt, max_attempts, progress, message,
                                    priority, near_machine_id, idempotency_key, subject_kind, subject_id, customer_id,
                                    user_id, run_at, began_at, created_at)
         select id, kind, payload, $3, $5, attempt, max_attempts, progress, coalesce($4, message), priority,
                near_machine_id, idempotency_key, subject_kind, subject_id, customer_id, user_id, run_at, began_at,
                created_at
         from ended",
        claim.id.0,
        claim.token,
        state,
        why,
        thing_failed
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// True when somebody asked this claim to stop.
pub(super) async fn is_cancelled(tx: &mut Tx, claim: &Claim) -> Result<bool> {
    let asked = sqlx::query_scalar!(
        r#"select cancel_requested_at is not null as "asked!" from jobs where id = $1 and lease_token = $2 for update"#,
        claim.id.0,
        claim.token
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(asked.unwrap_or(false))
}

pub(super) async fn request_cancel(tx: &mut Tx, id: JobId) -> Result<bool> {
    let running = sqlx::query!(
        "update jobs set cancel_requested_at = coalesce(cancel_requested_at, now()) where id = $1 and state = 'running'",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    if running.rows_affected() == 1 {
        return Ok(true);
    }
    cancel_waiting(tx, id).await
}

/// Ends one that nobody works on; false when there is none, or somebody does.
pub(super) async fn cancel_waiting(tx: &mut Tx, id: JobId) -> Result<bool> {
    let waiting = sqlx::query!(
        "with ended as (
           delete from jobs where id = $1 and state = 'ready' returning *
         ), noted as (
           insert into job_events (job_id, attempt, kind) select id, attempt, 'cancelled' from ended
         )
         insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, progress, message, priority,
                                    near_machine_id, idempotency_key, subject_kind, subject_id, customer_id, user_id,
                                    run_at, created_at)
         select id, kind, payload, 'cancelled', attempt, max_attempts, progress, message, priority, near_machine_id,
                idempotency_key, subject_kind, subject_id, customer_id, user_id, run_at, created_at from ended",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(waiting.rows_affected() == 1)
}

pub(super) async fn leave_sequence(tx: &mut Tx, id: JobId) -> Result<()> {
    sqlx::query!("update jobs set sequence_key = null where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

pub(super) async fn delete_old(tx: &mut Tx) -> Result<()> {
    sqlx::query!(
        "with gone as (
           delete from finished_jobs
           where finished_at < now() - case when state = 'done' and kind in ('audit-seal', 'metrics-roll-up',
                                                                            'allocations-advance', 'maintenance-advance')
                                            then interval '1 hour' else interval '7 days' end
           returning id)
         delete from job_events where job_id in (select id from gone)"
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
