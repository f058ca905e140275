//! What cells say.

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use sheets::{ReadOptions, Source, Unworked};

use crate::files::{Parts, read, refusal_with, rows};

fn texts(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

#[tokio::test]
async fn values_of_every_kind() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let bold = Format::new().set_bold();
    let plain = Format::new();
    sheet.write(0, 0, " \u{A0}H200\u{3000}").unwrap();
    sheet.write(0, 1, 8.0).unwrap();
    sheet.write(0, 2, 0.5).unwrap();
    sheet.write(0, 3, "0012").unwrap();
    sheet.write(0, 4, true).unwrap();
    sheet.write_formula(0, 5, Formula::new("=4*2").set_result("8")).unwrap();
    sheet.write_formula(0, 6, Formula::new("=\"a\"&\"b\"").set_result("ab")).unwrap();
    sheet.write_formula(0, 7, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    sheet.write_rich_string(0, 8, &[(&bold, "NVIDIA"), (&plain, " H200")]).unwrap();
    sheet.write(0, 9, "two\nlines & <signs>").unwrap();
    let expected = ["H200", "8", "0.5", "0012", "TRUE", "8", "ab", "#DIV/0!", "NVIDIA H200", "two\nlines & <signs>"];
    assert_eq!(rows(book.save_to_buffer().unwrap()).await, [(1, texts(&expected))]);
}

#[tokio::test]
async fn dates_of_the_usual_system() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let formats = ["yyyy-mm-dd", "yyyy/m/d h:mm", "yyyy\"年\"m\"月\"d\"日\"", "h:mm", "[h]:mm:ss"];
    let day = ExcelDateTime::from_ymd(2026, 2, 1).unwrap();
    let noon = ExcelDateTime::from_ymd(2026, 2, 1).unwrap().and_hms(12, 30, 5).unwrap();
    for (column, format) in (0..).zip(formats) {
        let format = Format::new().set_num_format(format);
        sheet.write_with_format(0, column, &day, &format).unwrap();
        sheet.write_with_format(1, column, &noon, &format).unwrap();
        sheet.write_with_format(2, column, 0.25, &format).unwrap();
    }
    let read = rows(book.save_to_buffer().unwrap()).await;
    assert_eq!(read[0].1[..4], texts(&["2026-02-01"; 4]));
    assert_eq!(read[1].1[..4], texts(&["2026-02-01T12:30:05"; 4]));
    assert_eq!(read[2].1, texts(&["06:00:00"; 5]));
    assert_eq!(read[0].1[4], "1105296:00:00");
}

#[tokio::test]
async fn dates_counted_from_1904() {
    let row = r#"<row r="1"><c r="A1" s="1"><v>44592</v></c><c r="B1" s="1"><v>44592.75</v></c><c r="C1"><v>44592</v></c><c r="D1" t="d"><v>2026-02-01T00:00:00</v></c></row>"#;
    let mut parts = Parts::with_rows(row);
    let in_1900 = rows(parts.zip()).await;
    assert_eq!(in_1900[0].1, texts(&["2022-01-31", "2022-01-31T18:00:00", "44592", "2026-02-01"]));
    parts.replace("xl/workbook.xml", "<workbookPr/>", r#"<workbookPr date1904="1"/>"#);
    let in_1904 = rows(parts.zip()).await;
    assert_eq!(in_1904[0].1, texts(&["2026-02-01", "2026-02-01T18:00:00", "44592", "2026-02-01"]));
}

#[tokio::test]
async fn a_merged_title_is_a_row_and_blank_rows_are_none() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let format = Format::new().set_border(rust_xlsxwriter::FormatBorder::Thin);
    sheet.merge_range(0, 0, 0, 5, "机器清单", &format).unwrap();
    sheet.write(2, 0, "name").unwrap();
    sheet.write(2, 2, "count").unwrap();
    sheet.write(4, 0, "n1").unwrap();
    for row in 5..120_000 {
        sheet.write_blank(row, 0, &format).unwrap();
    }
    let expected = [(1, texts(&["机器清单"])), (3, texts(&["name", "", "count"])), (5, texts(&["n1"]))];
    assert_eq!(rows(book.save_to_buffer().unwrap()).await, expected);
}

#[tokio::test]
async fn cells_without_names_and_in_any_order() {
    let row = r#"<row><c><v>1</v></c><c t="inlineStr"><is><t>two</t></is></c></row><row r="3"><c r="C3"><v>3</v></c><c r="A3"><v>1</v></c></row>"#;
    let expected = [(1, texts(&["1", "two"])), (3, texts(&["1", "", "3"]))];
    assert_eq!(rows(Parts::with_rows(row).zip()).await, expected);
}

#[tokio::test]
async fn a_sheet_without_cells_has_no_rows() {
    assert!(rows(Workbook::new().save_to_buffer().unwrap()).await.is_empty());
}

#[tokio::test]
async fn the_sheet_is_chosen_by_name_or_is_the_first_visible_one() {
    let mut book = Workbook::new();
    for (name, hidden) in [("secret", true), ("Notes", false), ("机器", false)] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        sheet.write(0, 0, name).unwrap();
        sheet.set_hidden(hidden).set_active(name == "Notes");
    }
    let file = book.save_to_buffer().unwrap();
    for (wanted, sheet, others) in [
        (vec![], "Notes", "机器"),
        (vec!["Machines", "机器"], "机器", "Notes"),
        (vec!["NOTES "], "Notes", "机器"),
        (vec!["secret"], "Notes", "机器"),
    ] {
        let options = ReadOptions { sheet_names: texts(&wanted), ..ReadOptions::default() };
        let (rows, end) = read(file.clone(), &options).await.unwrap();
        assert_eq!((rows[0].cells[0].as_str(), end.sheet.as_str()), (sheet, sheet));
        assert_eq!(end.other_sheets, [others]);
    }
    // The next one is asked for where none has a name that is looked for.
    for (wanted, passed, sheet) in [(vec![], 1, Some("机器")), (vec![], 2, None), (vec!["机器"], 1, None)] {
        let options = ReadOptions { sheet_names: texts(&wanted), passed, ..ReadOptions::default() };
        match sheet {
            Some(sheet) => assert_eq!(read(file.clone(), &options).await.unwrap().1.sheet, sheet),
            None => assert_eq!(refusal_with(file.clone(), &options).await, sheets::Refusal::NoSheet),
        }
    }
}

#[tokio::test]
async fn an_open_file_is_read_from_its_beginning() {
    use std::io::{Seek, Write};

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&Parts::with_rows(r#"<row r="1"><c r="A1"><v>7</v></c></row>"#).zip()).unwrap();
    assert_ne!(file.stream_position().unwrap(), 0);
    assert_eq!(rows(Source::File(file)).await, [(1, texts(&["7"]))]);
}

#[test]
fn at_a_shell_the_workbook_may_come_through_a_pipe() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut child = Command::new(crate::files::exe()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let file = Parts::with_rows(r#"<row r="12"><c r="B12"><v>7</v></c></row>"#).zip();
    child.stdin.take().unwrap().write_all(&file).unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let (rows, end) = output.split_once('\n').unwrap();
    assert_eq!(rows, r#"{"row":12,"cells":["","7"]}"#);
    assert!(end.starts_with(r#"{"end":{"sheet":"Data","other_sheets":[],"rows":1,"#), "{end}");
}

#[tokio::test]
async fn a_formula_that_nobody_worked_out_is_no_blank_cell() {
    let sheet = |second: &str| {
        let rows = format!(r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2" s="1"/>{second}</row>"#);
        Parts::with_rows(&rows).zip()
    };
    for cell in ["<v></v>", "<v/>", ""] {
        let file = sheet(&format!(r#"<c r="B2"><f>A1+1</f>{cell}</c>"#));
        let (_, end) = read(file, &ReadOptions::default()).await.unwrap();
        assert_eq!(end.unworked, [Unworked { column: 1, first: 2, last: 2 }], "{cell}");
        assert_eq!(end.unworked[0].below(1).as_deref(), Some("B2"));
        assert_eq!(end.unworked[0].below(2), None);
    }
    // What a spreadsheet worked out to be nothing is nothing.
    assert_eq!(rows(sheet(r#"<c r="B2" t="str"><f>""</f><v></v></c>"#)).await, [(1, texts(&["1"]))]);
    assert_eq!(rows(sheet(r#"<c r="B2" t="str"><f>""</f><v/></c>"#)).await, [(1, texts(&["1"]))]);
    assert_eq!(rows(sheet(r#"<c r="B2"><f>A1+1</f><v>2</v></c>"#)).await[1], (2, texts(&["", "2"])));
}

#[tokio::test]
async fn a_number_keeps_the_zeros_and_words_that_its_format_shows() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let zeros = Format::new().set_num_format("000");
    for (column, number) in [(0, 7.0), (1, 1234.0), (2, 7.5), (3, -7.0)] {
        sheet.write_with_format(0, column, number, &zeros).unwrap();
    }
    sheet.write_with_format(0, 4, 7.0, &Format::new().set_num_format("0.00")).unwrap();
    sheet.write(0, 5, 7.0).unwrap();
    // And the words that it shows: whoever made the sheet sees GPU-007.
    sheet.write_with_format(0, 6, 7.0, &Format::new().set_num_format("\"GPU-\"000")).unwrap();
    sheet.write_with_format(0, 7, 2.0, &Format::new().set_num_format("0\" TB\"")).unwrap();
    let read = rows(book.save_to_buffer().unwrap()).await;
    assert_eq!(read, [(1, texts(&["007", "1234", "7.5", "-7", "7", "7", "GPU-007", "2 TB"]))]);
}
