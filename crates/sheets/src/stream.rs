//! One sheet, cell by cell.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read, Seek};

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use serde::{Deserialize, Serialize};

use crate::shown::Shown;
use crate::text::of_cell;
use crate::{ReadOptions, Refusal};

/// Most text Excel holds in a cell, in UTF-16 units.
const MAX_CELL: usize = 32_767;
/// Most text in a row, in bytes: what a reader of rows must hold at once.
const MAX_ROW_BYTES: usize = 1 << 20;
/// Blank cells that are looked at for formulas without a result.
const MAX_BLANKS: usize = 65_536;

/// One row that has something in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number in Excel, counted from 1. Blank rows are left out, so numbers have gaps.
    pub row: u32,
    /// Text of the cells from column A to the last one that is not blank.
    pub cells: Vec<String>,
}

/// What was read, told after the last row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Name of the sheet.
    pub sheet: String,
    /// Visible sheets that were not read.
    pub other_sheets: Vec<String>,
    /// Rows told.
    pub rows: u64,
    /// Formulas without a result, by column: blank cells to the reader of rows, though somebody wrote something there.
    pub unworked: Vec<Unworked>,
    /// Most memory the child held at once, where the system tells.
    pub peak_kib: Option<u64>,
}

/// Formulas in a column whose results are not in the file: no spreadsheet program has worked them out yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unworked {
    /// Column of the sheet, counted from 0.
    pub column: u32,
    /// Number in Excel of the first row with one.
    pub first: u32,
    /// And of the last.
    pub last: u32,
}

impl Unworked {
    /// The name of such a cell below a row, as Excel has it.
    pub fn below(&self, row: u32) -> Option<String> {
        let line = [self.first, self.last].into_iter().find(|line| *line > row)?;
        Some(name(line.saturating_sub(1), self.column))
    }
}

/// Why the rows stop before the end.
pub(crate) enum Stop {
    Refused(Refusal),
    /// Nobody takes the rows any more.
    Output(io::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Calls `take` with every row that is not blank.
pub(crate) fn rows(
    file: impl Read + Seek,
    options: &ReadOptions,
    take: &mut dyn FnMut(&Row) -> io::Result<()>,
) -> Result<End, Stop> {
    let refuse = |error| refusal(error, options);
    let mut book = Xlsx::new(file).map_err(refuse)?;
    let (sheet, other_sheets) = choose(&book, options)?;
    let dimensions = book.worksheet_cells_reader(&sheet).map_err(refuse)?.dimensions();
    if dimensions.end.0 >= options.max_rows || dimensions.end.1 >= options.max_columns {
        // Either something lies far out, which is better said before the first row than after the last, or the file
        // counts blank cells, as many programs do, and nothing is wrong with it.
        scan(&mut book, &sheet, options, &mut HashSet::new(), &mut |_| Ok(()))?;
    }
    let mut blanks = HashSet::new();
    let rows = scan(&mut book, &sheet, options, &mut blanks, take)?;
    let unworked = if blanks.is_empty() { Vec::new() } else { unworked(&mut book, &sheet, options, &blanks)? };
    Ok(End { sheet, other_sheets, rows, unworked, peak_kib: None })
}

/// Blank to the reader are also formulas that a program wrote and no spreadsheet has worked out: taken for nothing, they would
/// be a value that nobody wrote. Whether anybody reads their column is the caller's to know.
fn unworked<R: Read + Seek>(
    book: &mut Xlsx<R>,
    sheet: &str,
    options: &ReadOptions,
    blanks: &HashSet<(u32, u32)>,
) -> Result<Vec<Unworked>, Refusal> {
    let refuse = |error| refusal(error, options);
    let mut found: BTreeMap<u32, Unworked> = BTreeMap::new();
    let mut reader = book.worksheet_cells_reader(sheet).map_err(refuse)?;
    while let Some(cell) = reader.next_formula().map_err(refuse)? {
        let (line, column) = cell.get_position();
        if column >= options.max_columns || cell.get_value().is_empty() || !blanks.contains(&(line, column)) {
            continue;
        }
        let row = line + 1;
        found.entry(column).or_insert(Unworked { column, first: row, last: row }).last = row;
    }
    Ok(found.into_values().collect())
}

/// Name of the sheet to read, and of the other visible ones.
fn choose<R: Read + Seek>(book: &Xlsx<R>, options: &ReadOptions) -> Result<(String, Vec<String>), Refusal> {
    let mut names: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .collect();
    let wanted = |wanted: &String| names.iter().position(|name| name.to_lowercase() == wanted.trim().to_lowercase());
    // A sheet of a name that is asked for is the only one meant.
    let index = match options.sheet_names.iter().find_map(wanted) {
        Some(_) if options.passed > 0 => return Err(Refusal::NoSheet),
        found => found.unwrap_or(options.passed),
    };
    if index >= names.len() {
        return Err(Refusal::NoSheet);
    }
    let sheet = names.remove(index);
    Ok((sheet, names))
}

/// Number of rows taken; the first blank cells that stand in the file are added to `blanks`.
fn scan<R: Read + Seek>(
    book: &mut Xlsx<R>,
    sheet: &str,
    options: &ReadOptions,
    blanks: &mut HashSet<(u32, u32)>,
    take: &mut dyn FnMut(&Row) -> io::Result<()>,
) -> Result<u64, Stop> {
    let from_1904 = book.has_1904_epoch();
    let mut reader = book.worksheet_cells_reader(sheet).map_err(|error| refusal(error, options))?;
    let mut rows = 0;
    let mut row = Row { row: 1, cells: Vec::new() };
    let mut row_bytes = 0;
    let formats: Vec<Shown> = reader.styles().iter().map(Shown::of).collect();
    while let Some((cell, style)) = reader.next_cell_with_style_id().map_err(|error| refusal(error, options))? {
        let (line, column) = cell.get_position();
        let text = match cell.get_value() {
            DataRef::Empty => {
                if blanks.len() < MAX_BLANKS {
                    blanks.insert((line, column));
                }
                continue;
            }
            value => as_shown(value, formats.get(style), from_1904),
        };
        if text.is_empty() {
            continue;
        }
        if line >= options.max_rows {
            return Err(Refusal::TooManyRows { cell: name(line, column), limit: options.max_rows }.into());
        }
        if column >= options.max_columns {
            return Err(Refusal::TooManyColumns { cell: name(line, column), limit: options.max_columns }.into());
        }
        let number = line + 1;
        if number != row.row {
            if number < row.row {
                return Err(Refusal::damaged(format!("row {number} stands after row {}", row.row)).into());
            }
            rows += finish(&row, take)?;
            row.row = number;
            row.cells.clear();
            row_bytes = 0;
        }
        row_bytes += text.len();
        if row_bytes > MAX_ROW_BYTES || (text.len() > MAX_CELL && text.encode_utf16().count() > MAX_CELL) {
            return Err(Refusal::TextTooLong { row: number }.into());
        }
        let column = column as usize;
        if row.cells.len() <= column {
            row.cells.resize(column + 1, String::new());
        }
        row.cells[column] = text.into_owned();
    }
    Ok(rows + finish(&row, take)?)
}

/// The text of a cell, of a number as its format shows it.
fn as_shown<'a>(value: &'a DataRef<'_>, shown: Option<&Shown>, from_1904: bool) -> Cow<'a, str> {
    let text = of_cell(value, from_1904);
    match (value, shown) {
        (DataRef::Float(_) | DataRef::Int(_), Some(shown)) => shown.apply(text),
        _ => text,
    }
}

fn finish(row: &Row, take: &mut dyn FnMut(&Row) -> io::Result<()>) -> Result<u64, Stop> {
    if row.cells.is_empty() {
        return Ok(0);
    }
    take(row).map_err(Stop::Output)?;
    Ok(1)
}

/// A cell's name in Excel; both numbers count from 0.
fn name(row: u32, column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        letters.push(char::from(b'A' + ((rest - 1) % 26) as u8));
        rest = (rest - 1) / 26;
    }
    format!("{}{}", letters.iter().rev().collect::<String>(), u64::from(row) + 1)
}

fn refusal(error: XlsxError, options: &ReadOptions) -> Refusal {
    match error {
        XlsxError::Password => Refusal::Encrypted,
        XlsxError::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            Refusal::TooHeavy { mebibytes: options.memory >> 20 }
        }
        other => Refusal::damaged(other),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn cells_are_named_as_in_excel() {
        assert_eq!(name(0, 0), "A1");
        assert_eq!(name(11, 25), "Z12");
        assert_eq!(name(0, 26), "AA1");
        assert_eq!(name(1_048_575, 16_383), "XFD1048576");
    }
}
