//! Workbooks written row by row, in little memory whatever their length.

use rust_xlsxwriter::{
    Color, DataValidation, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Note, Workbook, Worksheet,
    XlsxError,
};
use tempfile::NamedTempFile;

/// Longest text of a cell, in UTF-16 units.
const MAX_CELL: usize = 32_767;
/// Longest drop-down list that fits into the cell's own rule, with its commas.
const MAX_INLINE_LIST: usize = 255;
/// Last row of a sheet, counted from 0.
const LAST_ROW: u32 = 1_048_575;
/// The sheet as it is found in the workbook.
const SHEET: usize = 0;
/// Hidden sheet with the longer drop-down lists.
const LISTS: &str = "lists";

/// Why a workbook is not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A limit of Excel's, such as the length of a sheet's name or the number of rows.
    #[error(transparent)]
    Excel(#[from] XlsxError),
    /// The temporary file.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// What a column holds: how its blank cells treat what a person types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Text as typed: `0012` stays `0012`.
    #[default]
    Text,
    /// Whatever Excel makes of it.
    Number,
    /// A number that is shown with so many decimal places.
    Decimal(u8),
    /// A day.
    Date,
    /// A day and a time.
    DateTime,
}

/// One column of the sheet to write.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name, in the first row.
    pub header: String,
    /// Marked with a star and a stronger colour.
    pub required: bool,
    /// Width in characters.
    pub width: f64,
    /// What its cells hold.
    pub kind: Kind,
    /// Shown when the pointer rests on the name.
    pub note: Option<String>,
    /// Offered as a drop-down list; Excel lets nothing else be typed. Empty: no list.
    pub choices: Vec<String>,
}

impl Column {
    /// A column of text without list and note.
    pub fn new(header: impl Into<String>) -> Self {
        Self { header: header.into(), required: false, width: 16.0, kind: Kind::Text, note: None, choices: Vec::new() }
    }
}

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Blank,
    /// Text, never a formula; what does not fit into a cell is cut off.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`; anything else, and what lies before 1900, is written as text.
    Date(&'a str),
    /// Yes or no.
    Bool(bool),
}

/// How a row fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Green.
    Good,
    /// Red.
    Bad,
}

/// A workbook with one sheet, written from the top down.
pub struct SheetWriter {
    book: Workbook,
    styles: Styles,
    /// Looks of numbers in columns that say how many places they have.
    decimals: Vec<Option<Format>>,
    columns: u16,
    has_result: bool,
    next_row: u32,
}

impl SheetWriter {
    /// A sheet with its header row, which stays in view and filters.
    pub fn new(name: &str, columns: &[Column]) -> Result<Self, WriteError> {
        let mut book = Workbook::new();
        book.add_worksheet_with_constant_memory()?.set_name(name)?;
        let styles = Styles::new();
        let lists = write_lists(&mut book, columns)?;
        let sheet = book.worksheet_from_index(SHEET)?;
        sheet.set_freeze_panes(1, 0)?;
        for ((index, column), list) in (0_u16..).zip(columns).zip(lists) {
            sheet.set_column_width(index, column.width)?;
            if let Some(format) = styles.normal.of_kind(column.kind) {
                sheet.set_column_format(index, format)?;
            }
            let star = if column.required { " *" } else { "" };
            let format = if column.required { &styles.required_header } else { &styles.header };
            sheet.write_string_with_format(0, index, format!("{}{star}", column.header), format)?;
            if let Some(text) = &column.note {
                sheet.insert_note(0, index, &note(text))?;
            }
            if let Some(list) = list {
                sheet.add_data_validation(1, index, LAST_ROW, index, &list)?;
            }
        }
        let decimals = columns.iter().map(|column| styles.decimal(column.kind)).collect();
        let columns = u16::try_from(columns.len()).map_err(|_| XlsxError::RowColumnLimitError)?;
        Ok(Self { book, styles, decimals, columns, has_result: false, next_row: 1 })
    }

    /// Adds a last column that says how each row fared; to be called before the first row.
    pub fn with_result_column(mut self, header: &str, width: f64) -> Result<Self, WriteError> {
        let (sheet, column) = (self.book.worksheet_from_index(SHEET)?, self.columns);
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, header, &self.styles.header)?;
        self.has_result = true;
        Ok(self)
    }

    /// Adds a row.
    pub fn row(&mut self, values: &[Value<'_>]) -> Result<(), WriteError> {
        self.cells(values, false)?;
        self.next_row += 1;
        Ok(())
    }

    /// Adds a row in the style of an example: grey and slanted.
    pub fn example(&mut self, values: &[Value<'_>]) -> Result<(), WriteError> {
        self.cells(values, true)?;
        self.next_row += 1;
        Ok(())
    }

    /// Adds a row and says how it fared, in the column of [`SheetWriter::with_result_column`].
    pub fn row_with_result(&mut self, values: &[Value<'_>], verdict: Verdict, text: &str) -> Result<(), WriteError> {
        self.cells(values, false)?;
        let format = match verdict {
            Verdict::Good => &self.styles.good,
            Verdict::Bad => &self.styles.bad,
        };
        let sheet = self.book.worksheet_from_index(SHEET)?;
        sheet.write_string_with_format(self.next_row, self.columns, cut(text), format)?;
        self.next_row += 1;
        Ok(())
    }

    /// Rows written, without the header.
    pub fn rows(&self) -> u32 {
        self.next_row - 1
    }

    /// The workbook, in a temporary file that goes when dropped.
    pub fn finish(mut self) -> Result<NamedTempFile, WriteError> {
        let columns = self.columns + u16::from(self.has_result);
        if let Some(last_column) = columns.checked_sub(1) {
            let sheet = self.book.worksheet_from_index(SHEET)?;
            sheet.autofilter(0, 0, (self.next_row - 1).max(1), last_column)?;
        }
        let mut file = NamedTempFile::with_suffix(".xlsx")?;
        self.book.save_to_writer(file.as_file_mut())?;
        Ok(file)
    }

    fn cells(&mut self, values: &[Value<'_>], example: bool) -> Result<(), WriteError> {
        let styles = if example { &self.styles.example } else { &self.styles.normal };
        let (sheet, row) = (self.book.worksheet_from_index(SHEET)?, self.next_row);
        for (column, value) in (0..self.columns).zip(values) {
            match value {
                Value::Blank => {}
                Value::Text(text) => write_text(sheet, row, column, text, styles)?,
                Value::Number(number) if number.is_finite() => {
                    let places = self.decimals.get(usize::from(column)).and_then(Option::as_ref);
                    sheet.write_number_with_format(row, column, *number, places.unwrap_or(&styles.number))?;
                }
                // Excel has no such numbers and would show an error.
                Value::Number(number) => write_text(sheet, row, column, &number.to_string(), styles)?,
                Value::Date(text) => match date(text) {
                    Some((date, true)) => {
                        sheet.write_datetime_with_format(row, column, &date, &styles.datetime)?;
                    }
                    Some((date, false)) => {
                        sheet.write_datetime_with_format(row, column, &date, &styles.date)?;
                    }
                    None => write_text(sheet, row, column, text, styles)?,
                },
                Value::Bool(value) => {
                    sheet.write_boolean_with_format(row, column, *value, &styles.number)?;
                }
            }
        }
        Ok(())
    }
}

/// Always as a string. What begins like a formula also gets the mark that keeps Excel from making it one when the
/// cell is edited.
fn write_text(sheet: &mut Worksheet, row: u32, column: u16, text: &str, styles: &RowStyles) -> Result<(), WriteError> {
    let format = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { &styles.guarded } else { &styles.text };
    sheet.write_string_with_format(row, column, cut(text), format)?;
    Ok(())
}

/// The part that fits into a cell.
fn cut(text: &str) -> &str {
    if text.len() <= MAX_CELL {
        return text;
    }
    let mut units = 0;
    let too_much = |c: char| {
        units += c.len_utf16();
        units > MAX_CELL
    };
    text.find(too_much).map_or(text, |end| &text[..end])
}

/// A date, and whether it has a time.
fn date(text: &str) -> Option<(ExcelDateTime, bool)> {
    // The parser below takes parts it does not understand for nought.
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let has_time = match shape.as_str() {
        "0000-00-00" => false,
        "0000-00-00T00:00:00" => true,
        _ => return None,
    };
    Some((ExcelDateTime::parse_from_str(text).ok()?, has_time))
}

fn note(text: &str) -> Note {
    const WIDTH: u32 = 260;
    const LINE: u32 = 18;
    // Chinese characters are about twelve pixels wide, others six.
    let pixels = |line: &str| line.chars().map(|c| if c.is_ascii() { 6 } else { 12 }).sum::<u32>();
    let lines: u32 = text.lines().map(|line| pixels(line) / (WIDTH - 20) + 1).sum();
    Note::new(text).add_author_prefix(false).set_width(WIDTH).set_height(LINE * (lines + 1))
}

/// Rules for drop-down lists, one per column; lists too long for a rule go to a hidden sheet.
fn write_lists(book: &mut Workbook, columns: &[Column]) -> Result<Vec<Option<DataValidation>>, WriteError> {
    let is_inline = |choices: &[String]| {
        let units: usize = choices.iter().map(|choice| choice.encode_utf16().count() + 1).sum();
        units <= MAX_INLINE_LIST && !choices.iter().any(|choice| choice.contains([',', '"']))
    };
    let mut rules = Vec::new();
    let mut used = 0_u16;
    for column in columns {
        if column.choices.is_empty() {
            rules.push(None);
        } else if is_inline(&column.choices) {
            rules.push(Some(DataValidation::new().allow_list_strings(&column.choices)?));
        } else {
            if used == 0 {
                book.add_worksheet().set_name(LISTS)?.set_hidden(true);
            }
            let sheet = book.worksheet_from_name(LISTS)?;
            for (row, choice) in (0..).zip(&column.choices) {
                sheet.write_string(row, used, cut(choice))?;
            }
            let letters = rust_xlsxwriter::utility::column_number_to_name(used);
            let range = format!("={LISTS}!${letters}$1:${letters}${}", column.choices.len());
            rules.push(Some(DataValidation::new().allow_list_formula(Formula::new(range))));
            used += 1;
        }
    }
    Ok(rules)
}

/// Looks of the cells of one kind of row.
struct RowStyles {
    text: Format,
    guarded: Format,
    number: Format,
    date: Format,
    datetime: Format,
}

impl RowStyles {
    fn new(base: &Format) -> Self {
        Self {
            text: base.clone().set_num_format("@"),
            guarded: base.clone().set_num_format("@").set_quote_prefix(),
            number: base.clone(),
            date: base.clone().set_num_format("yyyy-mm-dd"),
            datetime: base.clone().set_num_format("yyyy-mm-dd hh:mm:ss"),
        }
    }

    fn of_kind(&self, kind: Kind) -> Option<&Format> {
        match kind {
            Kind::Text => Some(&self.text),
            Kind::Number | Kind::Decimal(_) => None,
            Kind::Date => Some(&self.date),
            Kind::DateTime => Some(&self.datetime),
        }
    }
}

struct Styles {
    header: Format,
    required_header: Format,
    normal: RowStyles,
    example: RowStyles,
    good: Format,
    bad: Format,
}

impl Styles {
    /// How numbers of such a column are shown: grouped by thousands, so that they can be read, and added up.
    fn decimal(&self, kind: Kind) -> Option<Format> {
        let Kind::Decimal(places) = kind else { return None };
        let places = "0".repeat(usize::from(places));
        let point = if places.is_empty() { "" } else { "." };
        Some(self.normal.number.clone().set_num_format(format!("#,##0{point}{places}")))
    }

    fn new() -> Self {
        let header = Format::new()
            .set_bold()
            .set_border_bottom(FormatBorder::Thin)
            .set_align(FormatAlign::VerticalCenter)
            .set_text_wrap()
            .set_background_color(Color::RGB(0xE7_EB_F0));
        let coloured = |text, fill| {
            Format::new().set_font_color(Color::RGB(text)).set_background_color(Color::RGB(fill)).set_num_format("@")
        };
        Self {
            required_header: header.clone().set_background_color(Color::RGB(0xFC_E4_B8)),
            header,
            normal: RowStyles::new(&Format::new()),
            example: RowStyles::new(&Format::new().set_italic().set_font_color(Color::RGB(0x80_80_80))),
            good: coloured(0x00_61_00, 0xC6_EF_CE),
            bad: coloured(0x9C_00_06, 0xFF_C7_CE),
        }
    }
}
