//! See [`crate::fuzzing`].

use contract::settings::{Configuration, SettingSpec};
use serde_json::Value;

use super::{check, logo, transfer};
use crate::Result;

/// A configuration all of whose values fit.
pub fn configuration(document: &[u8]) -> Result<Configuration> {
    transfer::read(document)
}

/// A value as it is kept.
pub fn setting_value(spec: &SettingSpec, value: &Value) -> Option<Value> {
    check::check(spec, value).ok()
}

/// Base64 of a picture as base64 of the PNG that is kept.
pub fn logo(text: &str) -> Option<String> {
    logo::recode_text(text).ok()
}
