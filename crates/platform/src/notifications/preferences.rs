//! How a person wants to be told: per kind and way, and the hours in which what is not urgent waits.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveTime, TimeZone as _, Timelike as _, Utc};
use contract::notifications::{NotificationChoice, NotificationKind, NotificationPreferences};

use super::{Ways, changeable, readable, store};
use crate::fields::Wrong;
use crate::{OpContext, Platform, Result, audit};

/// From and until, minutes of the day; over midnight when the first is the later.
pub(super) type Quiet = (i16, i16);

/// The caller's choices; every kind is there that can concern them.
pub async fn preferences(platform: &Platform, ctx: &OpContext) -> Result<NotificationPreferences> {
    let granted = readable(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let chosen = store::choices(&mut tx, granted.id()).await?;
    let quiet = store::quiet(&mut tx, granted.id()).await?;
    tx.commit().await?;
    Ok(in_force(concerning(ctx), &chosen, quiet))
}

/// What of these kinds was chosen, or else is the usual, and the hours.
fn in_force(
    kinds: impl Iterator<Item = NotificationKind>,
    chosen: &HashMap<NotificationKind, Ways>,
    quiet: Option<Quiet>,
) -> NotificationPreferences {
    let choices = kinds.map(|kind| {
        let Ways { in_app, mail, webhook } =
            chosen.get(&kind).copied().filter(|_| !kind.is_security()).unwrap_or(Ways::ALL);
        NotificationChoice { kind, in_app, mail, webhook }
    });
    NotificationPreferences {
        choices: choices.collect(),
        quiet_from: quiet.map(|(from, _)| clock(from)),
        quiet_until: quiet.map(|(_, until)| clock(until)),
    }
}

/// Kinds the caller can be told of; of others nothing is kept, so that who comes to hold more later is told of everything.
fn concerning(ctx: &OpContext) -> impl Iterator<Item = NotificationKind> {
    NotificationKind::ALL.into_iter().filter(|kind| kind.concerns().is_none_or(|permission| ctx.holds(permission)))
}

/// Keeps the caller's choices.
///
/// # Errors
/// `Validation` for hours that are none, for one without the other, and for a word against what is always told.
pub async fn set_preferences(
    platform: &Platform,
    ctx: &OpContext,
    mut body: NotificationPreferences,
) -> Result<NotificationPreferences> {
    let ctx = &ctx.trying_own("accounts:update-notifications");
    let granted = changeable(ctx)?;
    // One word per kind, the last: a long body is neither written line by line nor kept in the log.
    let said = std::mem::take(&mut body.choices);
    let last = |kind: NotificationKind| said.iter().rfind(|choice| choice.kind == kind).copied();
    body.choices = concerning(ctx).filter(|kind| !kind.is_security()).filter_map(last).collect();
    let mut wrong = Wrong::new();
    // Refused, not left out: whoever says it would believe it.
    let silenced = |choice: &NotificationChoice| !(choice.in_app && choice.mail && choice.webhook);
    if said.iter().any(|choice| choice.kind.is_security() && silenced(choice)) {
        wrong.add("choices", "field-notification-always");
    }
    let keeps_hours = body.quiet_from.is_none() && body.quiet_until.is_none();
    let quiet = quiet_of(&mut wrong, &body);
    wrong.into_result()?;
    let mut tx = platform.db().begin(ctx).await?;
    let (chosen, hours) = (store::choices(&mut tx, granted.id()).await?, store::quiet(&mut tx, granted.id()).await?);
    // Of what is said now, what it was.
    let mut was = in_force(body.choices.iter().map(|choice| choice.kind), &chosen, hours);
    if keeps_hours {
        (was.quiet_from, was.quiet_until) = (None, None);
    }
    for choice in &body.choices {
        store::set_choice(&mut tx, &granted, choice).await?;
    }
    if !keeps_hours {
        store::set_quiet(&mut tx, &granted, quiet).await?;
    }
    let entry = audit::Entry {
        action: "accounts:update-notifications",
        target_kind: "user",
        target_id: Some(granted.id().to_string()),
        customer: None,
        before: Some(serde_json::to_value(&was).map_err(crate::Error::internal)?),
        after: Some(serde_json::to_value(&body).map_err(crate::Error::internal)?),
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    preferences(platform, ctx).await
}

fn quiet_of(wrong: &mut Wrong, body: &NotificationPreferences) -> Option<Quiet> {
    // Nothing at all, something that is no time of day, or one.
    let mut minute = |path: &'static str, text: &Option<String>| {
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
        let read = NaiveTime::parse_from_str(text, "%H:%M").ok();
        if read.is_none() {
            wrong.add(path, "field-not-a-clock");
        }
        Some(read.map(|time| (time.num_seconds_from_midnight() / 60) as i16))
    };
    let (from, until) = (minute("quietFrom", &body.quiet_from), minute("quietUntil", &body.quiet_until));
    match (from, until) {
        (Some(Some(from)), Some(Some(until))) if from == until => {
            wrong.add("quietUntil", "field-quiet-equal");
            None
        }
        (Some(Some(from)), Some(Some(until))) => Some((from, until)),
        (Some(_), None) => {
            wrong.add("quietUntil", "field-required");
            None
        }
        (None, Some(_)) => {
            wrong.add("quietFrom", "field-required");
            None
        }
        _ => None,
    }
}

fn clock(minute: i16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `now`, or the end of the quiet hours it falls into.
pub(super) fn after_quiet((from, until): Quiet, now: DateTime<Utc>, zone: chrono_tz::Tz) -> DateTime<Utc> {
    let local = now.with_timezone(&zone);
    let minute = (local.num_seconds_from_midnight() / 60) as i16;
    let inside = if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until };
    if !inside {
        return now;
    }
    // In the evening of hours over midnight, they end tomorrow.
    let days = u64::from(from > until && minute >= from);
    let end = NaiveTime::from_num_seconds_from_midnight_opt(until as u32 * 60, 0)
        .zip(local.date_naive().checked_add_days(Days::new(days)))
        .map(|(time, day)| day.and_time(time));
    // An hour that a clock change leaves out has no such instant: then it does not wait.
    end.and_then(|end| zone.from_local_datetime(&end).earliest()).map_or(now, |end| end.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_waits_for_the_end_of_quiet_hours_in_ones_own_time() {
        let zone = chrono_tz::Asia::Shanghai;
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        // 22:00 to 07:30 in Shanghai is 14:00 to 23:30 UTC.
        let night = (22 * 60, 7 * 60 + 30);
        let cases = [
            ("2026-11-25T13:59:00Z", "2026-11-25T13:59:00Z"),
            ("2026-11-25T14:00:00Z", "2026-11-25T23:30:00Z"),
            ("2026-11-25T20:00:00Z", "2026-11-25T23:30:00Z"),
            ("2026-11-25T23:30:00Z", "2026-11-25T23:30:00Z"),
        ];
        for (now, expected) in cases {
            assert_eq!(after_quiet(night, at(now), zone), at(expected), "{now}");
        }
        let noon = (12 * 60, 13 * 60);
        assert_eq!(after_quiet(noon, at("2026-11-25T04:10:00Z"), zone), at("2026-11-25T05:00:00Z"));
        assert_eq!(after_quiet(noon, at("2026-11-25T05:00:00Z"), zone), at("2026-11-25T05:00:00Z"));
    }
}
