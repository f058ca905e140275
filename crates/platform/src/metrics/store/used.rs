//! SQL of how much GPUs were used in periods that begin and end within an hour.

use chrono::{DateTime, Utc};
use contract::MachineId;
use sqlx::{AssertSqlSafe, Row as _};

use super::Tier;
use crate::Result;
use crate::db::Tx;
use crate::metrics::cover::Part;

/// Samples of the machines' GPUs in parts of periods, and the sum of their utilisation, %: added to the place each part is of.
pub(in crate::metrics) async fn gpu_use_of(
    tx: &mut Tx,
    parts: &[(usize, MachineId, Part)],
    found: &mut [(f64, f64)],
) -> Result<()> {
    for tier in [Tier::Hour, Tier::TenMinutes, Tier::Minute, Tier::Raw] {
        let of_tier: Vec<_> = parts.iter().filter(|(_, _, part)| part.tier == tier).collect();
        if of_tier.is_empty() {
            continue;
        }
        let places: Vec<i64> = of_tier.iter().map(|(place, ..)| *place as i64).collect();
        let machines: Vec<i64> = of_tier.iter().map(|(_, machine, _)| machine.0).collect();
        let (from, until): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) =
            of_tier.iter().map(|(_, _, part)| (part.from, part.until)).unzip();
        // Made of constants only.
        let rows = sqlx::query(AssertSqlSafe(statement(tier)))
            .bind(&places)
            .bind(&machines)
            .bind(&from)
            .bind(&until)
            .fetch_all(&mut **tx)
            .await?;
        for row in rows {
            let place: i64 = row.try_get(0)?;
            let (samples, util): (f64, f64) = (row.try_get(1)?, row.try_get(2)?);
            if let Some(sum) = usize::try_from(place).ok().and_then(|place| found.get_mut(place)) {
                sum.0 += samples;
                sum.1 += util;
            }
        }
    }
    Ok(())
}

fn statement(tier: Tier) -> String {
    let (table, samples, util) = match tier {
        Tier::Raw => ("gpu_samples".to_owned(), "1", "s.util_percent"),
        rolled => (format!("gpu_samples_{}", rolled.name()), "s.samples", "s.util_avg"),
    };
    format!(
        "select w.place, sum({samples})::float8, sum({util} * {samples})::float8 \
         from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[]) \
                as w (place, machine_id, from_at, until_at) \
           join gpus g on g.machine_id = w.machine_id \
           join {table} s on s.gpu_id = g.id and s.at >= w.from_at and s.at < w.until_at and {util} is not null \
         group by w.place"
    )
}
