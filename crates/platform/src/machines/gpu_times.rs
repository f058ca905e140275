//! When machines had which GPUs: hours of the past count those that were there then, not today's.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::store;
use crate::Result;
use crate::db::Tx;

/// GPUs that an agent finds within so long of a machine's first are what it came with.
const FIRST: TimeDelta = TimeDelta::hours(1);

/// From when to when a GPU was there.
type Time = (DateTime<Utc>, DateTime<Utc>);

/// The GPUs of some machines over time.
#[derive(Debug, Default)]
pub(crate) struct GpuTimes(HashMap<i64, Vec<Time>>);

impl GpuTimes {
    /// Those of these machines that the transaction's caller may see. Before its agent came, a machine had what the agent found
    /// then; where no agent ever found any, it has what was said of it.
    pub(crate) async fn load(tx: &mut Tx, ids: &[i64]) -> Result<Self> {
        let rows = store::gpu_times(tx, ids).await?;
        let mut firsts: HashMap<i64, DateTime<Utc>> = HashMap::new();
        for (machine, seen) in rows.iter().filter_map(|row| Some((row.machine, row.first_seen_at?))) {
            firsts.entry(machine).and_modify(|first| *first = seen.min(*first)).or_insert(seen);
        }
        let mut times: HashMap<i64, Vec<Time>> = HashMap::new();
        for row in rows {
            let of_machine = times.entry(row.machine).or_default();
            let always = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
            match (row.first_seen_at, firsts.get(&row.machine)) {
                (Some(seen), Some(first)) => {
                    let from = if seen - *first <= FIRST { always.0 } else { seen };
                    of_machine.push((from, row.removed_at.unwrap_or(always.1)));
                }
                _ => of_machine.extend((0..row.declared.unwrap_or(0)).map(|_| always)),
            }
        }
        Ok(Self(times))
    }

    /// Hours of all its GPUs in this time.
    pub(crate) fn hours(&self, machine: i64, from: DateTime<Utc>, until: DateTime<Utc>) -> f64 {
        let times = self.0.get(&machine).map(Vec::as_slice).unwrap_or_default();
        let within = times.iter().map(|(since, to)| (until.min(*to) - from.max(*since)).num_milliseconds().max(0));
        within.sum::<i64>() as f64 / 3_600_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_counts_while_it_is_there() {
        let at = |hour| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(hour);
        let always = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        let times = GpuTimes([(1, vec![always, (at(10), at(20)), (at(15), always.1)])].into());
        assert!((times.hours(1, at(0), at(10)) - 10.0).abs() < 1e-9);
        assert!((times.hours(1, at(10), at(20)) - 25.0).abs() < 1e-9);
        assert!((times.hours(1, at(30), at(31)) - 2.0).abs() < 1e-9);
        assert!(times.hours(2, at(0), at(9)).abs() < 1e-9 && times.hours(1, at(9), at(0)).abs() < 1e-9);
    }
}
