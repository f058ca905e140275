//! History of one machine on one time grid, from the tier that fits the range.

use chrono::{DateTime, TimeDelta, Utc};
use contract::metrics::{History, HistoryQuery, HistoryRange, Metric, Series};
use contract::{ErrorCode, MachineId, Permission};

use super::cover::cover;
use super::store::{self, Tier};
use crate::authz::{MachineRef, ViewMetrics};
use crate::{Error, OpContext, Platform, Result, SystemActor, machines};

/// Most steps of one answer.
const MAX_STEPS: i64 = 1100;

/// What to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    tier: Tier,
    step_seconds: i64,
}

/// Averages with minimum and maximum per step; steps without a measurement are null.
pub async fn history(platform: &Platform, ctx: &OpContext, code: &str, query: &HistoryQuery) -> Result<History> {
    ctx.authorize_list::<MachineRef>(Permission::MetricsView)?;
    let machine = machines::find(platform, ctx, code).await?;
    let granted = ctx.authorize(ViewMetrics, &machines::resource(machine))?;
    let period = period(query, ctx.now())?;
    read(platform, ctx, ctx, (granted.id(), code), query, period).await
}

/// The same for a slice that has decided that the caller may see this machine's figures of this period. What was before or
/// came after is not cut out of an answer but never read.
pub(crate) async fn history_between(
    platform: &Platform,
    ctx: &OpContext,
    machine: (MachineId, &str),
    query: &HistoryQuery,
    (since, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<History> {
    let (from, to) = period(query, ctx.now().min(until))?;
    let from = from.max(since);
    if to <= from {
        return Err(Error::field("to", "field-time-range"));
    }
    // Row-level security keeps figures from customers altogether; the right to these was decided above.
    let system = ctx.as_system(SystemActor::Metrics);
    read(platform, ctx, &system, machine, query, (from, to)).await
}

async fn read(
    platform: &Platform,
    ctx: &OpContext,
    reader: &OpContext,
    (machine, code): (MachineId, &str),
    query: &HistoryQuery,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<History> {
    let wanted = metrics(query)?;
    let plan = plan(from, to, ctx.now());
    let step = plan.step_seconds;
    // The grid is aligned to the step, so that the same minute is the same point in every answer.
    let first = from.timestamp().div_euclid(step) * step;
    let at: Vec<i64> = (first..to.timestamp()).step_by(step as usize).collect();
    let start = DateTime::from_timestamp(first, 0).ok_or_else(|| Error::field("from", "field-time-range"))?;
    // The grid begins at or before `from`; what lies before it is not read.
    let mut tx = platform.db().begin(reader).await?;
    let parts = cover((plan.tier, Tier::Raw), (from.max(start), to), ctx.now());
    let points = store::history(&mut tx, machine, &parts, step, &wanted).await?;
    let gpus = store::gpu_indices(&mut tx, machine).await?;
    tx.commit().await?;
    let mut series: Vec<Series> = Vec::new();
    for metric in &wanted {
        let of: Vec<Option<u32>> =
            if metric.is_per_gpu() { gpus.iter().copied().map(Some).collect() } else { vec![None] };
        series.extend(of.into_iter().map(|gpu| Series {
            metric: *metric,
            unit: metric.unit().to_owned(),
            gpu,
            avg: vec![None; at.len()],
            min: vec![None; at.len()],
            max: vec![None; at.len()],
        }));
    }
    for point in points {
        let index = usize::try_from((point.at - first) / step).unwrap_or(usize::MAX);
        let line = series.iter_mut().find(|line| line.metric == point.metric && line.gpu == point.gpu);
        if let Some(line) = line.filter(|_| index < at.len()) {
            (line.avg[index], line.min[index], line.max[index]) = (point.avg, point.min, point.max);
        }
    }
    Ok(History {
        id: code.to_owned(),
        from: start,
        to,
        step_seconds: step as u32,
        tier: plan.tier.name().to_owned(),
        at,
        series,
    })
}

fn period(query: &HistoryQuery, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    match (query.range, query.from, query.to) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(Error::field("range", "field-range-or-from-to")),
        (None, Some(from), to) => {
            let to = to.unwrap_or(now).min(now);
            let fits = from < to && to - from <= TimeDelta::days(731);
            if fits { Ok((from, to)) } else { Err(Error::field("from", "field-time-range")) }
        }
        (None, None, Some(_)) => Err(Error::field("from", "field-required")),
        (range, None, None) => {
            let range = range.unwrap_or(HistoryRange::Hour);
            Ok((now - TimeDelta::seconds(range.seconds()), now))
        }
    }
}

fn metrics(query: &HistoryQuery) -> Result<Vec<Metric>> {
    let Some(words) = query.metric.as_deref().filter(|words| !words.is_empty()) else {
        return Ok(Metric::ALL.to_vec());
    };
    let mut wanted = Vec::new();
    for word in words.split(',') {
        let metric = Metric::parse(word.trim()).ok_or_else(|| {
            let mut unknown = Error::new(ErrorCode::Validation).with_field("metric", "field-metric-unknown");
            unknown.fields[0].args.push(("metric", word.chars().take(40).collect()));
            unknown
        })?;
        if !wanted.contains(&metric) {
            wanted.push(metric);
        }
    }
    Ok(wanted)
}

/// The finest tier that still holds the whole range and needs no more than a chart's worth of points.
fn plan(from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>) -> Plan {
    let length = (to - from).num_seconds().max(1);
    let age = now - from;
    let (tier, step) = if length <= 2 * 3600 && age <= TimeDelta::hours(24) {
        (Tier::Raw, if length <= 1000 { 1 } else { 10 })
    } else if length <= 6 * 3600 && age <= TimeDelta::days(30) {
        (Tier::Minute, 60)
    } else if length <= 2 * 86_400 && age <= TimeDelta::days(30) {
        (Tier::Minute, 300)
    } else if length <= 8 * 86_400 && age <= TimeDelta::days(180) {
        (Tier::TenMinutes, 600)
    } else {
        (Tier::Hour, 3600)
    };
    let needed = length / MAX_STEPS + 1;
    Plan { tier, step_seconds: if step >= needed { step } else { (needed + step - 1) / step * step } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_reads_the_right_tier() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (range, tier, step) in [
            (HistoryRange::Hour, Tier::Raw, 10),
            (HistoryRange::SixHours, Tier::Minute, 60),
            (HistoryRange::Day, Tier::Minute, 300),
            (HistoryRange::Week, Tier::TenMinutes, 600),
            (HistoryRange::Month, Tier::Hour, 3600),
        ] {
            let plan = plan(now - TimeDelta::seconds(range.seconds()), now, now);
            assert_eq!((plan.tier, plan.step_seconds), (tier, step), "{}", range.code());
        }
        let old_hour = plan(now - TimeDelta::days(3), now - TimeDelta::days(3) + TimeDelta::hours(1), now);
        assert_eq!(old_hour.tier, Tier::Minute, "raw samples of three days ago are gone");
    }
}
