//! Lists of jobs, those that wait or run and those that have ended together, the newest first.

use chrono::{DateTime, Utc};
use contract::jobs::JobState;
use contract::{CustomerId, JobId, UserId};
use sqlx::{Postgres, QueryBuilder, Row as _};

use crate::db::Tx;
use crate::{Error, Result};

/// Which jobs.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct Filter {
    /// Only these kinds.
    pub kinds: Option<Vec<String>>,
    pub state: Option<JobState>,
    /// See [`Row::outcome`].
    pub outcome: Option<JobState>,
    pub customer: Option<CustomerId>,
    pub person: Option<UserId>,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// Only those that are older than this one: for what goes through all of them.
    pub before: Option<JobId>,
}

/// A job, wherever it lies.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Row {
    pub id: JobId,
    pub kind: String,
    /// Ids, by the names that handlers give them.
    pub payload: serde_json::Value,
    pub state: JobState,
    /// It did its work, and what it was about failed.
    pub thing_failed: bool,
    pub attempt: i32,
    pub max_attempts: i32,
    pub progress: Option<f32>,
    pub message: Option<String>,
    pub customer: Option<CustomerId>,
    pub person: Option<UserId>,
    pub run_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl Row {
    /// How it came out for what it was about.
    pub(in crate::jobs) fn outcome(&self) -> JobState {
        if self.state == JobState::Done && self.thing_failed { JobState::Failed } else { self.state }
    }
}

const COLUMNS: &str = "select id, kind, payload, state, thing_failed, attempt, max_attempts, progress, message, \
    customer_id, user_id, run_at, created_at, finished_at";

/// Both tables as one; the planner carries conditions into each of them.
const EVERY_JOB: &str = " from (\
      select id, kind, payload, state, false as thing_failed, attempt, max_attempts, progress, message, customer_id, \
             user_id, run_at, created_at, null::timestamptz as finished_at from jobs \
      union all \
      select id, kind, payload, state, thing_failed, attempt, max_attempts, progress, message, customer_id, user_id, \
             run_at, created_at, finished_at from finished_jobs) every_job where true";

/// A page of them.
pub(in crate::jobs) async fn list(tx: &mut Tx, filter: &Filter, page: u32, page_size: u32) -> Result<Vec<Row>> {
    let mut sql = narrowed(COLUMNS, filter);
    sql.push(" order by id desc limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    sql.build().fetch_all(&mut **tx).await?.iter().map(read).collect()
}

/// How many there are.
pub(in crate::jobs) async fn count(tx: &mut Tx, filter: &Filter) -> Result<u64> {
    let total: i64 =
        narrowed("select count(*) as total", filter).build().fetch_one(&mut **tx).await?.try_get("total")?;
    Ok(total.unsigned_abs())
}

fn narrowed(columns: &str, filter: &Filter) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::<Postgres>::new(columns);
    sql.push(EVERY_JOB);
    if let Some(kinds) = &filter.kinds {
        sql.push(" and kind = any(").push_bind(kinds.clone()).push(")");
    }
    if let Some(state) = filter.state {
        sql.push(" and state = ").push_bind(state.code());
    }
    if let Some(outcome) = filter.outcome {
        sql.push(" and case when thing_failed and state = 'done' then 'failed' else state end = ");
        sql.push_bind(outcome.code());
    }
    if let Some(customer) = filter.customer {
        sql.push(" and customer_id = ").push_bind(customer.0);
    }
    if let Some(person) = filter.person {
        sql.push(" and user_id = ").push_bind(person.0);
    }
    if let Some(from) = filter.from {
        sql.push(" and created_at >= ").push_bind(from);
    }
    if let Some(until) = filter.until {
        sql.push(" and created_at < ").push_bind(until);
    }
    if let Some(before) = filter.before {
        sql.push(" and id < ").push_bind(before.0);
    }
    sql
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Row> {
    let state: String = row.try_get("state")?;
    Ok(Row {
        id: JobId(row.try_get("id")?),
        kind: row.try_get("kind")?,
        payload: row.try_get("payload")?,
        state: JobState::parse(&state).ok_or_else(|| Error::internal(format!("unknown state of a job {state}")))?,
        thing_failed: row.try_get("thing_failed")?,
        attempt: row.try_get("attempt")?,
        max_attempts: row.try_get("max_attempts")?,
        progress: row.try_get("progress")?,
        message: row.try_get("message")?,
        customer: row.try_get::<Option<i64>, _>("customer_id")?.map(CustomerId),
        person: row.try_get::<Option<i64>, _>("user_id")?.map(UserId),
        run_at: row.try_get("run_at")?,
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
    })
}

/// One of them, for [`super::find`].
pub(super) async fn one(tx: &mut Tx, id: JobId) -> Result<Option<Row>> {
    let mut sql = narrowed(COLUMNS, &Filter::default());
    sql.push(" and id = ").push_bind(id.0);
    sql.build().fetch_optional(&mut **tx).await?.as_ref().map(read).transpose()
}
