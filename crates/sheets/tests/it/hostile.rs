//! What must not be read, each refused for its own reason and soon.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use sheets::{ReadError, ReadOptions, Refusal, read_in_child};

use crate::files::{Parts, claim_size, compound_file, exe, read, refusal, refusal_with, rows};

const CELL: &str = r#"<row r="1"><c r="A1"><v>1</v></c></row>"#;

fn good() -> Parts {
    Parts::with_rows(CELL)
}

async fn quickly(file: Vec<u8>) -> Refusal {
    let begun = Instant::now();
    let refusal = refusal(file).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{refusal:?} took {:?}", begun.elapsed());
    refusal
}

/// Bytes that do not shrink, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn the_workbook_the_others_are_made_from_is_good() {
    assert_eq!(rows(good().zip()).await, [(1, vec!["1".to_owned()])]);
}

#[tokio::test]
async fn files_of_other_kinds() {
    assert_eq!(quickly(Vec::new()).await, Refusal::Empty);
    assert_eq!(quickly("名称,数量\nH200,8\n".into()).await, Refusal::PlainText);
    // The same in GBK and in the UTF-16 that Excel calls Unicode text.
    assert_eq!(quickly(b"\xC3\xFB\xB3\xC6,\xCA\xFD\xC1\xBF\r\nH200,8\r\n".into()).await, Refusal::PlainText);
    assert_eq!(quickly(b"\xFF\xFEn\0a\0m\0e\0\t\0".into()).await, Refusal::PlainText);
    assert_eq!(quickly("<html><table><tr><td>1</td></tr></table>".into()).await, Refusal::PlainText);
    assert_eq!(quickly(b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".into()).await, Refusal::NotExcel);
    assert_eq!(quickly(noise(100_000)).await, Refusal::NotExcel);
    let mut document = Parts { parts: Vec::new() };
    assert_eq!(quickly(document.set("a.txt", "a").zip()).await, Refusal::NotExcel);
    document.set("[Content_Types].xml", "wordprocessingml.document.main+xml");
    assert_eq!(quickly(document.zip()).await, Refusal::NotExcel);
    document.set("[Content_Types].xml", "application/vnd.ms-excel.sheet.binary.macroEnabled.main");
    assert_eq!(quickly(document.zip()).await, Refusal::BinaryExcel);
}

#[tokio::test]
async fn old_and_encrypted_workbooks_are_told_apart() {
    assert_eq!(quickly(compound_file(&["Workbook"])).await, Refusal::OldExcel);
    assert_eq!(quickly(compound_file(&["EncryptionInfo", "EncryptedPackage"])).await, Refusal::Encrypted);
    // The name as text in a cell is not a stream of that name.
    let mut old = compound_file(&["Workbook"]);
    old.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(quickly(old).await, Refusal::OldExcel);
    // Far behind, as in a large file; and a file that is nothing but the first bytes.
    let mut large = compound_file(&[]);
    large.resize(5 << 20, 0);
    large.extend(&compound_file(&["EncryptedPackage"])[1024..]);
    assert_eq!(quickly(large).await, Refusal::Encrypted);
    assert_eq!(quickly(compound_file(&[])[..8].to_vec()).await, Refusal::OldExcel);
}

#[tokio::test]
async fn broken_files() {
    let whole = good().zip();
    for length in [4, 100, whole.len() / 2, whole.len() - 22, whole.len() - 1] {
        assert_eq!(quickly(whole[..length].to_vec()).await, Refusal::Truncated, "{length} bytes");
    }
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle - 200..middle].fill(0xAA);
    assert!(matches!(quickly(flipped).await, Refusal::Damaged { .. }));
    let broken_xml = Parts::with_rows(r#"<row r="1"><c r="A1"><v>1</row>"#).zip();
    assert!(matches!(quickly(broken_xml).await, Refusal::Damaged { .. }));
    let backwards =
        Parts::with_rows(r#"<row r="5"><c r="A5"><v>1</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>"#);
    assert_eq!(quickly(backwards.zip()).await, Refusal::Damaged { detail: "row 2 stands after row 5".to_owned() });
}

#[tokio::test]
async fn macros() {
    assert_eq!(quickly(good().set("xl/vbaProject.bin", "x").zip()).await, Refusal::Macros);
    assert_eq!(quickly(good().set("xl/macrosheets/sheet1.xml", "x").zip()).await, Refusal::Macros);
    let mut declared = good();
    let main = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
    declared.replace("[Content_Types].xml", main, "application/vnd.ms-excel.sheet.macroEnabled.main+xml");
    assert_eq!(quickly(declared.zip()).await, Refusal::Macros);
}

#[tokio::test]
async fn bombs() {
    let zeros = good().set("xl/media/image1.png", vec![0; 4 << 20]).zip();
    assert!(zeros.len() < 10_000);
    assert_eq!(quickly(zeros).await, Refusal::Bomb);

    // Each part within the ratio, all together too much.
    let mut together =
        good().set("xl/media/image1.png", noise(2 << 20)).set("xl/media/image2.png", noise(2 << 20)).zip();
    claim_size(&mut together, "xl/media/image1.png", 300 << 20);
    claim_size(&mut together, "xl/media/image2.png", 300 << 20);
    assert_eq!(quickly(together).await, Refusal::Bomb);

    let mut many = good();
    for index in 0..2000 {
        many.set(&format!("x/{index}"), "");
    }
    assert_eq!(quickly(many.zip()).await, Refusal::Bomb);

    // More entries than the short record can count.
    let mut countless = good().zip();
    let end = countless.len() - 22;
    countless[end + 8..end + 12].fill(0xFF);
    assert_eq!(quickly(countless).await, Refusal::Bomb);
}

#[tokio::test]
async fn a_part_that_lies_about_its_size_is_not_unpacked_further() {
    let many_rows: String = (1..50_000).map(|row| format!(r#"<row r="{row}"/>"#)).collect();
    let mut lying = Parts::with_rows(&many_rows).zip();
    claim_size(&mut lying, "xl/worksheets/sheet1.xml", 1000);
    let Refusal::Damaged { detail } = quickly(lying).await else { panic!("not damaged") };
    assert!(detail.contains("larger than its declared"), "{detail}");
}

#[tokio::test]
async fn files_over_the_limit() {
    let file = good().zip();
    let bytes = file.len() as u64;
    let options = ReadOptions { max_bytes: bytes - 1, ..ReadOptions::default() };
    assert_eq!(refusal_with(file.clone(), &options).await, Refusal::TooLarge { bytes, limit: bytes - 1 });
    let options = ReadOptions { max_bytes: bytes, ..ReadOptions::default() };
    assert!(read(file, &options).await.is_ok());
}

#[tokio::test]
async fn cells_far_out() {
    let far = |cell: &str, row: u32| {
        Parts::with_rows(&format!(r#"{CELL}<row r="{row}"><c r="{cell}"><v>1</v></c></row>"#)).zip()
    };
    let too_many_rows = |cell: &str| Refusal::TooManyRows { cell: cell.to_owned(), limit: 100_021 };
    let too_many_columns = |cell: &str| Refusal::TooManyColumns { cell: cell.to_owned(), limit: 200 };
    assert_eq!(quickly(far("XFD1048576", 1_048_576)).await, too_many_rows("XFD1048576"));
    assert_eq!(quickly(far("A100022", 100_022)).await, too_many_rows("A100022"));
    assert_eq!(quickly(far("GS2", 2)).await, too_many_columns("GS2"));
    assert_eq!(rows(far("GR100021", 100_021)).await.len(), 2);
    // Names that no sheet has: numbers beyond what 32 bits hold.
    for cell in ["ZZZZZZZZ1", "A99999999999", "A0", "1", ""] {
        let refusal = quickly(far(cell, 2)).await;
        let key = refusal.key();
        let keys = ["sheet-refused-damaged", "sheet-refused-too-many-columns", "sheet-refused-too-many-rows"];
        assert!(keys.contains(&key), "{cell}: {refusal:?}");
    }
}

#[tokio::test]
async fn a_wrong_dimension_neither_hides_far_cells_nor_refuses_near_ones() {
    let with_dimension = |dimension: &str, rows: &str| {
        Parts::with_sheet(&format!(r#"<dimension ref="{dimension}"/><sheetData>{rows}</sheetData>"#)).zip()
    };
    let far = format!(r#"{CELL}<row r="2"><c r="XFD2"><v>1</v></c></row>"#);
    let refused = Refusal::TooManyColumns { cell: "XFD2".to_owned(), limit: 200 };
    assert_eq!(quickly(with_dimension("A1", &far)).await, refused);
    assert_eq!(rows(with_dimension("A1:XFD1048576", CELL)).await.len(), 1);

    // With an honest dimension the refusal comes before the first row.
    let file = with_dimension("A1:XFD2", &far);
    let mut rows = read_in_child(exe(), file, &ReadOptions::default()).await.unwrap();
    assert_eq!(rows.next().await, Err(ReadError::Refused(refused)));
}

#[tokio::test]
async fn blank_cells_far_out_do_not_count() {
    let blank = r#"<c r="XFC1" s="1"/><c r="XFD1" t="inlineStr"><is><t> 　</t></is></c>"#;
    let row =
        format!(r#"<row r="1"><c r="A1"><v>1</v></c>{blank}</row><row r="1048576"><c r="A1048576" s="1"/></row>"#);
    assert_eq!(rows(Parts::with_rows(&row).zip()).await, [(1, vec!["1".to_owned()])]);
}

#[tokio::test]
async fn more_text_than_excel_holds() {
    let with_text = |text: &str| {
        Parts::with_rows(&format!(r#"<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>"#)).zip()
    };
    assert_eq!(rows(with_text(&"中".repeat(32_767))).await.len(), 1);
    assert_eq!(quickly(with_text(&"a".repeat(32_768))).await, Refusal::TextTooLong { row: 1 });
}

#[tokio::test]
async fn a_parser_that_asks_for_too_much_memory_or_gives_up() {
    let with_count = |count: &str| {
        let strings = format!(r#"<sst uniqueCount="{count}"><si><t>a</t></si></sst>"#);
        good().set("xl/sharedStrings.xml", strings).zip()
    };
    assert_eq!(rows(with_count("1")).await.len(), 1);
    assert_eq!(quickly(with_count("100000000")).await, Refusal::TooHeavy { mebibytes: 256 });
    let refusal = quickly(with_count("18446744073709551615")).await;
    assert_eq!(refusal, Refusal::Damaged { detail: "the parser gave up".to_owned() });
}

#[tokio::test]
async fn a_child_that_keeps_waiting_is_ended() {
    // The real reader may answer at once, however short the patience is: this one never does.
    let folder = tempfile::tempdir().unwrap();
    let silent = folder.path().join("silent");
    fs::write(&silent, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&silent, Permissions::from_mode(0o700)).unwrap();

    let options = ReadOptions { patience: Duration::from_millis(50), ..ReadOptions::default() };
    let mut rows = read_in_child(&silent, good().zip(), &options).await.unwrap();
    let refused = Err(ReadError::Refused(Refusal::TooSlow { seconds: 0 }));
    assert_eq!(rows.next().await, refused);
    assert_eq!(rows.child_id(), None, "ended and waited for");
    assert_eq!(rows.next().await, refused);
}

#[tokio::test]
async fn a_program_that_is_no_reader_is_not_the_workbooks_fault() {
    for program in ["/bin/true", "/bin/false", "/bin/echo"] {
        let mut rows = read_in_child(program.as_ref(), good().zip(), &ReadOptions::default()).await.unwrap();
        assert!(matches!(rows.next().await, Err(ReadError::Child(_))), "{program}");
    }
    assert!(read_in_child("/nowhere".as_ref(), good().zip(), &ReadOptions::default()).await.is_err());
}

#[tokio::test]
async fn no_sheet_to_read() {
    let mut hidden = good();
    hidden.replace("xl/workbook.xml", "<sheet ", r#"<sheet state="hidden" "#);
    assert_eq!(quickly(hidden.zip()).await, Refusal::NoSheet);
}
