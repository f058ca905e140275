//! Workbooks: the file as it is, and its parts in a file that is sound otherwise.
//!
//! In the product the reader runs in a child, and a panic of the library that reads ends that child alone. So here such a
//! panic is none; one of ours is.

use std::cell::Cell;
use std::io::{Cursor, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

use sheets::{End, ReadOptions, Refusal, Row};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{chosen, seeds};

const MAX_ROW_BYTES: usize = 1 << 20;
const MAX_CELL: usize = 32_767;

thread_local! {
    static FORGIVEN: Cell<bool> = const { Cell::new(false) };
}

/// Makes panics of the libraries that read workbooks end in [`forgiving`]; every other goes its way.
fn forgive_libraries() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(std::panic::Location::file).unwrap_or_default();
            if ["/calamine-", "/quick-xml-", "/zip-"].iter().any(|library| place.contains(library)) {
                FORGIVEN.set(true);
            } else {
                before(info);
            }
        }));
    });
}

fn forgiving(work: impl FnOnce()) {
    forgive_libraries();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work))
        && !FORGIVEN.take()
    {
        resume_unwind(panic);
    }
}

fn options() -> ReadOptions {
    ReadOptions { max_bytes: 1 << 20, max_columns: 60, max_rows: 2000, ..ReadOptions::default() }
}

/// A file as it was uploaded.
pub fn workbook(data: &[u8]) {
    forgiving(|| {
        let _ = read(data);
    });
}

/// One part of a workbook; the others are those of a small one.
pub fn sheet_parts(data: &[u8]) {
    let (which, part) = chosen(data, seeds::PARTS.len() as u8);
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(4096 + part.len())));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (number, (name, content)) in seeds::PARTS.iter().enumerate() {
        let content = if number == usize::from(which) { part } else { content.as_bytes() };
        zip.start_file(*name, stored).expect("a part begins");
        zip.write_all(content).expect("a part is written");
    }
    let file = zip.finish().expect("a workbook ends").into_inner();
    forgiving(|| {
        let _ = read(&file);
    });
}

/// Rows rise, stay within the limits, and come out of a line as they went in.
pub(crate) fn read(bytes: &[u8]) -> Result<End, Refusal> {
    let options = options();
    let (mut last, mut told) = (0, 0);
    let outcome = sheets::fuzzing::read(bytes, &options, &mut |row| {
        assert!(row.row > last && row.row <= options.max_rows, "row {} after {last}", row.row);
        assert!((1..=options.max_columns as usize).contains(&row.cells.len()), "{} cells", row.cells.len());
        assert!(row.cells.last().is_some_and(|cell| !cell.is_empty()), "a row ends with a cell");
        assert!(row.cells.iter().map(String::len).sum::<usize>() <= MAX_ROW_BYTES);
        assert!(row.cells.iter().all(|cell| cell.encode_utf16().count() <= MAX_CELL));
        check_line(row);
        last = row.row;
        told += 1;
    });
    match &outcome {
        Ok(end) => assert_eq!(end.rows, told),
        Err(refusal) => {
            assert!(refusal.key().starts_with("sheet-refused-"));
            if let Refusal::Damaged { detail } = refusal {
                assert!(detail.chars().count() <= 200 && !detail.chars().any(char::is_control), "{detail}");
            }
        }
    }
    outcome
}

fn check_line(row: &Row) {
    let line = serde_json::to_vec(row).expect("a row is JSON");
    assert!(!line.contains(&b'\n'), "one row, one line");
    assert_eq!(sheets::fuzzing::line(&line), Some((Some(row.clone()), false)));
}
