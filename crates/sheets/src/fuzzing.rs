//! For the crate `fuzz` alone: what the child reads, in this process; and what the parent reads of a child.

use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, ExcelDateTimeType};

use crate::parent::Line;
use crate::shown::Shown;
use crate::stream::Stop;
use crate::{End, ReadOptions, Refusal, Row, container, stream, text};

/// Reads a workbook without a child. No limit of a process holds here.
///
/// # Errors
/// As the child says it.
pub fn read(bytes: &[u8], options: &ReadOptions, take: &mut dyn FnMut(&Row)) -> Result<End, Refusal> {
    let mut file = Cursor::new(bytes);
    container::inspect(&mut file, options)?;
    let rows = stream::rows(file, options, &mut |row| {
        take(row);
        Ok(())
    });
    rows.map_err(|stop| match stop {
        Stop::Refused(refusal) => refusal,
        Stop::Output(error) => Refusal::damaged(error),
    })
}

/// A line from a child: the row in it, and whether it is a last word; `None` for what is no line.
pub fn line(bytes: &[u8]) -> Option<(Option<Row>, bool)> {
    let Line { row, cells, end, refused } = serde_json::from_slice(bytes).ok()?;
    let row = row.zip(cells).map(|(row, cells)| Row { row, cells });
    Some((row, end.is_some() || refused.is_some()))
}

/// The text of a cell with a number.
pub fn number(value: f64) -> String {
    text::of_cell(&DataRef::Float(value), false).into_owned()
}

/// The same as a format shows it.
pub fn shown(value: f64, format: &str) -> String {
    Shown::of_code(format).unwrap_or_default().apply(number(value).into()).into_owned()
}

/// The text of a cell with a date, or with a duration.
pub fn date(value: f64, duration: bool, from_1904: bool) -> String {
    let kind = if duration { ExcelDateTimeType::TimeDelta } else { ExcelDateTimeType::DateTime };
    text::of_cell(&DataRef::DateTime(ExcelDateTime::new(value, kind, from_1904)), from_1904).into_owned()
}

/// The text of a cell with a date as ISO 8601 writes it.
pub fn iso(text: &str) -> String {
    text::of_cell(&DataRef::DateTimeIso(text.to_owned()), false).into_owned()
}
