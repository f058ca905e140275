//! SQL of the ledger.

use chrono::{DateTime, TimeDelta, Utc};
use contract::billing::{LedgerClosed, LedgerLine, LedgerOpened};
use contract::{CustomerId, InstanceId, LedgerIntervalId, SpecId, UserId};
use rust_decimal::Decimal;

use super::usage::{Period, Which};
use super::{Last, Subject};
use crate::db::Tx;
use crate::{Error, Result};

/// A row that begins.
pub(super) struct New<'a> {
    pub run: DateTime<Utc>,
    pub at: DateTime<Utc>,
    pub by: LedgerOpened,
    pub price: Decimal,
    pub currency: &'a str,
    pub customer: &'a str,
}

fn known<T>(parsed: Option<T>, word: &str) -> Result<T> {
    parsed.ok_or_else(|| Error::internal(format!("unknown word of the ledger {word}")))
}

fn closed(word: Option<&str>) -> Result<Option<LedgerClosed>> {
    word.map(|word| known(LedgerClosed::parse(word), word)).transpose()
}

/// The newest row of an instance. Whoever asks has its row locked.
pub(super) async fn last(tx: &mut Tx, id: InstanceId) -> Result<Option<(LedgerIntervalId, Last)>> {
    let row = sqlx::query!(
        "select id, run_started_at, started_at, ended_at, closed_by from ledger_intervals
         where subject_kind = 'instance' and subject_id = $1 order by started_at desc, id desc limit 1",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        let last = Last {
            run: row.run_started_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            closed_by: closed(row.closed_by.as_deref())?,
        };
        Ok((LedgerIntervalId(row.id), last))
    })
    .transpose()
}

/// With the most GPU memory that was measured in it, where it was.
pub(super) async fn close(
    tx: &mut Tx,
    id: LedgerIntervalId,
    (at, by): (DateTime<Utc>, LedgerClosed),
    measured: Option<u64>,
) -> Result<()> {
    sqlx::query!(
        "update ledger_intervals set ended_at = $2, closed_by = $3, measured_memory_bytes = $4 where id = $1",
        id.0,
        at,
        by.code(),
        measured.and_then(|bytes| i64::try_from(bytes).ok())
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn open(tx: &mut Tx, subject: &Subject<'_>, new: &New<'_>) -> Result<LedgerIntervalId> {
    let id = sqlx::query_scalar!(
        "insert into ledger_intervals (subject_id, subject_name, customer_id, customer_name, user_id, user_name, machine_id,
                                       machine_code, machine_name, spec_id, spec_name, spec, price_per_hour, currency,
                                       run_started_at, started_at, opened_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) returning id",
        subject.instance.0,
        subject.name,
        subject.customer.0,
        new.customer,
        subject.user.0,
        subject.user_name,
        subject.machine.0,
        subject.machine_code,
        subject.machine_name,
        subject.spec.id.0,
        subject.spec.name,
        serde_json::to_value(subject.spec).map_err(Error::internal)?,
        new.price,
        new.currency,
        new.run,
        new.at,
        new.by.code()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(LedgerIntervalId(id))
}

/// The last run of an instance, as the ledger has it.
pub(crate) struct Stretch {
    pub instance: InstanceId,
    pub run: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// All its rows together; one that is open counts until now.
    pub counted: TimeDelta,
}

pub(super) async fn newest(tx: &mut Tx, ids: &[i64], now: DateTime<Utc>) -> Result<Vec<Stretch>> {
    let rows = sqlx::query!(
        r#"select l.subject_id, l.run_started_at, l.ended_at,
                  (select (sum(extract(epoch from coalesce(p.ended_at, greatest($2, p.started_at)) - p.started_at)) * 1000000)::bigint
                   from ledger_intervals p
                   where p.subject_kind = 'instance' and p.subject_id = l.subject_id
                     and p.run_started_at = l.run_started_at) as "micros!"
           from (select distinct on (subject_id) subject_id, run_started_at, ended_at from ledger_intervals
                 where subject_kind = 'instance' and subject_id = any($1)
                 order by subject_id, started_at desc, id desc) l"#,
        ids,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    let stretch = rows.into_iter().map(|row| Stretch {
        instance: InstanceId(row.subject_id),
        run: row.run_started_at,
        ended_at: row.ended_at,
        counted: TimeDelta::microseconds(row.micros),
    });
    Ok(stretch.collect())
}

/// A line of the use, as it is added up.
pub(super) struct Sum {
    pub starts_at: Option<DateTime<Utc>>,
    pub key: Option<String>,
    pub name: Option<String>,
    pub seconds: Decimal,
    pub cost: Decimal,
    pub currency: String,
}

/// What ran in these steps of time, each added up by `by` (a word; empty: all in one) and currency. Costs are exact until they
/// are rounded here, to four places.
pub(super) async fn sums(
    tx: &mut Tx,
    which: &Which,
    steps: &[DateTime<Utc>],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Sum>> {
    let (starts, ends) = match steps {
        [] => return Ok(Vec::new()),
        [_, rest @ ..] => (&steps[..rest.len()], rest),
    };
    let rows = sqlx::query!(
        r#"with part as (
             select step.starts_at, l.currency, l.price_per_hour, l.id,
                    case $3::text when 'user' then l.user_id::text when 'customer' then l.customer_id::text
                      when 'machine' then l.machine_code when 'spec' then l.spec_id::text
                      when 'instance' then l.subject_id::text end as key,
                    case $3::text when 'user' then l.user_name when 'customer' then l.customer_name
                      when 'machine' then l.machine_name when 'spec' then l.spec_name
                      when 'instance' then l.subject_name end as name,
                    extract(epoch from least(coalesce(l.ended_at, greatest($4, l.started_at)), step.ends_at)
                                       - greatest(l.started_at, step.starts_at)) as seconds
             from unnest($1::timestamptz[], $2::timestamptz[]) as step (starts_at, ends_at)
             join ledger_intervals l on l.started_at < step.ends_at
               and coalesce(l.ended_at, greatest($4, l.started_at)) > step.starts_at
             where ($5::bigint is null or l.customer_id = $5) and ($6::bigint is null or l.user_id = $6)
               and ($7::text is null or l.machine_code = $7) and ($8::bigint is null or l.spec_id = $8)
               and ($9::bigint is null or l.subject_id = $9))
           select starts_at as "starts_at!", currency, key, (array_agg(name order by id desc))[1] as name,
                  sum(seconds) as "seconds!", round(sum(seconds * price_per_hour) / 3600, 4) as "cost!"
           from part group by starts_at, key, currency
           order by starts_at, sum(seconds * price_per_hour) desc, key, currency"#,
        starts,
        ends,
        by,
        now,
        which.customer.map(|id| id.0),
        which.user.map(|id| id.0),
        which.machine,
        which.spec.map(|id| id.0),
        which.instance.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    let sum = rows.into_iter().map(|row| Sum {
        starts_at: row.key.is_none().then_some(row.starts_at),
        key: row.key,
        name: row.name,
        seconds: row.seconds,
        cost: row.cost,
        currency: row.currency,
    });
    Ok(sum.collect())
}

/// GPUs × seconds that a customer's instances ran: until now, and of that what lies after an instant. A part of a GPU's memory
/// counts as the GPU.
pub(super) async fn gpu_seconds(
    tx: &mut Tx,
    customer: CustomerId,
    after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(f64, f64)> {
    let row = sqlx::query!(
        r#"with ran as (
             select l.started_at, coalesce(l.ended_at, greatest($3, l.started_at)) as ended_at,
                    coalesce((l.spec ->> 'gpuCount')::bigint, 0) as gpus
             from ledger_intervals l where l.customer_id = $1)
           select coalesce(sum(extract(epoch from ended_at - started_at) * gpus), 0)::float8 as "all!",
                  coalesce(sum(greatest(extract(epoch from ended_at - greatest(started_at, $2)), 0) * gpus), 0)::float8
                    as "lately!"
           from ran"#,
        customer.0,
        after,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.all, row.lately))
}

/// A page of the rows that lie in a period, the newest first, and how many there are.
pub(super) async fn lines(
    tx: &mut Tx,
    which: &Which,
    (from, until): Period,
    now: DateTime<Utc>,
    (page, page_size): (u32, u32),
) -> Result<(Vec<LedgerLine>, u64)> {
    let rows = sqlx::query!(
        r#"select l.id, l.subject_id, l.subject_name, l.customer_id, l.customer_name, l.user_id, l.user_name, l.machine_code,
                  l.machine_name, l.spec_id, l.spec_name, l.price_per_hour, l.currency, l.started_at, l.ended_at,
                  l.opened_by, l.closed_by, l.measured_memory_bytes,
                  extract(epoch from coalesce(l.ended_at, greatest($3, l.started_at)) - l.started_at) as "seconds!",
                  round(extract(epoch from coalesce(l.ended_at, greatest($3, l.started_at)) - l.started_at)
                        * l.price_per_hour / 3600, 4) as "cost!",
                  count(*) over () as "total!"
           from ledger_intervals l
           where l.started_at < $2 and coalesce(l.ended_at, greatest($3, l.started_at)) > $1
             and ($4::bigint is null or l.customer_id = $4) and ($5::bigint is null or l.user_id = $5)
             and ($6::text is null or l.machine_code = $6) and ($7::bigint is null or l.spec_id = $7)
             and ($8::bigint is null or l.subject_id = $8)
           order by l.started_at desc, l.id desc limit $9 offset $10"#,
        from,
        until,
        now,
        which.customer.map(|id| id.0),
        which.user.map(|id| id.0),
        which.machine,
        which.spec.map(|id| id.0),
        which.instance.map(|id| id.0),
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut total = rows.first().map(|row| row.total);
    if total.is_none() && page > 1 {
        total = Some(count(tx, which, (from, until), now).await?);
    }
    let line = rows.into_iter().map(|row| {
        Ok(LedgerLine {
            id: LedgerIntervalId(row.id),
            instance_id: InstanceId(row.subject_id),
            instance_name: row.subject_name,
            customer_id: CustomerId(row.customer_id),
            customer_name: row.customer_name,
            user_id: UserId(row.user_id),
            user_name: row.user_name,
            machine: row.machine_code,
            machine_name: row.machine_name,
            spec_id: SpecId(row.spec_id),
            spec_name: row.spec_name,
            price_per_hour: row.price_per_hour.normalize().to_string(),
            currency: row.currency,
            started_at: row.started_at,
            ended_at: row.ended_at,
            opened_by: known(LedgerOpened::parse(&row.opened_by), &row.opened_by)?,
            closed_by: closed(row.closed_by.as_deref())?,
            seconds: row.seconds.normalize().to_string(),
            cost: row.cost.normalize().to_string(),
            measured_memory_bytes: row.measured_memory_bytes.map(i64::unsigned_abs),
        })
    });
    Ok((line.collect::<Result<_>>()?, total.unwrap_or_default().unsigned_abs()))
}

/// How many rows lie in a period: for pages past the last one.
async fn count(tx: &mut Tx, which: &Which, (from, until): Period, now: DateTime<Utc>) -> Result<i64> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "total!" from ledger_intervals l
           where l.started_at < $2 and coalesce(l.ended_at, greatest($3, l.started_at)) > $1
             and ($4::bigint is null or l.customer_id = $4) and ($5::bigint is null or l.user_id = $5)
             and ($6::text is null or l.machine_code = $6) and ($7::bigint is null or l.spec_id = $7)
             and ($8::bigint is null or l.subject_id = $8)"#,
        from,
        until,
        now,
        which.customer.map(|id| id.0),
        which.user.map(|id| id.0),
        which.machine,
        which.spec.map(|id| id.0),
        which.instance.map(|id| id.0)
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(total)
}
