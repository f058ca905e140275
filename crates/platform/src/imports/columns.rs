//! Columns of workbooks: their names in both languages, with the variants people use.

use std::collections::BTreeMap;

use contract::imports::RowFault;
use sheets::header::Column;

use crate::Error;
use crate::error::FieldError;

/// A column of a workbook.
pub struct SheetColumn {
    /// Name on the wire.
    pub key: &'static str,
    /// Chinese and English heading of our own workbooks.
    pub heading: (&'static str, &'static str),
    /// Whether a row cannot do without.
    pub required: bool,
    /// Our own headings, and what else people call it.
    pub(crate) variants: &'static [&'static str],
}

impl SheetColumn {
    /// Whether its numbers are sizes, in GB unless something else is said.
    pub(super) fn is_size(&self) -> bool {
        self.heading.1.ends_with("(GB)")
    }
}

macro_rules! columns {
    ($($key:literal $zh:literal $en:literal $required:literal [$($variant:literal),*];)+) => {
        /// In the order of the workbook.
        pub const COLUMNS: &[$crate::imports::SheetColumn] = &[$($crate::imports::SheetColumn {
            key: $key, heading: ($zh, $en), required: $required, variants: &[$zh, $en, $($variant),*],
        },)+];
    };
}
pub(crate) use columns;

/// For the header search.
pub(super) fn header_columns(columns: &'static [SheetColumn]) -> Vec<Column<'static>> {
    columns.iter().map(|c| Column { key: c.key, headers: c.variants, required: c.required }).collect()
}

/// A fault of a cell.
pub(crate) fn fault(column: &str, key: &str, args: &[(&str, String)]) -> RowFault {
    RowFault { column: column.to_owned(), note: super::note(key, args) }
}

/// What is wrong with fields, as faults of the columns of these names.
pub(crate) fn faults_of(error: Error) -> Vec<RowFault> {
    let fault_of =
        |field: FieldError| fault(field.path.rsplit('.').next().unwrap_or(field.path), field.key, &field.args);
    error.fields.into_iter().map(fault_of).collect()
}

/// What a cell says, unless it is blank or a formula failed in it.
pub(crate) fn text_of(cells: &BTreeMap<String, String>, column: &str) -> Option<String> {
    cells.get(column).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty() && !is_error(text))
}

/// What stands in a cell whose formula failed.
const ERRORS: [&str; 10] =
    ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#DATA!", "#GETTING_DATA", "#SPILL!"];

fn is_error(text: &str) -> bool {
    ERRORS.contains(&text.trim())
}

/// A fault for each cell whose formula failed, in the order of the columns' names.
pub(crate) fn errors_in(cells: &BTreeMap<String, String>) -> Vec<RowFault> {
    let failed = cells.iter().filter(|(column, text)| !column.starts_with(super::UNKNOWN_COLUMN) && is_error(text));
    failed.map(|(column, text)| fault(column, FAILED, &[("text", text.trim().to_owned())])).collect()
}

const FAILED: &str = "field-cell-error";

/// Where a formula failed, nothing else is wrong with the cell: it is not "missing" besides.
pub(super) fn without_aftermath(faults: Vec<RowFault>) -> Vec<RowFault> {
    let failed: Vec<String> =
        faults.iter().filter(|fault| fault.note.key == FAILED).map(|fault| fault.column.clone()).collect();
    faults.into_iter().filter(|fault| fault.note.key == FAILED || !failed.contains(&fault.column)).collect()
}
