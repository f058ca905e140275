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
    view! {
        <time datetime=at.to_rfc3339() title=format!("UTC{} {}", local.format("%:z"), zone.name())>
            // Where there is no room for both, the day stands above the hour.
            <span class="whole">{local.format("%Y-%m-%d").to_string()}</span> " " <span class="whole">{clock(at, zone)}</span>
        </time>
    }
}
