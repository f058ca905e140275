//! Writing samples in batches, and rolling them up.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use contract::MachineId;
use sqlx::AssertSqlSafe;

use super::Tier;
use crate::db::Tx;
use crate::metrics::ingest::Rows;
use crate::{Error, Result};

/// Rows written, and rows that were there already.
pub(in crate::metrics) struct Written {
    pub written: u64,
    pub doubled: u64,
}

fn big(value: Option<u64>) -> Option<i64> {
    value.map(|v| i64::try_from(v).unwrap_or(i64::MAX))
}

fn whole(value: Option<u32>) -> Option<i32> {
    value.map(|v| i32::try_from(v).unwrap_or(i32::MAX))
}

fn small(value: Option<u32>) -> Option<i16> {
    value.map(|v| i16::try_from(v).unwrap_or(i16::MAX))
}

/// True when a row's instant lies outside of every partition.
pub(in crate::metrics) fn is_missing_partition(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<sqlx::Error>());
    // 23514 check_violation is how PostgreSQL says "no partition of relation … found for row".
    matches!(cause, Some(sqlx::Error::Database(e)) if e.code().as_deref() == Some("23514") && e.constraint().is_none())
}

/// Writes the rows of several batches; what is there already stays.
pub(in crate::metrics) async fn insert_samples<'a>(
    tx: &mut Tx,
    all: impl Iterator<Item = &'a Rows> + Clone,
) -> Result<Written> {
    // Marked first, so that a roll-up of these steps waits for this transaction instead of missing it.
    let mut minutes = BTreeSet::new();
    for rows in all.clone() {
        let hosts = rows.host.iter().map(|(at, _)| *at);
        for at in hosts.chain(rows.gpus.iter().map(|(_, at, _)| *at)) {
            minutes.insert(at.duration_trunc(TimeDelta::minutes(1)).map_err(Error::internal)?);
        }
    }
    mark_pending(tx, Tier::Minute, &minutes.into_iter().collect::<Vec<_>>()).await?;
    let hosts = insert_hosts(tx, all.clone()).await?;
    let gpus = insert_gpus(tx, all.clone()).await?;
    insert_events(tx, all).await?;
    Ok(Written { written: hosts.written + gpus.written, doubled: hosts.doubled + gpus.doubled })
}

async fn insert_hosts<'a>(tx: &mut Tx, all: impl Iterator<Item = &'a Rows>) -> Result<Written> {
    let rows: Vec<_> = all
        .filter_map(|rows| Some((rows.machine?.0, rows)))
        .flat_map(|(id, rows)| rows.host.iter().map(move |(at, host)| (id, *at, host)))
        .collect();
    if rows.is_empty() {
        return Ok(Written { written: 0, doubled: 0 });
    }
    macro_rules! column {
        ($pick:expr) => {
            &rows.iter().map($pick).collect::<Vec<_>>()
        };
    }
    let done = sqlx::query!(
        "insert into machine_samples (machine_id, at, cpu_percent, load1, memory_used_bytes, memory_total_bytes,
           swap_used_bytes, swap_total_bytes, disk_used_bytes, disk_total_bytes, disk_read_bytes_per_s,
           disk_write_bytes_per_s, net_rx_bytes_per_s, net_tx_bytes_per_s, uptime_s)
         select * from unnest($1::bigint[], $2::timestamptz[], $3::real[], $4::real[], $5::bigint[], $6::bigint[],
           $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::real[], $12::real[], $13::real[], $14::real[],
           $15::bigint[])
         on conflict do nothing",
        &rows.iter().map(|r| r.0).collect::<Vec<_>>(),
        &rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        column!(|r| r.2.cpu_percent) as _,
        column!(|r| r.2.load1) as _,
        column!(|r| big(r.2.memory_used_bytes)) as _,
        column!(|r| big(r.2.memory_total_bytes)) as _,
        column!(|r| big(r.2.swap_used_bytes)) as _,
        column!(|r| big(r.2.swap_total_bytes)) as _,
        column!(|r| big(r.2.disk_used_bytes)) as _,
        column!(|r| big(r.2.disk_total_bytes)) as _,
        column!(|r| r.2.disk_read_bytes_per_s) as _,
        column!(|r| r.2.disk_write_bytes_per_s) as _,
        column!(|r| r.2.net_rx_bytes_per_s) as _,
        column!(|r| r.2.net_tx_bytes_per_s) as _,
        column!(|r| big(r.2.uptime_s)) as _
    )
    .execute(&mut **tx)
    .await?;
    let written = done.rows_affected();
    Ok(Written { written, doubled: rows.len() as u64 - written })
}

async fn insert_gpus<'a>(tx: &mut Tx, all: impl Iterator<Item = &'a Rows>) -> Result<Written> {
    let rows: Vec<_> = all.flat_map(|rows| &rows.gpus).collect();
    if rows.is_empty() {
        return Ok(Written { written: 0, doubled: 0 });
    }
    macro_rules! column {
        ($pick:expr) => {
            &rows.iter().map($pick).collect::<Vec<_>>()
        };
    }
    let done = sqlx::query!(
        "insert into gpu_samples (gpu_id, at, lost, util_percent, mem_util_percent, memory_used_bytes,
           memory_total_bytes, temperature_c, power_w, power_limit_w, sm_clock_mhz, mem_clock_mhz, fan_percent,
           pcie_rx_bytes_per_s, pcie_tx_bytes_per_s, pcie_generation, pcie_width, ecc_corrected, ecc_uncorrected,
           throttle_bits, encoder_percent, decoder_percent, performance_state)
         select * from unnest($1::bigint[], $2::timestamptz[], $3::boolean[], $4::real[], $5::real[], $6::bigint[],
           $7::bigint[], $8::real[], $9::real[], $10::real[], $11::int[], $12::int[], $13::real[], $14::real[],
           $15::real[], $16::smallint[], $17::smallint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::real[],
           $22::real[], $23::smallint[])
         on conflict do nothing",
        &rows.iter().map(|r| r.0.0).collect::<Vec<_>>(),
        &rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        &rows.iter().map(|r| r.2.lost).collect::<Vec<_>>(),
        column!(|r| r.2.util_percent) as _,
        column!(|r| r.2.mem_util_percent) as _,
        column!(|r| big(r.2.memory_used_bytes)) as _,
        column!(|r| big(r.2.memory_total_bytes)) as _,
        column!(|r| r.2.temperature_c) as _,
        column!(|r| r.2.power_w) as _,
        column!(|r| r.2.power_limit_w) as _,
        column!(|r| whole(r.2.sm_clock_mhz)) as _,
        column!(|r| whole(r.2.mem_clock_mhz)) as _,
        column!(|r| r.2.fan_percent) as _,
        column!(|r| r.2.pcie_rx_bytes_per_s) as _,
        column!(|r| r.2.pcie_tx_bytes_per_s) as _,
        column!(|r| small(r.2.pcie_generation)) as _,
        column!(|r| small(r.2.pcie_width)) as _,
        column!(|r| big(r.2.ecc_corrected)) as _,
        column!(|r| big(r.2.ecc_uncorrected)) as _,
        column!(|r| big(r.2.throttle_bits)) as _,
        column!(|r| r.2.encoder_percent) as _,
        column!(|r| r.2.decoder_percent) as _,
        column!(|r| small(r.2.performance_state)) as _
    )
    .execute(&mut **tx)
    .await?;
    let written = done.rows_affected();
    Ok(Written { written, doubled: rows.len() as u64 - written })
}

async fn insert_events<'a>(tx: &mut Tx, all: impl Iterator<Item = &'a Rows>) -> Result<()> {
    let rows: Vec<_> = all.flat_map(|rows| &rows.events).collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into gpu_events (gpu_id, at, kind, value)
         select * from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::bigint[]) on conflict do nothing",
        &rows.iter().map(|r| r.0.0).collect::<Vec<_>>(),
        &rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        &rows.iter().map(|r| r.2.to_owned()).collect::<Vec<_>>(),
        &rows.iter().map(|r| r.3).collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::metrics) async fn note_seen(tx: &mut Tx, seen: &HashMap<MachineId, DateTime<Utc>>) -> Result<()> {
    if seen.is_empty() {
        return Ok(());
    }
    let (ids, at): (Vec<i64>, Vec<DateTime<Utc>>) = seen.iter().map(|(id, at)| (id.0, *at)).unzip();
    sqlx::query!(
        "update machines m set last_seen_at = u.at from unnest($1::bigint[], $2::timestamptz[]) as u(id, at)
         where m.id = u.id and (m.last_seen_at is null or m.last_seen_at < u.at)",
        &ids,
        &at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Marks the steps of `tier` that hold these instants.
pub(in crate::metrics) async fn mark_pending(tx: &mut Tx, tier: Tier, at: &[DateTime<Utc>]) -> Result<()> {
    let step = TimeDelta::seconds(tier.seconds());
    let steps: BTreeSet<DateTime<Utc>> =
        at.iter().map(|at| at.duration_trunc(step)).collect::<Result<_, _>>().map_err(Error::internal)?;
    // "Update" and not "nothing": it takes the row's lock. In order, so that two writers do not deadlock.
    sqlx::query!(
        "insert into rollup_pending (tier, at) select $1, u.at from unnest($2::timestamptz[]) as u(at) order by u.at
         on conflict (tier, at) do update set at = excluded.at",
        tier.name(),
        &steps.into_iter().collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes up to `limit` marked steps that began before `before`; those being written or rolled up now come next time.
pub(in crate::metrics) async fn take_pending(
    tx: &mut Tx,
    tier: Tier,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!(
        "delete from rollup_pending where tier = $1 and at in (
           select at from rollup_pending where tier = $1 and at <= $2 order by at limit $3
           for update skip locked)
         returning at",
        tier.name(),
        before,
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Figure of a roll-up: (name in the roll-up, column of the raw table, type of minimum and maximum).
type Figure = (&'static str, &'static str, &'static str);

const MACHINE: &[Figure] = &[
    ("cpu", "cpu_percent", "real"),
    ("memory_used", "memory_used_bytes", "bigint"),
    ("disk_used", "disk_used_bytes", "bigint"),
    ("disk_read", "disk_read_bytes_per_s", "real"),
    ("disk_write", "disk_write_bytes_per_s", "real"),
    ("net_rx", "net_rx_bytes_per_s", "real"),
    ("net_tx", "net_tx_bytes_per_s", "real"),
];
const GPU: &[Figure] = &[
    ("util", "util_percent", "real"),
    ("memory_used", "memory_used_bytes", "bigint"),
    ("temperature", "temperature_c", "real"),
    ("power", "power_w", "real"),
];
/// Plain columns: (name in the roll-up, how it is made of raw rows, and of finer roll-ups).
type Plain = (&'static str, &'static str, &'static str);

const MACHINE_PLAIN: &[Plain] = &[
    ("memory_total", "max(memory_total_bytes)", "max(memory_total)"),
    ("disk_total", "max(disk_total_bytes)", "max(disk_total)"),
];
const GPU_PLAIN: &[Plain] = &[
    ("memory_total", "max(memory_total_bytes)", "max(memory_total)"),
    ("throttle_bits", "bit_or(throttle_bits)", "bit_or(throttle_bits)"),
    ("ecc_corrected", "max(ecc_corrected)", "max(ecc_corrected)"),
    ("ecc_uncorrected", "max(ecc_uncorrected)", "max(ecc_uncorrected)"),
];

/// Computes these steps of `tier` from the next finer one and writes them over what is there.
pub(in crate::metrics) async fn roll_up(tx: &mut Tx, tier: Tier, steps: &[DateTime<Utc>]) -> Result<()> {
    let (Some(low), Some(high)) = (steps.iter().min(), steps.iter().max()) else { return Ok(()) };
    for (table, key, figures, plain) in
        [("machine_samples", "machine_id", MACHINE, MACHINE_PLAIN), ("gpu_samples", "gpu_id", GPU, GPU_PLAIN)]
    {
        // Made of this file's constants only.
        sqlx::query(AssertSqlSafe(roll_up_sql(tier, table, key, figures, plain)))
            .bind(low)
            .bind(*high + TimeDelta::seconds(tier.seconds()))
            .bind(steps)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

fn roll_up_sql(tier: Tier, table: &str, key: &str, figures: &[Figure], plain: &[Plain]) -> String {
    let target = format!("{table}_{}", tier.name());
    let (source, from_raw) = match tier {
        Tier::Raw | Tier::Minute => (table.to_owned(), true),
        Tier::TenMinutes => (format!("{table}_1m"), false),
        Tier::Hour => (format!("{table}_10m"), false),
    };
    let mut columns = vec!["samples".to_owned()];
    let mut values = vec![if from_raw { "count(*)" } else { "sum(samples)" }.to_owned()];
    for (name, raw, kind) in figures {
        columns.extend([format!("{name}_avg"), format!("{name}_min"), format!("{name}_max")]);
        values.extend(if from_raw {
            [format!("avg({raw})::real"), format!("min({raw})::{kind}"), format!("max({raw})::{kind}")]
        } else {
            // Weighted: a step with one late row counts for one row.
            [
                format!(
                    "(sum({name}_avg::float8 * samples) / nullif(sum(samples) filter (where {name}_avg is not null), \
                     0))::real"
                ),
                format!("min({name}_min)"),
                format!("max({name}_max)"),
            ]
        });
    }
    for (name, raw, finer) in plain {
        columns.push((*name).to_owned());
        values.push(if from_raw { raw } else { finer }.to_string());
    }
    let sets: Vec<String> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    let bin = format!("date_bin('{} seconds', at, 'epoch'::timestamptz)", tier.seconds());
    format!(
        "insert into {target} ({key}, at, {}) select {key}, {bin}, {} from {source} \
         where at >= $1 and at < $2 and {bin} = any($3) group by 1, 2 \
         on conflict ({key}, at) do update set {}",
        columns.join(", "),
        values.join(", "),
        sets.join(", ")
    )
}
