//! Finding the row with the column names, in whatever language and spelling a person used.

use std::collections::HashMap;

use crate::Row;
use crate::text::is_space;

/// Rows looked at for the header.
pub const HEADER_ROWS: usize = 20;

/// A column the caller knows.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// The caller's name for it.
    pub key: &'a str,
    /// Names a person may give it, in every language; the first two are the caller's own, and count before any other.
    pub headers: &'a [&'a str],
    /// Whether a sheet without it is of no use.
    pub required: bool,
}

impl Column<'_> {
    /// Whether the heading is the caller's own, in one of two languages.
    fn is_called(&self, text: &str) -> bool {
        let text = plain(text);
        self.headers.iter().take(2).any(|own| plain(own) == text)
    }
}

/// A name in the header row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Column of the sheet, counted from 0.
    pub column: usize,
    /// The name as written.
    pub text: String,
}

/// The header row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderMatch<'a> {
    /// Its place among the rows given; data begins after it.
    pub index: usize,
    /// Its number in Excel.
    pub row: u32,
    /// Columns found: key and column of the sheet, counted from 0, in the order of the sheet.
    pub found: Vec<(&'a str, usize)>,
    /// Keys of required columns that are not there.
    pub missing: Vec<&'a str>,
    /// Names the caller does not know.
    pub unknown: Vec<Heading>,
    /// Columns that are there more than once: the key and every place after the first, which alone is in `found`.
    pub twice: Vec<(&'a str, Heading)>,
}

impl HeaderMatch<'_> {
    /// Column of the sheet, counted from 0.
    pub fn column(&self, key: &str) -> Option<usize> {
        self.found.iter().find(|(name, _)| *name == key).map(|(_, column)| *column)
    }

    /// Whether every required column is there, and none of the columns twice.
    pub fn is_usable(&self) -> bool {
        self.missing.is_empty() && self.twice.is_empty()
    }
}

/// The header among the first [`HEADER_ROWS`] of `rows`: of those with all required columns the one with the most
/// matches, or, where none has them all, the one with the most matches and a list of what is missing. `None` where
/// nothing matches anywhere. Of equal rows the first wins.
pub fn find<'a>(rows: &[Row], columns: &[Column<'a>]) -> Option<HeaderMatch<'a>> {
    let names = Names::of(columns);
    let mut best: Option<HeaderMatch<'a>> = None;
    for (index, row) in rows.iter().take(HEADER_ROWS).enumerate() {
        let candidate = names.matches(index, row, columns);
        let rank = |header: &HeaderMatch<'_>| (header.missing.is_empty(), header.found.len());
        if !candidate.found.is_empty() && best.as_ref().is_none_or(|best| rank(&candidate) > rank(best)) {
            best = Some(candidate);
        }
    }
    best
}

/// Accepted names in the form they are compared in, and the column each belongs to.
struct Names {
    /// With what stands in brackets: "price (CNY)" and "price (USD)" may be two columns.
    whole: HashMap<String, usize>,
    without_unit: HashMap<String, usize>,
}

impl Names {
    fn of(columns: &[Column<'_>]) -> Self {
        let mut names = Self { whole: HashMap::new(), without_unit: HashMap::new() };
        for (index, column) in columns.iter().enumerate() {
            for header in column.headers {
                let whole = plain(header);
                names.without_unit.entry(without_unit(&whole).to_owned()).or_insert(index);
                names.whole.entry(whole).or_insert(index);
            }
        }
        names
    }

    fn column(&self, text: &str) -> Option<usize> {
        let whole = plain(text);
        self.whole.get(&whole).or_else(|| self.without_unit.get(without_unit(&whole))).copied()
    }

    fn matches<'a>(&self, index: usize, row: &Row, columns: &[Column<'a>]) -> HeaderMatch<'a> {
        let mut header = HeaderMatch {
            index,
            row: row.row,
            found: Vec::new(),
            missing: Vec::new(),
            unknown: Vec::new(),
            twice: Vec::new(),
        };
        for (column, text) in row.cells.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            let heading = Heading { column, text: text.clone() };
            let Some(known) = self.column(text).and_then(|known| columns.get(known)) else {
                header.unknown.push(heading);
                continue;
            };
            let Some(place) = header.found.iter().position(|(key, _)| *key == known.key) else {
                header.found.push((known.key, column));
                continue;
            };
            // A sheet may well have a column of its own beside ours that some people call ours by.
            let before = header.found[place].1;
            let written = row.cells.get(before).cloned().unwrap_or_default();
            match (known.is_called(&written), known.is_called(text)) {
                (true, false) => header.unknown.push(heading),
                (false, true) => {
                    header.unknown.push(Heading { column: before, text: written });
                    header.found.remove(place);
                    header.found.push((known.key, column));
                }
                _ => header.twice.push((known.key, heading)),
            }
        }
        let missing = columns.iter().filter(|column| column.required && header.column(column.key).is_none());
        header.missing = missing.map(|column| column.key).collect();
        header
    }
}

/// Lower case, without spaces, full-width signs as their half-width ones, without the star of a required column.
fn plain(text: &str) -> String {
    let half_width = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '【' | '〔' => '[',
        '】' | '〕' => ']',
        other => other,
    };
    let text: String = text.chars().filter(|c| !is_space(*c)).map(half_width).flat_map(char::to_lowercase).collect();
    // "memory*(GB)" and "memory(GB)*" are both usual.
    text.trim_matches('*').replace("*(", "(").replace("*[", "[")
}

/// Without a last pair of brackets and what is in it, unless nothing else is there.
fn without_unit(plain: &str) -> &str {
    let open = match plain.chars().last() {
        Some(')') => '(',
        Some(']') => '[',
        _ => return plain,
    };
    match plain.rfind(open) {
        Some(at) if at > 0 => &plain[..at],
        _ => plain,
    }
}
