//! Times in the reader's zone, 24-hour, with the offset on hover.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use leptos::prelude::*;

/// `2026-11-20 12:03:05`.
pub fn date_time(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `12:03:05`.
pub fn clock(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// A time as a view, in the words of [`date_time`].
pub fn time(at: DateTime<Utc>, zone: Tz) -> impl IntoView {
    let local = at.with_timezone(&zone);
    in_words(at, zone, local.format("%Y-%m-%d").to_string(), clock(at, zone))
}

/// The end of a period as a view: what ends with a day is of that day, at 24:00:00, as who typed the last day means it.
pub fn end_time(at: DateTime<Utc>, zone: Tz) -> impl IntoView {
    let (day, clock) = end_words(at, zone);
    in_words(at, zone, day, clock)
}

/// The same as text, `2027-03-31 24:00:00`.
pub fn end_date_time(at: DateTime<Utc>, zone: Tz) -> String {
    let (day, clock) = end_words(at, zone);
    format!("{day} {clock}")
}

fn end_words(at: DateTime<Utc>, zone: Tz) -> (String, String) {
    let local = at.with_timezone(&zone);
    let last = local.date_naive().pred_opt().filter(|_| local.time() == chrono::NaiveTime::MIN);
    match last {
        Some(last) => (last.format("%Y-%m-%d").to_string(), "24:00:00".to_owned()),
        None => (local.format("%Y-%m-%d").to_string(), clock(at, zone)),
    }
}

fn in_words(at: DateTime<Utc>, zone: Tz, day: String, clock: String) -> impl IntoView {
    let offset = at.with_timezone(&zone).format("%:z").to_string();
    view! {
        <time datetime=at.to_rfc3339() title=format!("UTC{offset} {}", zone.name())>
            // Where there is no room for both, the day stands above the hour.
            <span class="whole">{day}</span> " " <span class="whole">{clock}</span>
        </time>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_with_a_day_is_of_that_day() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let zone = chrono_tz::Asia::Shanghai;
        assert_eq!(end_date_time(at("2027-03-31T16:00:00Z"), zone), "2027-03-31 24:00:00");
        assert_eq!(end_date_time(at("2027-03-31T16:00:01Z"), zone), "2027-04-01 00:00:01");
        assert_eq!(end_date_time(at("2027-03-31T00:00:00Z"), zone), "2027-03-31 08:00:00");
    }
}
