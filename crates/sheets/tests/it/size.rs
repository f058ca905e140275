//! The largest sheet that is read, and what it takes.

use std::io::Write;
use std::time::Instant;

use rust_xlsxwriter::Workbook;
use sheets::write::{Column, Value};
use sheets::{ReadOptions, SheetWriter, read_in_child};

use crate::files::exe;

const ROWS: u32 = 100_000;
const COLUMNS: u16 = 20;

/// A value in KiB from this process's status.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Forgets the most memory held so far.
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Reads the file, counts rows and says what it took: rise of this process's memory and peak of the child's, in MiB.
async fn measure(what: &str, file: std::fs::File) -> (u64, u64) {
    reset_peak();
    let before = status("VmRSS");
    let begun = Instant::now();
    let mut rows = read_in_child(exe(), file, &ReadOptions::default()).await.unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().await.unwrap() {
        count += 1;
        assert_eq!((row.row, row.cells.len()), (count, usize::from(COLUMNS)));
    }
    assert_eq!(count, ROWS + 1);
    let rise = (status("VmHWM") - before) >> 10;
    let child = rows.end().unwrap().peak_kib.unwrap() >> 10;
    println!("{what}: {:?}, parent +{rise} MiB, child {child} MiB", begun.elapsed());
    (rise, child)
}

fn text(row: u32, column: u16) -> String {
    format!("机器 {row} 第 {column} 列")
}

#[tokio::test]
async fn a_hundred_thousand_rows_pass_through_little_memory() {
    reset_peak();
    let before = status("VmRSS");
    let begun = Instant::now();
    let columns: Vec<Column> = (0..COLUMNS).map(|column| Column::new(format!("column {column}"))).collect();
    let mut writer = SheetWriter::new("large", &columns).unwrap();
    for row in 0..ROWS {
        let texts: Vec<String> = (0..COLUMNS).map(|column| text(row, column)).collect();
        let values: Vec<Value<'_>> = texts.iter().map(|text| Value::Text(text)).collect();
        writer.row(&values).unwrap();
    }
    let file = writer.finish().unwrap().into_file();
    let rise = (status("VmHWM") - before) >> 10;
    println!("written: {:?}, +{rise} MiB, {} MiB", begun.elapsed(), file.metadata().unwrap().len() >> 20);
    assert!(rise <= 64, "writing took {rise} MiB");

    let (rise, child) = measure("read", file).await;
    assert!(rise <= 64, "the parent's memory rose by {rise} MiB");
    assert!(child <= 64, "the child took {child} MiB");
}

/// Excel itself writes every text once, in a table that must be held while the cells are read: all texts different is
/// the worst that can come.
#[tokio::test]
async fn two_million_different_texts_fit_into_the_childs_memory() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_low_memory().unwrap();
    for row in 0..=ROWS {
        for column in 0..COLUMNS {
            sheet.write_string(row, column, text(row, column)).unwrap();
        }
    }
    let mut file = tempfile::tempfile().unwrap();
    book.save_to_writer(&mut file).unwrap();
    file.flush().unwrap();
    drop(book);

    let (rise, child) = measure("read with a table of texts", file).await;
    assert!(rise <= 64, "the parent's memory rose by {rise} MiB");
    assert!(child <= 256, "the child took {child} MiB");
}
