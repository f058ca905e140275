//! SQL of what is kept of GPUs for years: their errors and events, the hours in which they were held back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::machines::GpuErrors;

use crate::Result;
use crate::db::Tx;
use crate::metrics::GpuHappening;

/// Xid errors of a machine's GPUs in each of these periods, in their order.
pub(in crate::metrics) async fn xid_errors_of(
    tx: &mut Tx,
    machine: MachineId,
    periods: &[(DateTime<Utc>, DateTime<Utc>)],
) -> Result<Vec<u64>> {
    let (from, until): (Vec<_>, Vec<_>) = periods.iter().copied().unzip();
    let counts = sqlx::query_scalar!(
        r#"select (select count(*) from gpu_events e join gpus g on g.id = e.gpu_id
                   where g.machine_id = $1 and e.kind = 'xid' and e.at >= w.from_at and e.at < w.until_at) as "count!"
           from unnest($2::timestamptz[], $3::timestamptz[]) with ordinality as w (from_at, until_at, place)
           order by w.place"#,
        machine.0,
        &from,
        &until
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(counts.into_iter().map(i64::unsigned_abs).collect())
}

/// What went wrong with these GPUs since then; those that are fine are not in it.
pub(in crate::metrics) async fn gpu_errors(
    tx: &mut Tx,
    gpus: &[i64],
    since: DateTime<Utc>,
) -> Result<HashMap<i64, GpuErrors>> {
    let rows = sqlx::query!(
        r#"select gpu_id, count(*) filter (where kind = 'xid') as "xid!",
                  coalesce(sum(value) filter (where kind = 'ecc_uncorrected'), 0)::bigint as "ecc!",
                  count(*) filter (where kind = 'lost') as "lost!"
           from gpu_events where gpu_id = any($1) and at >= $2 group by gpu_id"#,
        gpus,
        since
    )
    .fetch_all(&mut **tx)
    .await?;
    let errors = rows.into_iter().map(|row| {
        let errors = GpuErrors {
            xid: row.xid.unsigned_abs(),
            ecc_uncorrected: row.ecc.unsigned_abs(),
            lost: row.lost.unsigned_abs(),
            ..GpuErrors::default()
        };
        (row.gpu_id, errors)
    });
    Ok(errors.collect())
}

/// GPU, reasons as NVML's bits, hours with just these.
pub(in crate::metrics) async fn throttled_hours(
    tx: &mut Tx,
    gpus: &[i64],
    since: DateTime<Utc>,
) -> Result<Vec<(i64, u64, u64)>> {
    let rows = sqlx::query!(
        r#"select gpu_id, throttle_bits as "bits!", count(*) as "hours!" from gpu_samples_1h
           where gpu_id = any($1) and at >= $2 and throttle_bits <> 0 group by gpu_id, throttle_bits"#,
        gpus,
        since
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.gpu_id, row.bits.unsigned_abs(), row.hours.unsigned_abs())).collect())
}

/// What happened to these GPUs since then, the newest first; the same within an hour is one line.
pub(in crate::metrics) async fn gpu_happenings(
    tx: &mut Tx,
    gpus: &[i64],
    since: DateTime<Utc>,
    most: u32,
) -> Result<Vec<(i64, GpuHappening)>> {
    let rows = sqlx::query!(
        r#"select gpu_id, kind, case when kind = 'ecc_uncorrected' then sum(value) else max(value) end::bigint as "value!",
                  min(at) as "first_at!", max(at) as "last_at!", count(*) as "times!"
           from gpu_events where gpu_id = any($1) and at >= $2
           group by gpu_id, kind, case when kind = 'xid' then value end, date_trunc('hour', at)
           order by max(at) desc, gpu_id limit $3"#,
        gpus,
        since,
        i64::from(most)
    )
    .fetch_all(&mut **tx)
    .await?;
    let events = rows.into_iter().map(|row| {
        let happening = GpuHappening {
            kind: row.kind,
            value: row.value.unsigned_abs(),
            first_at: row.first_at,
            last_at: row.last_at,
            times: row.times.unsigned_abs(),
        };
        (row.gpu_id, happening)
    });
    Ok(events.collect())
}
