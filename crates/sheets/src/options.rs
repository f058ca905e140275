//! What is read, and how much of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::header::HEADER_ROWS;

/// What is read, and how much at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadOptions {
    /// Names of the sheet to read, the first one found wins; where none is found, or none is given, the first visible
    /// sheet is read. Compared without regard to case.
    pub sheet_names: Vec<String>,
    /// Visible sheets that are passed over where none of those names is found: a cover often stands before a list.
    pub passed: usize,
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Columns that may have something in them, counted from column A.
    pub max_columns: u32,
    /// Rows that may have something in them, counted from row 1.
    pub max_rows: u32,
    /// Address space that the child may take, in bytes, beyond what its program occupies when it starts.
    pub memory: u64,
    /// Processor time of the child, in seconds.
    pub cpu_seconds: u64,
    /// How long the child may keep the reader waiting, all its rows together. Time that the reader of the rows spends
    /// on them does not count.
    pub patience: Duration,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            sheet_names: Vec::new(),
            passed: 0,
            max_bytes: 32 << 20,
            max_columns: 200,
            max_rows: 100_001 + HEADER_ROWS as u32,
            memory: 256 << 20,
            cpu_seconds: 60,
            patience: Duration::from_secs(60),
        }
    }
}
