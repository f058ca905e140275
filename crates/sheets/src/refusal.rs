//! Why a workbook is not read, each with a stable key and its values.

use serde::{Deserialize, Serialize};

/// Why a workbook is not read.
///
/// On the wire `{"key": "sheet-refused-…", "args": {…}}`; keys are stable, for they name texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "key", content = "args")]
pub enum Refusal {
    /// A file of no bytes.
    #[serde(rename = "sheet-refused-empty")]
    #[error("the file is empty")]
    Empty,
    /// No workbook of any kind: a picture, a document, some other archive.
    #[serde(rename = "sheet-refused-not-excel")]
    #[error("not an Excel workbook")]
    NotExcel,
    /// Text, most often a CSV file, under another name.
    #[serde(rename = "sheet-refused-plain-text")]
    #[error("a text file, not an Excel workbook")]
    PlainText,
    /// The format of Excel before 2007 (.xls).
    #[serde(rename = "sheet-refused-old-excel")]
    #[error("an old Excel workbook (.xls)")]
    OldExcel,
    /// The binary format (.xlsb).
    #[serde(rename = "sheet-refused-binary-excel")]
    #[error("a binary Excel workbook (.xlsb)")]
    BinaryExcel,
    /// Protected with a password.
    #[serde(rename = "sheet-refused-encrypted")]
    #[error("protected with a password")]
    Encrypted,
    /// The end is missing, as after an upload that broke off.
    #[serde(rename = "sheet-refused-truncated")]
    #[error("the end of the file is missing")]
    Truncated,
    /// Contains macros.
    #[serde(rename = "sheet-refused-macros")]
    #[error("contains macros")]
    Macros,
    /// Would unpack to far more than a real workbook does.
    #[serde(rename = "sheet-refused-bomb")]
    #[error("unpacks to far more than a workbook should")]
    Bomb,
    /// More bytes than the caller takes.
    #[serde(rename = "sheet-refused-too-large")]
    #[error("{bytes} bytes, more than {limit}")]
    TooLarge {
        /// Size of the file.
        bytes: u64,
        /// Largest size taken.
        limit: u64,
    },
    /// Something stands in a column beyond the last one read.
    #[serde(rename = "sheet-refused-too-many-columns")]
    #[error("{cell} lies beyond column {limit}")]
    TooManyColumns {
        /// The cell, as Excel names it.
        cell: String,
        /// Columns read.
        limit: u32,
    },
    /// Something stands in a row beyond the last one read.
    #[serde(rename = "sheet-refused-too-many-rows")]
    #[error("{cell} lies beyond row {limit}")]
    TooManyRows {
        /// The cell, as Excel names it.
        cell: String,
        /// Rows read.
        limit: u32,
    },
    /// More text in one cell than Excel itself holds, or in one row than is taken.
    #[serde(rename = "sheet-refused-text-too-long")]
    #[error("too much text in row {row}")]
    TextTooLong {
        /// The row, counted from 1.
        row: u32,
    },
    /// A formula whose result is not in the file: no spreadsheet program has worked it out yet.
    #[serde(rename = "sheet-refused-formula")]
    #[error("the result of the formula in {cell} is not in the file")]
    Formula {
        /// The cell, as Excel names it.
        cell: String,
    },
    /// No visible sheet with cells.
    #[serde(rename = "sheet-refused-no-sheet")]
    #[error("no visible sheet")]
    NoSheet,
    /// Looks like a workbook and cannot be read as one.
    #[serde(rename = "sheet-refused-damaged")]
    #[error("damaged: {detail}")]
    Damaged {
        /// What the parser said, in English, for a log or a small print.
        detail: String,
    },
    /// Reading it took more memory than allowed.
    #[serde(rename = "sheet-refused-too-heavy")]
    #[error("reading took more than {mebibytes} MiB of memory")]
    TooHeavy {
        /// Memory allowed.
        mebibytes: u64,
    },
    /// Reading it took more time than allowed.
    #[serde(rename = "sheet-refused-too-slow")]
    #[error("reading took more than {seconds} s")]
    TooSlow {
        /// Time allowed.
        seconds: u64,
    },
}

impl Refusal {
    /// Key of the text that tells a person about it.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Empty => "sheet-refused-empty",
            Self::NotExcel => "sheet-refused-not-excel",
            Self::PlainText => "sheet-refused-plain-text",
            Self::OldExcel => "sheet-refused-old-excel",
            Self::BinaryExcel => "sheet-refused-binary-excel",
            Self::Encrypted => "sheet-refused-encrypted",
            Self::Truncated => "sheet-refused-truncated",
            Self::Macros => "sheet-refused-macros",
            Self::Bomb => "sheet-refused-bomb",
            Self::TooLarge { .. } => "sheet-refused-too-large",
            Self::TooManyColumns { .. } => "sheet-refused-too-many-columns",
            Self::TooManyRows { .. } => "sheet-refused-too-many-rows",
            Self::TextTooLong { .. } => "sheet-refused-text-too-long",
            Self::Formula { .. } => "sheet-refused-formula",
            Self::NoSheet => "sheet-refused-no-sheet",
            Self::Damaged { .. } => "sheet-refused-damaged",
            Self::TooHeavy { .. } => "sheet-refused-too-heavy",
            Self::TooSlow { .. } => "sheet-refused-too-slow",
        }
    }

    /// Values for the text's variables.
    pub fn args(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TooLarge { bytes, limit } => vec![("bytes", bytes.to_string()), ("limit", limit.to_string())],
            Self::TooManyColumns { cell, limit } | Self::TooManyRows { cell, limit } => {
                vec![("cell", cell.clone()), ("limit", limit.to_string())]
            }
            Self::Formula { cell } => vec![("cell", cell.clone())],
            Self::TextTooLong { row } => vec![("row", row.to_string())],
            Self::Damaged { detail } => vec![("detail", detail.clone())],
            Self::TooHeavy { mebibytes } => vec![("mebibytes", mebibytes.to_string())],
            Self::TooSlow { seconds } => vec![("seconds", seconds.to_string())],
            Self::Empty
            | Self::NotExcel
            | Self::PlainText
            | Self::OldExcel
            | Self::BinaryExcel
            | Self::Encrypted
            | Self::Truncated
            | Self::Macros
            | Self::Bomb
            | Self::NoSheet => Vec::new(),
        }
    }

    /// A [`Refusal::Damaged`] with a detail short enough to show; `error` may quote the file.
    pub(crate) fn damaged(error: impl ToString) -> Self {
        Self::Damaged { detail: error.to_string().chars().filter(|c| !c.is_control()).take(200).collect() }
    }
}
