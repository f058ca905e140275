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
    /// Its place among the rows given, of its second line where it has two; data begins after it.
    pub index: usize,
    /// Its number in Excel.
    pub row: u32,
    /// What stands over the columns of the sheet: of two lines, both.
    pub headings: Vec<String>,
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
/// nothing matches anywhere. Of equal rows the first wins. Two rows, as under a merged "GPU" the "Model" and the "Count", are
/// one header where together they say more than any row alone, or where the lower one says the units of the upper.
pub fn find<'a>(rows: &[Row], columns: &[Column<'a>]) -> Option<HeaderMatch<'a>> {
    let names = Names::of(columns);
    let rows = &rows[..rows.len().min(HEADER_ROWS)];
    let one_line = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (names.matches((index, row.row), row.cells.clone(), columns), false));
    let two_lines = rows.windows(2).enumerate().filter_map(|(index, pair)| {
        let [above, below] = pair else { return None };
        let units = is_of_units(below);
        let headings = if units { with_units(above, below) } else { names.joined(above, below) };
        let header = names.matches((index + 1, below.row), headings, columns);
        (below.row == above.row + 1 && header.twice.is_empty()).then_some((header, units))
    });
    let mut best: Option<(HeaderMatch<'a>, bool)> = None;
    for candidate in one_line.chain(two_lines) {
        let rank = |(header, units): &(HeaderMatch<'_>, bool)| (header.missing.is_empty(), header.found.len(), *units);
        if !candidate.0.found.is_empty() && best.as_ref().is_none_or(|best| rank(&candidate) > rank(best)) {
            best = Some(candidate);
        }
    }
    best.map(|(header, _)| header)
}

/// Whether a line says units alone, a size's among them, as one of "TB" and "块" below a header does.
fn is_of_units(row: &Row) -> bool {
    let said: Vec<String> = row.cells.iter().map(|cell| plain(cell)).filter(|cell| !cell.is_empty()).collect();
    let bare = |cell: &String| cell.trim_matches(['(', ')', '[', ']']).to_owned();
    let is_size = |cell: &String| SIZES.contains(&bare(cell).as_str());
    said.iter().any(is_size) && said.iter().all(|cell| is_size(cell) || COUNTED.contains(&bare(cell).as_str()))
}

/// The headings of a line with the units of the one below.
fn with_units(above: &Row, below: &Row) -> Vec<String> {
    let text = |row: &Row, column: usize| row.cells.get(column).cloned().unwrap_or_default();
    let both = |column| match (text(above, column), text(below, column)) {
        (upper, unit) if unit.is_empty() => upper,
        (upper, unit) if upper.is_empty() => unit,
        (upper, unit) => format!("{upper} ({})", unit.trim().trim_matches(['(', ')', '（', '）', '[', ']'])),
    };
    (0..above.cells.len().max(below.cells.len())).map(both).collect()
}

/// A heading without its last brackets, in the form that names are compared in.
pub fn name_of(heading: &str) -> String {
    without_unit(&plain(heading)).to_owned()
}

/// The unit that a heading names in its last brackets or at its end, in lower case and half-width: "tb" of "Disk（TB）", of
/// "内存（单位：TB）" and of "Disk/TB". Whatever else is in brackets comes as it is.
pub fn unit_of(heading: &str) -> Option<String> {
    let plain = plain(heading);
    let name = without_unit(&plain);
    if name.len() < plain.len() {
        let inside = plain[name.len()..].trim_matches(['(', ')', '[', ']']);
        let said = ["单位", "unit"].iter().find_map(|word| inside.strip_prefix(word)).unwrap_or(inside);
        return Some(said.trim_start_matches(':').to_owned());
    }
    without_size(&plain).1.map(str::to_owned)
}

/// Accepted names in the form they are compared in, and the column each belongs to.
struct Names {
    /// With what stands in brackets: "price (CNY)" and "price (USD)" may be two columns.
    whole: HashMap<String, usize>,
    without_unit: HashMap<String, usize>,
    /// Whether each column is of sizes, as its own headings say.
    sized: Vec<bool>,
}

impl Names {
    fn of(columns: &[Column<'_>]) -> Self {
        let sized = columns.iter().map(|column| column.headers.iter().take(2).any(|own| is_of_size(own))).collect();
        let mut names = Self { whole: HashMap::new(), without_unit: HashMap::new(), sized };
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
        // The size of what is none is a column of its own: "GPU (GB)" is no model of a GPU.
        let takes = |index: &&usize| self.sized.get(**index).is_some_and(|sized| *sized);
        let is_size = is_of_size(text);
        let by_unit = || self.without_unit.get(without_unit(&whole)).filter(|index| !is_size || takes(index));
        let by_size = || self.without_unit.get(without_size(&whole).0).filter(takes);
        self.whole.get(&whole).or_else(by_unit).or_else(by_size).copied()
    }

    /// What two rows say together: of a merged cell in the upper one, only the first holds the text.
    fn joined(&self, above: &Row, below: &Row) -> Vec<String> {
        let text = |row: &Row, column: usize| row.cells.get(column).cloned().unwrap_or_default();
        let mut group = String::new();
        let mut joined = Vec::new();
        for column in 0..above.cells.len().max(below.cells.len()) {
            let (upper, lower) = (text(above, column), text(below, column));
            if !upper.is_empty() {
                group.clone_from(&upper);
            }
            let both = format!("{group} {lower}");
            let alone = group.is_empty() || (self.column(&both).is_none() && self.column(&lower).is_some());
            joined.push(match (lower.is_empty(), alone) {
                (true, _) => upper,
                (false, true) => lower,
                (false, false) => both,
            });
        }
        joined
    }

    fn matches<'a>(
        &self,
        (index, row): (usize, u32),
        headings: Vec<String>,
        columns: &[Column<'a>],
    ) -> HeaderMatch<'a> {
        let mut header = HeaderMatch {
            index,
            row,
            headings: Vec::new(),
            found: Vec::new(),
            missing: Vec::new(),
            unknown: Vec::new(),
            twice: Vec::new(),
        };
        for (column, text) in headings.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
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
            let written = headings.get(before).cloned().unwrap_or_default();
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
        header.headings = headings;
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

/// Whether a heading names the unit of a size.
fn is_of_size(heading: &str) -> bool {
    unit_of(heading).is_some_and(|unit| SIZES.contains(&unit.as_str()))
}

/// What else people write as a unit in a line of its own.
const COUNTED: [&str; 13] = ["个", "块", "张", "卡", "核", "颗", "台", "线程", "cores", "cards", "pcs", "ghz", "mhz"];

/// Units of sizes that people write behind a name without brackets.
const SIZES: [&str; 10] = ["kib", "mib", "gib", "tib", "pib", "kb", "mb", "gb", "tb", "pb"];

/// Without a size's unit at the end, and that unit.
fn without_size(plain: &str) -> (&str, Option<&str>) {
    let cut = SIZES.iter().find_map(|unit| Some((plain.strip_suffix(unit)?, plain.get(plain.len() - unit.len()..)?)));
    match cut.map(|(name, unit)| (name.trim_end_matches(['/', '_', '-', ':', ',', '|']), unit)) {
        Some((name, unit)) if !name.is_empty() => (name, Some(unit)),
        _ => (plain, None),
    }
}
