//! What is written, and that it reads back as it was meant.

use std::io::{Read, Seek};

use sheets::SheetWriter;
use sheets::header::{self, find};
use sheets::write::{Column, Kind, Value, Verdict};
use tempfile::NamedTempFile;

use crate::files::{read, rows};

/// A part of the workbook.
fn part(file: &NamedTempFile, name: &str) -> String {
    let mut archive = zip::ZipArchive::new(file.reopen().unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn columns() -> Vec<Column> {
    vec![
        Column { required: true, note: Some("机器的名字\nits name".to_owned()), ..Column::new("名称") },
        Column { kind: Kind::Number, width: 9.5, ..Column::new("数量") },
        Column { kind: Kind::Date, ..Column::new("日期") },
        Column { choices: vec!["整机".to_owned(), "单卡".to_owned()], ..Column::new("方式") },
    ]
}

#[tokio::test]
async fn what_is_written_reads_back() {
    let dangerous = ["=1+1", "+86 10", "-5", "@home", "\t=1", "=HYPERLINK(\"http://x\")", "{=1}", "'=1"];
    let mut writer = SheetWriter::new("机器", &columns()).unwrap();
    for text in dangerous {
        let values = [Value::Text(text), Value::Number(8.0), Value::Date("2026-02-01"), Value::Text("整机")];
        writer.row(&values).unwrap();
    }
    writer.row(&[Value::Text("00012"), Value::Blank, Value::Date("2026-02-01T08:30:00"), Value::Bool(true)]).unwrap();
    writer.row(&[Value::Number(f64::NAN), Value::Number(-0.25), Value::Date("1812-12-01"), Value::Date("x")]).unwrap();
    assert_eq!(writer.rows(), 10);
    let file = writer.finish().unwrap();
    assert_eq!(file.path().extension().unwrap(), "xlsx");

    let sheet = part(&file, "xl/worksheets/sheet1.xml");
    assert!(!sheet.contains("<f>"), "no formulas");
    let read = rows(file.reopen().unwrap()).await;
    assert_eq!(read[0].1, ["名称 *", "数量", "日期", "方式"]);
    for ((number, cells), text) in read[1..].iter().zip(dangerous) {
        assert_eq!(cells[..], [text.trim(), "8", "2026-02-01", "整机"], "row {number}");
    }
    assert_eq!(read[9].1, ["00012", "", "2026-02-01T08:30:00", "TRUE"]);
    assert_eq!(read[10].1, ["NaN", "-0.25", "1812-12-01", "x"]);

    let known = [header::Column { key: "name", headers: &["名称"], required: true }];
    let header: Vec<_> = read.into_iter().map(|(row, cells)| sheets::Row { row, cells }).collect();
    assert_eq!(find(&header, &known).unwrap().found, [("name", 0)]);
}

#[test]
fn numbers_with_places_are_numbers() {
    let money = |header: &str, places| Column { kind: Kind::Decimal(places), ..Column::new(header) };
    let mut writer = SheetWriter::new("x", &[money("seconds", 3), money("cost", 4), money("cards", 0)]).unwrap();
    writer.row(&[Value::Number(1_800.000_001), Value::Number(1.25), Value::Number(2.0)]).unwrap();
    let file = writer.finish().unwrap();
    let sheet = part(&file, "xl/worksheets/sheet1.xml");
    // No cell of them is a text: a spreadsheet adds them up.
    assert!(
        sheet.contains("<v>1800.000001</v>") && sheet.contains("<v>1.25</v>") && sheet.contains("<v>2</v>"),
        "{sheet}"
    );
    assert!(!sheet.contains("<is><t>1.25"), "{sheet}");
    let styles = part(&file, "xl/styles.xml");
    for format in ["#,##0.000", "#,##0.0000"] {
        assert!(styles.contains(&format!("formatCode=\"{format}\"")), "{styles}");
    }
}

#[test]
fn the_header_stays_in_view_filters_and_explains() {
    let mut writer = SheetWriter::new("template", &columns()).unwrap();
    writer.example(&[Value::Text("gpu-01"), Value::Number(8.0), Value::Date("2026-02-01")]).unwrap();
    let file = writer.finish().unwrap();
    let sheet = part(&file, "xl/worksheets/sheet1.xml");
    assert!(sheet.contains(r#"ySplit="1""#) && sheet.contains(r#"state="frozen""#), "{sheet}");
    assert!(sheet.contains(r#"<autoFilter ref="A1:D2"/>"#), "{sheet}");
    assert!(sheet.contains(r#"<formula1>"整机,单卡"</formula1>"#), "{sheet}");
    assert!(sheet.contains(r#"sqref="D2:D1048576""#), "{sheet}");
    assert!(part(&file, "xl/comments1.xml").contains("its name"));
    let styles = part(&file, "xl/styles.xml");
    assert!(styles.contains("<i/>") && styles.contains("yyyy\\-mm\\-dd") | styles.contains("yyyy-mm-dd"), "{styles}");
}

#[tokio::test]
async fn long_lists_and_ones_with_commas_go_to_a_hidden_sheet() {
    let long: Vec<String> = (0..100).map(|n| format!("customer {n}")).collect();
    let commas = vec!["a,b".to_owned(), "c".to_owned()];
    let columns =
        [Column { choices: long, ..Column::new("customer") }, Column { choices: commas, ..Column::new("other") }];
    let file = SheetWriter::new("x", &columns).unwrap().finish().unwrap();
    let sheet = part(&file, "xl/worksheets/sheet1.xml");
    assert!(sheet.contains("<formula1>lists!$A$1:$A$100</formula1>"), "{sheet}");
    assert!(sheet.contains("<formula1>lists!$B$1:$B$2</formula1>"), "{sheet}");
    let (read, end) = read(file.reopen().unwrap(), &Default::default()).await.unwrap();
    assert_eq!((read.len(), end.sheet.as_str(), end.other_sheets), (1, "x", vec![]));
}

#[tokio::test]
async fn results_stand_in_a_last_column_and_in_colour() {
    let mut writer = SheetWriter::new("x", &columns()).unwrap().with_result_column("结果", 40.0).unwrap();
    writer.row_with_result(&[Value::Text("n1")], Verdict::Good, "已导入").unwrap();
    writer.row_with_result(&[Value::Text("n2")], Verdict::Bad, "=bad").unwrap();
    let file = writer.finish().unwrap();
    let read = rows(file.reopen().unwrap()).await;
    assert_eq!(read[0].1[4], "结果");
    assert_eq!(read[1].1, ["n1", "", "", "", "已导入"]);
    assert_eq!(read[2].1, ["n2", "", "", "", "=bad"]);
    let styles = part(&file, "xl/styles.xml");
    assert!(styles.contains("FFC6EFCE") && styles.contains("FFFFC7CE"));
    assert!(part(&file, "xl/worksheets/sheet1.xml").contains(r#"<autoFilter ref="A1:E3"/>"#));
}

#[tokio::test]
async fn text_too_long_for_a_cell_is_cut() {
    let text = format!("a{}", "\u{1F600}".repeat(20_000));
    let mut writer = SheetWriter::new("x", &[Column::new("a")]).unwrap();
    writer.row(&[Value::Text(&text)]).unwrap();
    let mut file = writer.finish().unwrap();
    file.rewind().unwrap();
    let read = rows(file.into_file()).await;
    assert_eq!(read[1].1[0].encode_utf16().count(), 32_767);
}

#[test]
fn a_name_no_sheet_can_have_is_an_error() {
    assert!(SheetWriter::new("a/b", &columns()).is_err());
}
