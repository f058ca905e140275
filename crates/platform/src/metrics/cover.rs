//! Periods that begin and end between the steps of a roll-up, and whose last steps are not rolled up yet: what the coarse tier
//! does not have whole is read from the next finer one.

use chrono::{DateTime, TimeDelta, Utc};

use super::store::Tier;

/// How long after its end a step is counted on: roll-ups come round by a job.
const ROLLED_UP_AFTER: TimeDelta = TimeDelta::minutes(2);

/// A part of a period, and where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub tier: Tier,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// The parts of a period in their order: whole steps of `tier` that are rolled up by `now`, and around them those of finer ones,
/// down to `finest`; what is shorter than a step of that one is left out.
pub(super) fn cover(
    (tier, finest): (Tier, Tier),
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Vec<Part> {
    if until <= from {
        return Vec::new();
    }
    let finer = tier.finer().filter(|_| tier != finest);
    if tier == Tier::Raw {
        return vec![Part { tier, from, until }];
    }
    let (first, last) = (up(from, tier), down(until.min(now - ROLLED_UP_AFTER), tier));
    let Some(finer) = finer else {
        return if first < last { vec![Part { tier, from: first, until: last }] } else { Vec::new() };
    };
    if first >= last {
        return cover((finer, finest), (from, until), now);
    }
    let mut parts = cover((finer, finest), (from, first), now);
    parts.push(Part { tier, from: first, until: last });
    parts.extend(cover((finer, finest), (last, until), now));
    parts
}

/// The beginning of the step it is in.
fn down(at: DateTime<Utc>, tier: Tier) -> DateTime<Utc> {
    let step = tier.seconds() * 1000;
    at - TimeDelta::milliseconds(at.timestamp_millis().rem_euclid(step)) - sub_milli(at)
}

/// The beginning of the first step that is not before it.
fn up(at: DateTime<Utc>, tier: Tier) -> DateTime<Utc> {
    let down = down(at, tier);
    if down == at { at } else { down + TimeDelta::seconds(tier.seconds()) }
}

/// What is finer than a millisecond.
fn sub_milli(at: DateTime<Utc>) -> TimeDelta {
    TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos() % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(clock: &str) -> DateTime<Utc> {
        format!("2026-11-20T{clock}Z").parse().unwrap()
    }

    fn shown(parts: Vec<Part>) -> Vec<(&'static str, String, String)> {
        let clock = |at: DateTime<Utc>| at.format("%H:%M:%S").to_string();
        parts.into_iter().map(|part| (part.tier.name(), clock(part.from), clock(part.until))).collect()
    }

    #[test]
    fn what_an_hour_does_not_have_whole_is_read_finer() {
        let parts = cover((Tier::Hour, Tier::Raw), (at("09:48:30"), at("13:10:00")), at("20:00:00"));
        let expected = [
            ("raw", "09:48:30", "09:49:00"),
            ("1m", "09:49:00", "09:50:00"),
            ("10m", "09:50:00", "10:00:00"),
            ("1h", "10:00:00", "13:00:00"),
            ("10m", "13:00:00", "13:10:00"),
        ];
        assert_eq!(shown(parts), expected.map(|(tier, from, until)| (tier, from.to_owned(), until.to_owned())));
        let within = cover((Tier::Hour, Tier::Minute), (at("13:04:10.5"), at("13:08:59")), at("20:00:00"));
        assert_eq!(shown(within), [("1m", "13:05:00".to_owned(), "13:08:00".to_owned())], "to the minute");
        assert!(cover((Tier::Hour, Tier::Minute), (at("13:04:10"), at("13:04:50")), at("20:00:00")).is_empty());
        assert!(cover((Tier::Hour, Tier::Raw), (at("13:00:00"), at("13:00:00")), at("20:00:00")).is_empty());
    }

    #[test]
    fn what_is_not_rolled_up_yet_is_read_finer() {
        let parts = cover((Tier::Hour, Tier::Raw), (at("11:00:00"), at("13:01:30")), at("13:01:30"));
        let expected = [
            ("1h", "11:00:00", "12:00:00"),
            ("10m", "12:00:00", "12:50:00"),
            ("1m", "12:50:00", "12:59:00"),
            ("raw", "12:59:00", "13:01:30"),
        ];
        assert_eq!(shown(parts), expected.map(|(tier, from, until)| (tier, from.to_owned(), until.to_owned())));
    }
}
