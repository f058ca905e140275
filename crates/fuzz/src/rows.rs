//! What comes after a workbook was parsed: lines of the child, the search for the header, texts of cells, machines of rows.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use platform::machines::sheet_columns;
use sheets::Row;
use sheets::header::{self, HEADER_ROWS};

use crate::{chosen, text};

/// See the module.
pub fn rows(data: &[u8]) {
    match chosen(data, 5) {
        (0, line) => lines(line),
        (1, sheet) => sheet_of(&text(sheet)),
        (2, bytes) => numbers(bytes),
        (3, iso) => {
            let said = text(iso);
            assert!(sheets::fuzzing::iso(&said).len() <= said.len());
        }
        (_, cell) => cell_of(&text(cell)),
    }
}

/// A line that reads, reads the same when it is written again.
fn lines(line: &[u8]) {
    if let Some((Some(row), last)) = sheets::fuzzing::line(line) {
        let written = serde_json::to_vec(&row).expect("a row is JSON");
        let (again, _) = sheets::fuzzing::line(&written).expect("what we write reads");
        assert!(again == Some(row) && (last || !written.is_empty()));
    }
}

fn sheet_of(text: &str) {
    let sheet = text
        .lines()
        .zip(1..)
        .map(|(line, row)| Row { row, cells: line.split('\t').map(|cell| cell.trim().to_owned()).collect() });
    let sheet: Vec<Row> = sheet.collect();
    let columns = sheet_columns::header_columns();
    let Some(found) = header::find(&sheet, &columns) else { return };
    assert!(found.index < HEADER_ROWS && found.row == sheet[found.index].row);
    let header = &sheet[found.index].cells;
    for (number, (key, column)) in found.found.iter().enumerate() {
        assert!(!header[*column].is_empty());
        assert!(!found.found[..number].iter().any(|(earlier, _)| earlier == key), "{key} is found once");
    }
    for missing in &found.missing {
        assert!(columns.iter().any(|column| column.key == *missing && column.required));
    }
    for row in sheet.iter().skip(found.index + 1) {
        let cell = |(key, column): &(&str, usize)| Some(((*key).to_owned(), row.cells.get(*column)?.clone()));
        machine_of(&found.found.iter().filter_map(cell).collect());
    }
}

/// One cell for every column in turn.
fn cell_of(cell: &str) {
    for column in sheet_columns::COLUMNS {
        machine_of(&[("name", "host"), (column.key, cell)].map(|(key, cell)| (key.to_owned(), cell.to_owned())).into());
    }
}

/// Faults name columns; a machine that is taken is taken again as it is.
fn machine_of(cells: &BTreeMap<String, String>) {
    let parsed = sheet_columns::parse(cells);
    for fault in &parsed.faults {
        assert!(sheet_columns::COLUMNS.iter().any(|column| column.key == fault.column), "{}", fault.column);
        assert!(fault.note.key.starts_with("field-"));
    }
    if let Ok(taken) = platform::fuzzing::machine(parsed.machine) {
        let again = platform::fuzzing::machine(taken.clone());
        assert_eq!(again.ok().as_ref(), Some(&taken));
    }
}

/// A number is a number again, and a day is one that the calendar has.
fn numbers(bytes: &[u8]) {
    let Some((number, flags)) = bytes.split_first_chunk::<8>() else { return };
    let value = f64::from_le_bytes(*number);
    let written = sheets::fuzzing::number(value);
    let read: f64 = written.parse().expect("a number's text is a number");
    let apart = (read - value).abs();
    assert!(!value.is_finite() || apart <= value.abs() * 1e-13, "{value} as {written}");
    let flags = flags.first().copied().unwrap_or_default();
    let date = sheets::fuzzing::date(value, flags & 1 != 0, flags & 2 != 0);
    if date.as_bytes().get(4) == Some(&b'-') && !date.starts_with('-') {
        let day = NaiveDate::parse_from_str(&date, "%Y-%m-%d").is_ok();
        let instant = NaiveDateTime::parse_from_str(&date, "%Y-%m-%dT%H:%M:%S").is_ok();
        // Excel has a day that the calendar has not: 1900 was no leap year.
        assert!(day || instant || date.starts_with("1900-02-29"), "{value} as {date}");
    } else if !date.contains(':') {
        date.parse::<f64>().expect("what is no date is a number");
    }
}
