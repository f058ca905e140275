//! Months and days as people count them: in the installation's time zone.
//!
//! Invariants: a month later is the same day and wall-clock time, clamped where the month is shorter; a period that began
//! on the 31st comes back to the 31st after a short month; a wall-clock time that a change of the clocks skips becomes the
//! first one after it, one that comes twice is the earlier.

use chrono::{
    DateTime, Datelike as _, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;

/// `months` after `from`. `anchor` is where the period began: its day of the month is kept where `from` is the last day of
/// a month only because that month is shorter, and its time where `from` has another only because the clocks skipped it.
pub(crate) fn add_months(
    from: DateTime<Utc>,
    months: u32,
    zone: Tz,
    anchor: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let anchor = anchor.map(|anchor| anchor.with_timezone(&zone).naive_local());
    let start = from.with_timezone(&zone).naive_local();
    // Where the clocks skipped the time the period goes by, `from` is the first after it, and the next has that time again.
    let meant = anchor.map(|anchor| start.date().and_time(anchor.time()));
    let start = meant.filter(|meant| instant(*meant, zone) == Some(from)).unwrap_or(start);
    let end = start.checked_add_months(Months::new(months))?;
    let kept = anchor.filter(|anchor| {
        anchor.time() == start.time() && anchor.day() > start.day() && start.day() == days_in_month(start)
    });
    let end = match kept {
        Some(anchor) => end.with_day(anchor.day().min(days_in_month(end)))?,
        None => end,
    };
    instant(end, zone)
}

/// The day of an instant in this zone, `2026-11-30`.
pub(crate) fn day(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d").to_string()
}

/// The minute of an instant in this zone, with its name, `2026-11-30 16:05 CST`: a whole one at which the instant has come.
pub(crate) fn minute(at: DateTime<Utc>, zone: Tz) -> String {
    let begun = i64::from(at.timestamp_subsec_nanos() > 0 || at.timestamp() % 60 > 0);
    let whole = DateTime::from_timestamp((at.timestamp().div_euclid(60) + begun) * 60, 0).unwrap_or(at);
    whole.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

fn days_in_month(at: NaiveDateTime) -> u32 {
    at.date().num_days_in_month().into()
}

/// What time is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Hour,
    Day,
    Month,
}

/// When the hour, day or month that `at` is in began.
pub(crate) fn begin_of(at: DateTime<Utc>, unit: Unit, zone: Tz) -> DateTime<Utc> {
    let local = at.with_timezone(&zone);
    let into_hour = TimeDelta::minutes(local.minute().into())
        + TimeDelta::seconds(local.second().into())
        + TimeDelta::nanoseconds(local.nanosecond().into());
    let day = match unit {
        // Not by the wall clock, whose hours may come twice.
        Unit::Hour => return at - into_hour,
        Unit::Day => local.date_naive(),
        Unit::Month => local.date_naive().with_day(1).unwrap_or_default(),
    };
    instant(day.and_time(NaiveTime::MIN), zone).map_or(at, |begin| begin.min(at))
}

/// When the next hour, day or month after `at` begins.
pub(crate) fn next_begin(at: DateTime<Utc>, unit: Unit, zone: Tz) -> Option<DateTime<Utc>> {
    let next = match unit {
        Unit::Hour => return begin_of(at, unit, zone).checked_add_signed(TimeDelta::hours(1)),
        Unit::Day => at.with_timezone(&zone).date_naive().succ_opt()?,
        Unit::Month => at.with_timezone(&zone).date_naive().with_day(1)?.checked_add_months(Months::new(1))?,
    };
    instant(next.and_time(NaiveTime::MIN), zone).filter(|next| *next > at)
}

/// When a day begins, which is not at midnight where clocks go forward then.
pub(crate) fn begin_of_day(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    instant(day.and_time(NaiveTime::MIN), zone)
}

/// The instant of a wall-clock time.
fn instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    // Clocks go forward by half an hour in places, and once by a day (Samoa, 2011).
    (0..=24 * 4).find_map(|quarters| {
        let at = local.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
        Some(zone.from_local_datetime(&at).earliest()?.with_timezone(&Utc))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(from: &str, months: u32, zone: Tz, expected: &str) {
        assert_eq!(add_months(utc(from), months, zone, None), Some(utc(expected)), "{from} + {months} in {zone}");
    }

    #[test]
    fn months_end_where_the_month_does() {
        check("2026-01-31T09:00:00Z", 1, Tz::UTC, "2026-02-28T09:00:00Z");
        check("2028-01-31T09:00:00Z", 1, Tz::UTC, "2028-02-29T09:00:00Z");
        check("2028-02-29T09:00:00Z", 12, Tz::UTC, "2029-02-28T09:00:00Z");
        check("2026-12-15T09:00:00Z", 2, Tz::UTC, "2027-02-15T09:00:00Z");
    }

    #[test]
    fn the_day_is_that_of_the_zone() {
        // 31 January in Shanghai, still the 30th in UTC: in UTC a month later would be 1 March, 00:30 in Shanghai.
        check("2026-01-30T16:30:00Z", 1, Tz::Asia__Shanghai, "2026-02-27T16:30:00Z");
        assert_eq!(day(utc("2026-01-30T16:30:00Z"), Tz::Asia__Shanghai), "2026-01-31");
    }

    #[test]
    fn a_minute_that_is_named_is_not_before_the_instant() {
        for (at, expected) in [
            ("2026-01-30T16:30:00Z", "2026-01-31 00:30 CST"),
            ("2026-01-30T16:30:00.000001Z", "2026-01-31 00:31 CST"),
            ("2026-01-30T16:30:59Z", "2026-01-31 00:31 CST"),
        ] {
            assert_eq!(minute(utc(at), Tz::Asia__Shanghai), expected, "{at}");
        }
    }

    #[test]
    fn wall_clocks_are_kept_when_they_change() {
        // 10:00 in Berlin before and after the change: an hour less and an hour more between them.
        check("2026-03-15T09:00:00Z", 1, Tz::Europe__Berlin, "2026-04-15T08:00:00Z");
        check("2026-10-15T08:00:00Z", 1, Tz::Europe__Berlin, "2026-11-15T09:00:00Z");
        // 02:30 on 29 March 2026 does not exist there, 02:30 on 25 October comes twice.
        check("2026-02-28T01:30:00Z", 1, Tz::Europe__Berlin, "2026-03-28T01:30:00Z");
        check("2026-01-29T01:30:00Z", 2, Tz::Europe__Berlin, "2026-03-29T01:00:00Z");
        check("2026-09-25T00:30:00Z", 1, Tz::Europe__Berlin, "2026-10-25T00:30:00Z");
    }

    #[test]
    fn a_period_comes_back_to_the_day_it_began_on() {
        let began = Some(utc("2026-01-31T09:00:00Z"));
        let first = add_months(utc("2026-01-31T09:00:00Z"), 1, Tz::UTC, began).unwrap();
        assert_eq!(first, utc("2026-02-28T09:00:00Z"));
        assert_eq!(add_months(first, 1, Tz::UTC, began), Some(utc("2026-03-31T09:00:00Z")));
        assert_eq!(add_months(first, 2, Tz::UTC, began), Some(utc("2026-04-30T09:00:00Z")));
        // An end somebody chose is its own day.
        let chosen = utc("2026-02-27T09:00:00Z");
        assert_eq!(add_months(chosen, 1, Tz::UTC, began), Some(utc("2026-03-27T09:00:00Z")));
        let other_time = utc("2026-02-28T00:00:00Z");
        assert_eq!(add_months(other_time, 1, Tz::UTC, began), Some(utc("2026-03-28T00:00:00Z")));
    }

    #[test]
    fn far_ends_are_none_not_a_panic() {
        assert_eq!(add_months(DateTime::<Utc>::MAX_UTC, 1, Tz::UTC, None), None);
    }

    #[test]
    fn hours_days_and_months_begin_where_the_reader_is() {
        let berlin = chrono_tz::Europe::Berlin;
        for (at, unit, zone, begin, next) in [
            (
                "2026-11-27T16:30:05Z",
                Unit::Day,
                chrono_tz::Asia::Shanghai,
                "2026-11-27T16:00:00Z",
                "2026-11-28T16:00:00Z",
            ),
            (
                "2026-11-30T16:30:05Z",
                Unit::Month,
                chrono_tz::Asia::Shanghai,
                "2026-11-30T16:00:00Z",
                "2026-12-31T16:00:00Z",
            ),
            (
                "2026-11-27T16:40:05Z",
                Unit::Hour,
                chrono_tz::Asia::Kolkata,
                "2026-11-27T16:30:00Z",
                "2026-11-27T17:30:00Z",
            ),
            // Days of 23 and of 25 hours.
            ("2026-03-29T12:00:00Z", Unit::Day, berlin, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-10-25T12:00:00Z", Unit::Day, berlin, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("2026-10-25T01:30:00Z", Unit::Hour, berlin, "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"),
        ] {
            assert_eq!(begin_of(utc(at), unit, zone), utc(begin), "{at} {unit:?}");
            assert_eq!(next_begin(utc(at), unit, zone), Some(utc(next)), "{at} {unit:?}");
        }
    }
}
