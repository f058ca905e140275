//! Files that people with rights bring in: a configuration, the list of a backup's keys, anchors of the audit chain.

use contract::settings::{SETTINGS, setting};
use serde_json::Value;

use crate::{chosen, text};

/// See the module.
pub fn files(data: &[u8]) {
    match chosen(data, 6) {
        (0, document) => configuration(document),
        (1, rest) => {
            let (which, value) = chosen(rest, SETTINGS.len() as u8);
            if let Ok(value) = serde_json::from_slice(value) {
                one(usize::from(which), &value);
            }
        }
        (2, printed) => {
            let printed = text(printed);
            assert!(server::fuzzing::backup_keys(&printed).iter().all(|id| !id.contains(['\t', '\n'])));
        }
        (3, line) => same_again(&text(line), server::fuzzing::daily_anchor),
        (4, anchor) => same_again(&text(anchor), server::fuzzing::anchor),
        (_, address) => {
            let address = text(address);
            // Header and envelope of a mail hold it.
            let plain = !address.contains(|c: char| c.is_whitespace() || "<>,;:\"()[]\\".contains(c));
            assert!(!platform::fuzzing::is_email(&address) || plain, "{address:?}");
        }
    }
}

fn same_again(text: &str, read: fn(&str) -> Option<String>) {
    if let Some(written) = read(text) {
        assert_eq!(read(&written).as_ref(), Some(&written));
    }
}

/// One that is taken holds no secret, and is taken again as it is written.
fn configuration(document: &[u8]) {
    let Ok(taken) = platform::fuzzing::configuration(document) else { return };
    assert!(taken.settings.keys().all(|key| setting(key).is_some_and(|spec| !spec.is_secret())));
    let written = serde_json::to_vec(&taken).expect("a configuration is JSON");
    assert_eq!(platform::fuzzing::configuration(&written).ok(), Some(taken));
}

/// What is kept of a value is kept as it is when it is set again.
fn one(which: usize, value: &Value) {
    let spec = &SETTINGS[which];
    if let Some(kept) = platform::fuzzing::setting_value(spec, value) {
        assert_eq!(platform::fuzzing::setting_value(spec, &kept), Some(kept.clone()), "{} = {kept}", spec.key);
    }
}
