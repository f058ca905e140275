//! How times are read that come in: RFC 3339 writes years of four digits, while our type of times also reads `-9999` and
//! `+262142`, which no column of the database holds and with which nothing can be counted.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize as _, Deserializer, de::Error as _};

/// Whether a day is of a year that can be written with four digits, the year 0 left out.
pub fn is_writable(day: NaiveDate) -> bool {
    (1..=9999).contains(&day.year())
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let at = DateTime::<Utc>::deserialize(deserializer)?;
    if is_writable(at.date_naive()) { Ok(at) } else { Err(D::Error::custom("not within the years 1 to 9999")) }
}

/// The same where none may be said.
pub(crate) fn maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    match Option::<DateTime<Utc>>::deserialize(deserializer)? {
        Some(at) if !is_writable(at.date_naive()) => Err(D::Error::custom("not within the years 1 to 9999")),
        read => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::AuditQuery;
    use crate::machines::MaintenanceCreate;

    #[test]
    fn times_are_of_years_with_four_digits() {
        let reads = |at: &str| {
            let query = serde_json::json!({ "from": at });
            let body = serde_json::json!({ "endsAt": at, "message": "New fans" });
            let (query, body) =
                (serde_json::from_value::<AuditQuery>(query), serde_json::from_value::<MaintenanceCreate>(body));
            assert_eq!(query.is_ok(), body.is_ok(), "{at}");
            query.is_ok()
        };
        for at in ["0001-01-01T00:00:00Z", "2026-11-27T10:00:00+08:00", "9999-12-31T23:59:59Z"] {
            assert!(reads(at), "{at}");
        }
        for at in [
            "-9999-01-01T00:00:00Z",
            "0000-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00",
            "+10000-01-01T00:00:00Z",
            "+262142-12-31T00:00:00Z",
        ] {
            assert!(!reads(at), "{at}");
        }
        assert_eq!(serde_json::from_str::<AuditQuery>("{}").expect("nothing said"), AuditQuery::default());
    }
}
