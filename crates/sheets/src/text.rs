//! What a cell says, as text.

use std::borrow::Cow;

use calamine::{DataRef, ExcelDateTime, ExcelDateTimeType};

const DAY_SECONDS: f64 = 86_400.0;
/// First day after the last one Excel knows, 9999-12-31, in the system that counts from 1900.
const DAYS_END: f64 = 2_958_466.0;
const DAYS_BETWEEN_SYSTEMS: f64 = 1462.0;

/// The text of a cell; empty where it is blank. `from_1904`: the workbook counts days from 1904, as old Macs did.
pub(crate) fn of_cell<'a>(value: &'a DataRef<'_>, from_1904: bool) -> Cow<'a, str> {
    match value {
        DataRef::Empty => Cow::Borrowed(""),
        DataRef::String(text) => Cow::Borrowed(trim(text)),
        DataRef::SharedString(text) => Cow::Borrowed(trim(text)),
        // As Excel shows it.
        DataRef::Bool(true) => Cow::Borrowed("TRUE"),
        DataRef::Bool(false) => Cow::Borrowed("FALSE"),
        DataRef::Int(number) => Cow::Owned(number.to_string()),
        DataRef::Float(number) => Cow::Owned(of_number(*number)),
        DataRef::DateTime(when) => Cow::Owned(of_date(*when, from_1904)),
        DataRef::DateTimeIso(text) => Cow::Borrowed(of_iso(trim(text))),
        DataRef::DurationIso(text) => Cow::Borrowed(trim(text)),
        DataRef::Error(error) => Cow::Owned(error.to_string()),
    }
}

/// Without spaces at the ends: no-break, full-width and zero-width ones come with text copied from pages.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Spaces of every kind, also those that take no room.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

/// Shortest decimal text. Fractions are rounded to the 15 digits that Excel shows, so that a sum of 0.1 and 0.2 is 0.3.
fn of_number(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.fract() == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    format!("{number:.14e}").parse::<f64>().unwrap_or(number).to_string()
}

fn of_date(when: ExcelDateTime, from_1904: bool) -> String {
    let value = when.as_f64();
    let end = if from_1904 { DAYS_END - DAYS_BETWEEN_SYSTEMS } else { DAYS_END };
    if !(0.0..end).contains(&value) {
        // No date: Excel shows a row of `#` there.
        return of_number(value);
    }
    // A time is a fraction of a day: without rounding, noon may come out a second early.
    let seconds = (value * DAY_SECONDS).round();
    if when.is_duration() || seconds < DAY_SECONDS {
        let seconds = seconds as u64;
        return format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let rounded = ExcelDateTime::new(seconds / DAY_SECONDS, ExcelDateTimeType::DateTime, from_1904);
    let (year, month, day, hour, minute, second, _) = rounded.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

/// Without midnight, fractions of a second and time zone, which Excel itself does not have.
fn of_iso(text: &str) -> &str {
    let Some((date, time)) = text.split_once('T') else { return text };
    let time = time.split(['.', 'Z', '+']).next().unwrap_or(time);
    if time == "00:00:00" { date } else { &text[..date.len() + 1 + time.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> String {
        of_cell(&DataRef::Float(value), false).into_owned()
    }

    fn date(value: f64, from_1904: bool) -> String {
        of_date(ExcelDateTime::new(value, ExcelDateTimeType::DateTime, from_1904), from_1904)
    }

    #[test]
    fn numbers_are_as_short_as_can_be() {
        let cases = [
            (8.0, "8"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (1.1, "1.1"),
            (-2.5, "-2.5"),
            (1e15 + 1.0, "1000000000000001"),
            (1e-7, "0.0000001"),
            (1234567.891, "1234567.891"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn dates_in_both_systems() {
        assert_eq!(date(45943.0, false), "2025-10-13");
        assert_eq!(date(45943.0 - 1462.0, true), "2025-10-13");
        assert_eq!(date(45943.5, false), "2025-10-13T12:00:00");
        // One millisecond before noon is how some programs write noon.
        assert_eq!(date(45_943.499_999_99, false), "2025-10-13T12:00:00");
        assert_eq!(date(45_943.999_999_999, false), "2025-10-14");
        assert_eq!(date(0.5625, false), "13:30:00");
        assert_eq!(date(-1.0, false), "-1");
        assert_eq!(date(1e9, true), "1000000000");
    }

    #[test]
    fn durations_go_beyond_a_day() {
        let when = ExcelDateTime::new(1.25, ExcelDateTimeType::TimeDelta, false);
        assert_eq!(of_date(when, false), "30:00:00");
    }

    #[test]
    fn iso_dates_lose_what_excel_does_not_have() {
        assert_eq!(of_iso("2026-02-01T00:00:00.000Z"), "2026-02-01");
        assert_eq!(of_iso("2026-02-01T08:30:00.5"), "2026-02-01T08:30:00");
        assert_eq!(of_iso("2026-02-01"), "2026-02-01");
    }

    #[test]
    fn spaces_of_all_kinds_go_from_the_ends_only() {
        assert_eq!(trim("\u{3000}\u{A0} A\u{3000}B \u{200B}\n"), "A\u{3000}B");
    }
}
