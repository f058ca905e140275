//! A recording as a text: asciicast, version 2 (<https://docs.asciinema.org/manual/asciicast/v2/>), a line per event.

use std::time::Duration;

use chrono::{DateTime, Utc};
use runtime::docker::containers::TerminalSize;
use serde_json::json;

/// Kinds of events.
pub(super) const OUTPUT: &str = "o";
pub(super) const INPUT: &str = "i";
pub(super) const SIZE: &str = "r";
pub(super) const MARKER: &str = "m";

/// The first line.
pub(super) fn header(size: TerminalSize, at: DateTime<Utc>, title: &str) -> String {
    let (width, height) = (size.cols(), size.rows());
    format!(
        "{}\n",
        json!({ "version": 2, "width": width, "height": height, "timestamp": at.timestamp(), "title": title })
    )
}

/// What happened so long after the beginning.
pub(super) fn event(after: Duration, kind: &str, text: &str) -> String {
    // Microseconds, as `asciinema` writes them.
    let seconds = after.as_micros() as f64 / 1e6;
    format!("{}\n", json!([seconds, kind, text]))
}

/// Bytes as text: letters that are cut wait for the rest of them, and what is no letter is shown as such.
#[derive(Clone, Default)]
pub(super) struct Letters {
    cut: Vec<u8>,
}

impl Letters {
    pub(super) fn read(&mut self, bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len());
        let joined;
        let mut rest = match self.cut.is_empty() {
            true => bytes,
            false => {
                joined = [&std::mem::take(&mut self.cut)[..], bytes].concat();
                &joined
            }
        };
        loop {
            match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    return text;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(good));
                    let Some(length) = error.error_len() else {
                        self.cut = bad.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &bad[length..];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_put_together_whatever_is_cut() {
        let text = "a\u{4e2d}\u{6587}\u{1f600}z";
        for cut in 0..=text.len() {
            let mut letters = Letters::default();
            let (one, two) = text.as_bytes().split_at(cut);
            assert_eq!(letters.read(one) + &letters.read(two), text, "cut at {cut}");
        }
        let mut letters = Letters::default();
        let by_one: String = text.bytes().map(|byte| letters.read(&[byte])).collect();
        assert_eq!(by_one, text);
        assert_eq!(letters.read(b"a\xffb\xc3"), "a\u{fffd}b");
        assert_eq!(letters.read(b"("), "\u{fffd}(", "what never was whole");
    }

    #[test]
    fn lines_are_as_players_read_them() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let first = header(TerminalSize::new(101, 33).unwrap(), at, "alice@one");
        let first: serde_json::Value = serde_json::from_str(&first).unwrap();
        assert_eq!(
            (first["version"].as_u64(), first["width"].as_u64(), first["height"].as_u64()),
            (Some(2), Some(101), Some(33))
        );
        assert_eq!(first["timestamp"], json!(1_800_000_000));
        let line = event(Duration::from_micros(1_250_001), OUTPUT, "\u{1b}[31m\"\r\n");
        assert_eq!(line, "[1.250001,\"o\",\"\\u001b[31m\\\"\\r\\n\"]\n");
        assert_eq!(event(Duration::ZERO, SIZE, "80x24"), "[0.0,\"r\",\"80x24\"]\n");
    }
}
