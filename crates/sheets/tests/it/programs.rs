//! The same list as different programs write it reads the same: see `tests/fixtures/README.md`.

use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format, FormatBorder, Formula, Workbook};

use crate::files::rows;

const ZH: &[&str] = &["机器名称", "编号", "机房", "显卡型号", "卡数", "显存", "采购日期", "备注"];
const EN: &[&str] = &["Machine name", "Code", "Location", "GPU model", "Number of GPUs", "VRAM", "Purchased", "Notes"];

/// What is on the sheet, whoever wrote it.
fn expected(title: &str, headings: &[&str]) -> Vec<(u32, Vec<String>)> {
    let lines: [(u32, &[&str]); 5] = [
        (1, &[title]),
        (3, headings),
        (4, &["Rack 7 node 1", "rack7-1", "east", "H100 80G", "8", "80 GB", "2026-02-01", "+86 10 5550 0100"]),
        (5, &["Rack 7 node 2", "rack7-2", "east", "H100 80G", "8", "80", "2026-02-01T08:30:00", "=1+1"]),
        (6, &["Rack 7 node 3", "rack7-3", "west", "L40S", "8", "48", "2026-02-01"]),
    ];
    lines.map(|(row, cells)| (row, cells.iter().map(|cell| (*cell).to_owned()).collect())).into()
}

/// The way Excel writes it.
fn excel(title: &str, headings: &[&str]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let (day, time) = (Format::new().set_num_format("yyyy/m/d"), Format::new().set_num_format("yyyy/m/d h:mm"));
    let frame = Format::new().set_border(FormatBorder::Thin);
    let date = ExcelDateTime::from_ymd(2026, 2, 1).unwrap();
    let at = ExcelDateTime::from_ymd(2026, 2, 1).unwrap().and_hms(8, 30, 0).unwrap();
    sheet.merge_range(0, 0, 0, 7, title, &frame).unwrap();
    sheet.write_row(2, 0, headings.iter().copied()).unwrap();
    for (row, texts) in (3..).zip([
        ["Rack 7 node 1", "rack7-1", "east", "H100 80G"],
        ["Rack 7 node 2", "rack7-2", "east", "H100 80G"],
        ["Rack 7 node 3", "rack7-3", "west", "L40S"],
    ]) {
        sheet.write_row(row, 0, texts).unwrap();
        let format = if row == 4 { &time } else { &day };
        sheet.write_datetime_with_format(row, 6, if row == 4 { &at } else { &date }, format).unwrap();
    }
    sheet.write_number(3, 4, 8).unwrap();
    sheet.write_string(4, 4, "8").unwrap();
    sheet.write_formula(5, 4, Formula::new("=4*2").set_result("8")).unwrap();
    sheet.write_string(3, 5, "80 GB").unwrap();
    sheet.write_number(4, 5, 80).unwrap();
    sheet.write_number(5, 5, 48).unwrap();
    sheet.write_string(3, 7, "+86 10 5550 0100").unwrap();
    sheet.write_string(4, 7, "  =1+1  ").unwrap();
    for row in 6..60 {
        for column in 0..11 {
            sheet.write_blank(row, column, &frame).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

#[tokio::test]
async fn every_programs_way_reads_the_same() {
    let folder = Path::new("tests/fixtures");
    for (language, title, headings) in [("zh", "2026 年 GPU 服务器清单", ZH), ("en", "GPU servers of 2026", EN)] {
        let expected = expected(title, headings);
        assert_eq!(rows(excel(title, headings)).await, expected, "Excel, {language}");
        for program in ["openpyxl", "libreoffice", "wps-shaped"] {
            let file = folder.join(format!("{program}-{language}.xlsx"));
            assert_eq!(rows(std::fs::read(&file).unwrap()).await, expected, "{}", file.display());
        }
    }
}
