//! Whether a value fits its setting, and how it is kept.

use contract::settings::{SettingKind, SettingSpec};
use serde_json::{Value, json};

use super::logo;
use crate::{fields, outbound};

/// Message key and its values.
pub(super) type Fault = (&'static str, Vec<(&'static str, String)>);

/// The value as it is kept; null for the default.
pub(super) fn check(spec: &SettingSpec, value: &Value) -> Result<Value, Fault> {
    let plain = |key: &'static str| Err((key, Vec::new()));
    let text = match value {
        Value::Null => return Ok(Value::Null),
        Value::Bool(flag) if spec.kind == SettingKind::Flag => return Ok(json!(flag)),
        Value::Number(number) => return check_number(spec, number.as_i64()),
        // A password may begin or end with a blank.
        Value::String(text) if spec.is_secret() => text.as_str(),
        Value::String(text) => text.trim(),
        _ => return plain("field-malformed"),
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let fits = match spec.kind {
        SettingKind::Choice(words) if !words.contains(&text) => return plain("field-unknown-value"),
        SettingKind::Number { .. } | SettingKind::NumberOrNever { .. } => {
            return check_number(spec, text.parse().ok());
        }
        SettingKind::Text { max } | SettingKind::Secret { max } if text.chars().count() > max as usize => {
            return Err(("field-too-long", vec![("max", max.to_string())]));
        }
        SettingKind::Secret { .. } if text.chars().any(char::is_control) => {
            return plain("field-control-characters");
        }
        // Names stand in pages and mails of others.
        SettingKind::Text { .. } if text.chars().any(fields::unseen) => return plain("field-control-characters"),
        SettingKind::Host if !is_host(text) => return plain("field-address"),
        // A name may mean another address by then: that is looked at when something is sent.
        SettingKind::Host if text.parse().is_ok_and(|address| !outbound::may_be_a_host(address)) => {
            return plain("field-url-closed");
        }
        SettingKind::Email if text.len() > 254 || !fields::is_email(text) => return plain("field-email"),
        SettingKind::TimeZone if text.parse::<chrono_tz::Tz>().is_err() => return plain("field-time-zone-unknown"),
        SettingKind::Networks => match outbound::read_ranges(text) {
            // Nothing but commas.
            Some(ranges) if ranges.is_empty() => return Ok(Value::Null),
            Some(ranges) => ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            None => return plain("field-private-ranges"),
        },
        SettingKind::Flag => match text {
            "true" => return Ok(json!(true)),
            "false" => return Ok(json!(false)),
            _ => return plain("field-yes-or-no"),
        },
        SettingKind::Image => logo::recode_text(text)?,
        _ => text.to_owned(),
    };
    Ok(json!(fits))
}

fn check_number(spec: &SettingSpec, number: Option<i64>) -> Result<Value, Fault> {
    let (min, max, never) = match spec.kind {
        SettingKind::Number { min, max } => (min, max, false),
        SettingKind::NumberOrNever { min, max } => (min, max, true),
        _ => return Err(("field-malformed", Vec::new())),
    };
    match number {
        Some(number) if (min..=max).contains(&number) || (never && number == 0) => Ok(json!(number)),
        _ if never => Err(("field-number-or-never", vec![("min", min.to_string()), ("max", max.to_string())])),
        _ => Err(("field-number-range", vec![("min", min.to_string()), ("max", max.to_string())])),
    }
}

/// A host name or an IP address.
pub(crate) fn is_host(text: &str) -> bool {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use contract::settings::setting;

    use super::*;

    #[test]
    fn values_fit_or_are_named() {
        let cases: [(&str, Value, Option<Value>); 31] = [
            ("general.audit_retention_days", json!(0), Some(json!(0))),
            ("general.audit_retention_days", json!(179), None),
            ("general.audit_retention_days", json!("180"), Some(json!(180))),
            ("general.audit_retention_days", json!(-1), None),
            ("sign_in.sign_up", json!("invitation"), Some(json!("invitation"))),
            ("sign_in.sign_up", json!("always"), None),
            ("sign_in.password_min_length", json!(5), None),
            ("sign_in.password_min_length", json!("12"), Some(json!(12))),
            ("sign_in.password_min_length", json!(129), None),
            ("sign_in.password_min_length", json!(10.5), None),
            ("sign_in.totp_for_admins", json!("true"), Some(json!(true))),
            ("sign_in.totp_for_admins", json!(1), None),
            ("mail.host", json!(" mail.example.org "), Some(json!("mail.example.org"))),
            ("mail.host", json!("mail.example.org:25"), None),
            ("mail.host", json!("::1"), Some(json!("::1"))),
            ("mail.host", json!("169.254.169.254"), None),
            ("mail.host", json!("fe80::1"), None),
            ("mail.host", json!("10.0.0.25"), Some(json!("10.0.0.25"))),
            ("mail.from_address", json!("gpu@example"), None),
            ("mail.from_name", json!("a\r\nBcc: b@example.org"), None),
            ("mail.password", json!(" secret "), Some(json!(" secret "))),
            ("mail.host", json!(""), Some(Value::Null)),
            ("general.time_zone", json!("Asia/Shanghai"), Some(json!("Asia/Shanghai"))),
            ("general.time_zone", json!("Mars/Olympus"), None),
            ("notifications.private_ranges", json!("10.0.0.0/8 ::1"), Some(json!("10.0.0.0/8, ::1/128"))),
            ("notifications.private_ranges", json!("0.0.0.0/0"), None),
            ("notifications.private_ranges", json!(" , "), Some(Value::Null)),
            ("branding.name", json!(["x"]), None),
            ("branding.name", json!("Lab\u{202e}7"), None),
            ("mail.from_name", json!("Lab \u{2067}7"), None),
            ("branding.name", json!("مختبر 7"), Some(json!("مختبر 7"))),
        ];
        for (key, value, kept) in cases {
            assert_eq!(check(setting(key).expect(key), &value).ok(), kept, "{key} {value}");
        }
    }
}
