//! How a cell shows its number, as far as people take that for its value: zeros before it, and words around it, as a code
//! GPU-007 is the number 7 with the format `"GPU-"000`.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

use calamine::Style;

use crate::text::trim;

/// More zeros than any code has before it.
const MOST_ZEROS: usize = 32;
/// Longest format that Excel takes, in characters.
const MAX_FORMAT: usize = 255;
/// What stands for itself without quotes, besides what is not ASCII.
const LITERALS: &str = " $-+()!^&'~{}<>=:";
/// Names of colours, which show nothing.
const COLOURS: [&str; 8] = ["black", "blue", "cyan", "green", "magenta", "red", "white", "yellow"];

/// What a format shows beside the number itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    before: String,
    /// How many digits a whole number has at least.
    digits: usize,
    after: String,
    /// Zero has a format of its own.
    zero_apart: bool,
}

impl Shown {
    /// Of a cell's style; nothing where its format is one that changes the number, such as a percentage, or is not understood.
    pub(crate) fn of(style: &Style) -> Self {
        let code = style.number_format.as_ref().map_or("", |format| format.format_code.as_str());
        Self::of_code(code).unwrap_or_default()
    }

    pub(crate) fn of_code(code: &str) -> Option<Self> {
        if code.chars().nth(MAX_FORMAT).is_some() {
            return None;
        }
        let mut parts = Parts::default();
        let mut chars = code.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                ';' => break,
                '"' => parts.literal(&quoted(&mut chars)?),
                '\\' => parts.literal(chars.next()?.encode_utf8(&mut [0; 4])),
                // As wide as a character, or filled with it.
                '_' | '*' => {
                    chars.next()?;
                }
                '[' => shows_nothing(&mut chars).then_some(())?,
                '0' | '#' | '?' | '.' | ',' => parts.placeholder(c)?,
                'G' | 'g' => {
                    general(&mut chars).then_some(())?;
                    parts.placeholder('#')?;
                }
                c if LITERALS.contains(c) || !c.is_ascii() => parts.literal(c.encode_utf8(&mut [0; 4])),
                _ => return None,
            }
        }
        parts.shown(code.matches(';').count() > 1)
    }

    /// As the cell shows it, where that is more than the number. What is below zero is shown by rules of its own.
    pub(crate) fn apply<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = is_whole || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let digits = if is_whole { self.digits } else { 0 };
        let is_bare = self.before.is_empty() && self.after.is_empty() && text.len() >= digits;
        if !is_plain || is_bare || (self.zero_apart && text == "0") {
            return text;
        }
        let Self { before, after, .. } = self;
        Cow::Owned(trim(&format!("{before}{text:0>digits$}{after}")).to_owned())
    }
}

/// What was read of a format so far.
#[derive(Default)]
struct Parts {
    before: String,
    /// Of the number: its placeholders.
    number: String,
    after: String,
}

impl Parts {
    fn literal(&mut self, text: &str) {
        if self.number.is_empty() { self.before.push_str(text) } else { self.after.push_str(text) }
    }

    /// `None`: words stand within the number, as in a telephone's.
    fn placeholder(&mut self, c: char) -> Option<()> {
        self.after.is_empty().then(|| self.number.push(c))
    }

    fn shown(self, zero_apart: bool) -> Option<Shown> {
        let Self { before, number, after } = self;
        // A comma behind the last digit divides by a thousand.
        if !number.contains(['0', '#', '?']) || number.starts_with(',') || number.ends_with(',') {
            return None;
        }
        let zeros = number.matches('0').count();
        let digits = if number.contains('.') || zeros > MOST_ZEROS { 0 } else { zeros };
        // Signs of money and the like are no part of what somebody writes.
        let says = |text: &str| text.contains(char::is_alphanumeric);
        let (before, after) = if says(&before) || says(&after) { (before, after) } else { Default::default() };
        Some(Shown { before, digits, after, zero_apart })
    }
}

/// What stands before the next quote; `None` where there is none.
fn quoted(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            c => text.push(c),
        }
    }
}

/// Whether what stands in brackets is a colour or a language: neither shows anything. Else it is a condition, money, or another
/// way of writing digits.
fn shows_nothing(chars: &mut Peekable<Chars<'_>>) -> bool {
    let inside: String = chars.take_while(|c| *c != ']').collect();
    let inside = inside.to_ascii_lowercase();
    COLOURS.contains(&inside.as_str()) || inside.starts_with("color") || inside.starts_with("$-")
}

/// The rest of the word `General`.
fn general(chars: &mut Peekable<Chars<'_>>) -> bool {
    "eneral".chars().all(|letter| chars.next_if(|c| c.eq_ignore_ascii_case(&letter)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str, number: &'static str) -> String {
        Shown::of_code(code).unwrap_or_default().apply(Cow::Borrowed(number)).into_owned()
    }

    #[test]
    fn words_and_zeros_around_a_number_are_read() {
        for (code, number, text) in [
            ("000", "7", "007"),
            ("\"GPU-\"000", "7", "GPU-007"),
            ("\"GPU-\"000", "1234", "GPU-1234"),
            ("\"GPU-\"000;-0", "7", "GPU-007"),
            ("\\G\\P\\U\\-000", "7", "GPU-007"),
            ("[Red]\"r\"00_)", "7", "r07"),
            ("[$-804]\"机\"General", "7", "机7"),
            ("#,##0\" GB\"", "80", "80 GB"),
            ("0.0\" TB\"", "1.5", "1.5 TB"),
            ("0台", "8", "8台"),
            ("\"1-\"000", "7", "1-007"),
        ] {
            assert_eq!(shown(code, number), text, "{code}");
        }
    }

    #[test]
    fn what_changes_the_number_or_is_not_understood_leaves_it() {
        for (code, number) in [
            ("", "7"),
            ("General", "7"),
            ("0.00", "7"),
            ("00.00", "7"),
            ("$#,##0", "7"),
            ("_(\"$\"* #,##0.00_)", "7"),
            ("[$kr] 0", "7"),
            ("[>=5]\"many \"0", "7"),
            ("0%", "0.07"),
            ("0,\"K\"", "81920"),
            ("000-0000", "1234567"),
            ("0.00E+00", "7"),
            ("\"GPU-\"000", "-7"),
            ("\"GPU-000", "7"),
            ("0\"x\";;", "0"),
            ("@", "7"),
            ("\"word\"", "7"),
        ] {
            assert_eq!(shown(code, number), number, "{code}");
        }
        assert_eq!(shown(&"0".repeat(40), "7"), "7");
        assert_eq!(shown(&format!("\"{}\"0", "x".repeat(300)), "7"), "7");
    }
}
