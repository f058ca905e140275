//! What comes after a workbook was parsed: lines of the child, the search for the header, texts of cells, machines and people
//! of rows.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use contract::imports::ImportSubject;
use platform::fuzzing::{self, header_columns};
use platform::imports::columns_of;
use sheets::Row;
use sheets::header::{self, HEADER_ROWS};

use crate::{chosen, text};

/// See the module.
pub fn rows(data: &[u8]) {
    match chosen(data, 7) {
        (0, line) => lines(line),
        (1, sheet) => {
            for subject in [ImportSubject::Machines, ImportSubject::Users] {
                sheet_of(subject, &text(sheet));
            }
        }
        (2, bytes) => numbers(bytes),
        (3, iso) => {
            let said = text(iso);
            assert!(sheets::fuzzing::iso(&said).len() <= said.len());
        }
        (4, cell) => cell_of(&text(cell)),
        (5, cells) => person_of(&text(cells)),
        (_, cell) => places_of(&text(cell)),
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

fn sheet_of(subject: ImportSubject, text: &str) {
    let sheet = text
        .lines()
        .zip(1..)
        .map(|(line, row)| Row { row, cells: line.split('\t').map(|cell| cell.trim().to_owned()).collect() });
    let sheet: Vec<Row> = sheet.collect();
    let columns = header_columns(subject);
    let Some(found) = header::find(&sheet, &columns) else { return };
    assert!(found.index < HEADER_ROWS && found.row == sheet[found.index].row);
    let header = &found.headings;
    for (number, (key, column)) in found.found.iter().enumerate() {
        assert!(!header[*column].is_empty());
        assert!(!found.found[..number].iter().any(|(earlier, _)| earlier == key), "{key} is found once");
    }
    for missing in &found.missing {
        assert!(columns.iter().any(|column| column.key == *missing && column.required));
    }
    if subject != ImportSubject::Machines {
        return;
    }
    for row in sheet.iter().skip(found.index + 1) {
        let cell = |(key, column): &(&str, usize)| Some(((*key).to_owned(), row.cells.get(*column)?.clone()));
        machine_of(&found.found.iter().filter_map(cell).collect());
    }
}

/// One cell for every column in turn.
fn cell_of(cell: &str) {
    for column in columns_of(ImportSubject::Machines) {
        machine_of(&[("name", "host"), (column.key, cell)].map(|(key, cell)| (key.to_owned(), cell.to_owned())).into());
    }
}

/// Faults name columns; a machine that is taken is taken again as it is.
fn machine_of(cells: &BTreeMap<String, String>) {
    let (machine, faults) = fuzzing::machine_row(cells);
    for fault in &faults {
        assert!(
            columns_of(ImportSubject::Machines).iter().any(|column| column.key == fault.column),
            "{}",
            fault.column
        );
        assert!(fault.note.key.starts_with("field-"));
    }
    if let Ok(taken) = fuzzing::machine(machine) {
        let again = fuzzing::machine(taken.clone());
        assert_eq!(again.ok().as_ref(), Some(&taken));
    }
}

/// Who is taken is taken again as they are.
fn person_of(cells: &str) {
    let mut cells = cells.lines().map(str::to_owned);
    let username = cells.next().unwrap_or_default();
    let Ok((name, shown, email)) = fuzzing::person(username, cells.next(), cells.next()) else { return };
    let again = fuzzing::person(name.clone(), shown.clone(), email.clone());
    assert_eq!(again.ok(), Some((name, shown, email)));
}

/// Whatever customer a cell may name is asked for: of what is asked for, none is found that was not, and none is left.
fn places_of(cell: &str) {
    let asked = fuzzing::named_customers(cell);
    assert!(asked.iter().all(|name| !name.is_empty() || cell.contains(['(', '（'])), "{asked:?}");
    let places = fuzzing::places(cell, &asked);
    assert!(places.iter().all(Option::is_some), "{cell:?} names more than {asked:?}");
    assert!(fuzzing::places(cell, &[]).iter().all(Option::is_none));
}

/// A number is a number again, also as a format shows it, and a day is one that the calendar has.
fn numbers(bytes: &[u8]) {
    let Some((number, flags)) = bytes.split_first_chunk::<8>() else { return };
    let value = f64::from_le_bytes(*number);
    let written = sheets::fuzzing::number(value);
    let read: f64 = written.parse().expect("a number's text is a number");
    let apart = (read - value).abs();
    assert!(!value.is_finite() || apart <= value.abs() * 1e-13, "{value} as {written}");
    // What follows is a format: it adds to the number, and takes nothing from it.
    let shown = sheets::fuzzing::shown(value, &text(flags));
    assert!(shown.contains(&written), "{written} as {shown}");
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
