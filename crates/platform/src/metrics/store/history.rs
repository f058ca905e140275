//! Reading history: one statement per table, made of constants and an enum of figures.

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::metrics::Metric;
use sqlx::{AssertSqlSafe, Row};

use super::Tier;
use crate::Result;
use crate::db::Tx;

/// One step of one line.
pub(in crate::metrics) struct Point {
    /// Start of the step, seconds since the epoch.
    pub at: i64,
    pub metric: Metric,
    pub gpu: Option<u32>,
    pub avg: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// Column in the raw table, and stem in the roll-ups.
fn column(metric: Metric) -> (&'static str, &'static str) {
    match metric {
        Metric::Cpu => ("cpu_percent", "cpu"),
        Metric::Memory => ("memory_used_bytes", "memory_used"),
        Metric::Disk => ("disk_used_bytes", "disk_used"),
        Metric::DiskRead => ("disk_read_bytes_per_s", "disk_read"),
        Metric::DiskWrite => ("disk_write_bytes_per_s", "disk_write"),
        Metric::NetworkRx => ("net_rx_bytes_per_s", "net_rx"),
        Metric::NetworkTx => ("net_tx_bytes_per_s", "net_tx"),
        Metric::GpuUtil => ("util_percent", "util"),
        Metric::GpuMemory => ("memory_used_bytes", "memory_used"),
        Metric::GpuTemperature => ("temperature_c", "temperature"),
        Metric::GpuPower => ("power_w", "power"),
    }
}

pub(in crate::metrics) async fn gpu_indices(tx: &mut Tx, machine: MachineId) -> Result<Vec<u32>> {
    let rows = sqlx::query_scalar!(
        "select gpu_index from gpus where machine_id = $1 and removed_at is null order by gpu_index",
        machine.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(i32::unsigned_abs).collect())
}

pub(in crate::metrics) async fn history(
    tx: &mut Tx,
    machine: MachineId,
    tier: Tier,
    step: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    metrics: &[Metric],
) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for per_gpu in [false, true] {
        let wanted: Vec<Metric> = metrics.iter().copied().filter(|m| m.is_per_gpu() == per_gpu).collect();
        if wanted.is_empty() {
            continue;
        }
        let sql = statement(tier, step, per_gpu, &wanted);
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(machine.0).bind(from).bind(to).fetch_all(&mut **tx).await?;
        for row in rows {
            let at: i64 = row.try_get(0)?;
            let gpu: Option<i32> = row.try_get(1)?;
            for (i, metric) in wanted.iter().enumerate() {
                points.push(Point {
                    at,
                    metric: *metric,
                    gpu: gpu.map(i32::unsigned_abs),
                    avg: row.try_get(2 + 3 * i)?,
                    min: row.try_get(3 + 3 * i)?,
                    max: row.try_get(4 + 3 * i)?,
                });
            }
        }
    }
    Ok(points)
}

fn statement(tier: Tier, step: i64, per_gpu: bool, metrics: &[Metric]) -> String {
    let suffix = if tier == Tier::Raw { String::new() } else { format!("_{}", tier.name()) };
    let (table, join, index, owner) = if per_gpu {
        ("gpu_samples", "join gpus g on g.id = s.gpu_id", "g.gpu_index", "g.machine_id")
    } else {
        ("machine_samples", "", "null::int", "s.machine_id")
    };
    let mut values = Vec::new();
    for metric in metrics {
        let (raw, stem) = column(*metric);
        if tier == Tier::Raw {
            values.extend(["avg", "min", "max"].map(|f| format!("{f}(s.{raw})::float8")));
        } else {
            values.push(format!(
                "sum(s.{stem}_avg::float8 * s.samples) / nullif(sum(s.samples) filter (where s.{stem}_avg is not null), 0)"
            ));
            values.push(format!("min(s.{stem}_min)::float8"));
            values.push(format!("max(s.{stem}_max)::float8"));
        }
    }
    let removed = if per_gpu { "and g.removed_at is null" } else { "" };
    format!(
        "select extract(epoch from date_bin('{step} seconds', s.at, 'epoch'::timestamptz))::bigint, {index}, {} \
         from {table}{suffix} s {join} where {owner} = $1 {removed} and s.at >= $2 and s.at < $3 group by 1, 2",
        values.join(", ")
    )
}
