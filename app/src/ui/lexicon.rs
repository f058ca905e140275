//! Texts that travel to islands as a prop: the browser has no text files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Key → text in the reader's language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lexicon(pub BTreeMap<String, String>);

impl Lexicon {
    /// A text; the key itself where the page forgot to send it, so that it is seen.
    pub fn t(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| key.to_owned())
    }

    /// A text with its values, in order.
    pub fn fill(&self, key: &str, values: &[&str]) -> String {
        let text = self.0.get(key).map_or(key, String::as_str);
        let mut out = String::with_capacity(text.len() + 16);
        let mut values = values.iter();
        let mut rest = text;
        while let Some(at) = rest.find("{}") {
            out.push_str(&rest[..at]);
            out.push_str(values.next().unwrap_or(&""));
            rest = &rest[at + 2..];
        }
        out.push_str(rest);
        out
    }

    /// A length of time by its two largest units that matter: `4 min 12 s`, `3 d 2 h`.
    pub fn duration(&self, seconds: i64) -> String {
        let seconds = seconds.max(0);
        let (d, h, m, s) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        let (first, second) = if d > 0 {
            ((d, "unit-days"), (h, "unit-hours"))
        } else if h > 0 {
            ((h, "unit-hours"), (m, "unit-minutes"))
        } else if m > 0 {
            ((m, "unit-minutes"), (s, "unit-seconds"))
        } else {
            return format!("{s}\u{a0}{}", self.t("unit-seconds"));
        };
        match second.0 {
            0 => format!("{}\u{a0}{}", first.0, self.t(first.1)),
            n => format!("{}\u{a0}{} {n}\u{a0}{}", first.0, self.t(first.1), self.t(second.1)),
        }
    }
}

/// Keys of the units of time; every lexicon holds them.
pub const UNITS: [&str; 4] = ["unit-days", "unit-hours", "unit-minutes", "unit-seconds"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units() {
        let units = [("unit-days", "d"), ("unit-hours", "h"), ("unit-minutes", "min"), ("unit-seconds", "s")];
        let words = Lexicon(units.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
        let cases = [(-3, "0 s"), (42, "42 s"), (252, "4 min 12 s"), (3_600, "1 h"), (266_400, "3 d 2 h")];
        for (seconds, expected) in cases {
            assert_eq!(words.duration(seconds).replace('\u{a0}', " "), expected);
        }
    }

    #[test]
    fn values_go_into_their_places() {
        let words = Lexicon([("k".to_owned(), "{} GPUs: {}.".to_owned())].into());
        assert_eq!(words.fill("k", &["2", "a {} b"]), "2 GPUs: a {} b.");
        assert_eq!(words.fill("k", &["2"]), "2 GPUs: .");
        assert_eq!(words.t("missing"), "missing");
    }
}
