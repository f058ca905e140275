//! For the crate `fuzz` alone: what an engine says of itself.

use bollard::models::{SystemInfo, SystemVersion};

use super::{MAX_RUNTIMES, MAX_WORD, api_numbers, report};

/// A line with its version, and one with what it is; what is kept of them is short and can be shown. Whether both read.
pub fn described(bytes: &[u8]) -> bool {
    let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else { return false };
    let Ok(version) = serde_json::from_slice::<SystemVersion>(&bytes[..at]) else { return false };
    let Ok(info) = serde_json::from_slice::<SystemInfo>(&bytes[at + 1..]) else { return false };
    let _ = version.api_version.as_deref().and_then(api_numbers);
    let kept = report(version, info);
    assert!(kept.runtimes.len() <= MAX_RUNTIMES, "{kept:?}");
    let words = [&kept.os, &kept.architecture, &kept.kernel, &kept.storage_driver, &kept.default_runtime];
    let mut words = words.into_iter().flatten().chain(&kept.runtimes).chain([&kept.version, &kept.api_version]);
    assert!(words.all(|word| word.chars().count() <= MAX_WORD && !word.chars().any(char::is_control)), "{kept:?}");
    true
}
