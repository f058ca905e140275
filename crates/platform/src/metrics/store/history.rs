//! Reading history: one statement per table, made of constants and an enum of figures.

use contract::MachineId;
use contract::metrics::Metric;
use sqlx::{AssertSqlSafe, Row};

use super::Tier;
use crate::Result;
use crate::db::Tx;
use crate::metrics::cover::Part;

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

/// The steps of these parts of a period, put together where several parts lie in one step.
pub(in crate::metrics) async fn history(
    tx: &mut Tx,
    machine: MachineId,
    parts: &[Part],
    step: i64,
    metrics: &[Metric],
) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for per_gpu in [false, true] {
        let wanted: Vec<Metric> = metrics.iter().copied().filter(|m| m.is_per_gpu() == per_gpu).collect();
        if wanted.is_empty() || parts.is_empty() {
            continue;
        }
        let sql = statement(parts, step, per_gpu, &wanted);
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(machine.0);
        for part in parts {
            query = query.bind(part.from).bind(part.until);
        }
        for row in query.fetch_all(&mut **tx).await? {
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

fn statement(parts: &[Part], step: i64, per_gpu: bool, metrics: &[Metric]) -> String {
    let (table, join, index, owner) = if per_gpu {
        ("gpu_samples", "join gpus g on g.id = s.gpu_id and g.removed_at is null", "g.gpu_index", "g.machine_id")
    } else {
        ("machine_samples", "", "null::int", "s.machine_id")
    };
    // A row of each part: place, instant, weight, and each figure's mean, lowest and highest.
    let rows = parts.iter().enumerate().map(|(number, part)| {
        let raw = part.tier == Tier::Raw;
        let suffix = if raw { String::new() } else { format!("_{}", part.tier.name()) };
        let figures = metrics.iter().enumerate().map(|(i, metric)| {
            let (column, stem) = column(*metric);
            let [avg, min, max] = if raw {
                [(); 3].map(|()| column.to_owned())
            } else {
                ["avg", "min", "max"].map(|f| format!("{stem}_{f}"))
            };
            format!("s.{avg}::float8 as a{i}, s.{min}::float8 as l{i}, s.{max}::float8 as h{i}")
        });
        let weight = if raw { "1" } else { "s.samples" };
        let (from, to) = (2 * number + 2, 2 * number + 3);
        format!(
            "select {index} as place, s.at, {weight} as weight, {} from {table}{suffix} s {join} \
             where {owner} = $1 and s.at >= ${from} and s.at < ${to}",
            figures.collect::<Vec<_>>().join(", ")
        )
    });
    let values = (0..metrics.len()).map(|i| {
        format!("sum(a{i} * weight) / nullif(sum(weight) filter (where a{i} is not null), 0), min(l{i}), max(h{i})")
    });
    format!(
        "select extract(epoch from date_bin('{step} seconds', at, 'epoch'::timestamptz))::bigint, place, {} \
         from ({}) measured group by 1, 2",
        values.collect::<Vec<_>>().join(", "),
        rows.collect::<Vec<_>>().join(" union all ")
    )
}
