//! Workbooks as people have them: units in headings, covers, two lines of headings, formulas that failed.

use std::io::{Cursor, Read as _, Write as _};

use contract::imports::{ImportRow, ImportRowQuery, ImportState, ImportSubject, RowVerdict};
use contract::machines::Pool;
use platform::{imports, machines};
use rust_xlsxwriter::{Formula, Workbook, Worksheet};
use zip::write::SimpleFileOptions;

use super::import::{World, workbook};

/// A sheet with these texts; a number is one, and what begins with `=` is a formula that nobody has worked out.
fn fill(sheet: &mut Worksheet, rows: &[&[&str]]) {
    for (row, cells) in (0..).zip(rows) {
        for (column, text) in (0..).zip(*cells) {
            match (text.parse::<f64>(), text.strip_prefix('=')) {
                (Ok(number), _) => sheet.write(row, column, number).unwrap(),
                (_, Some(formula)) => sheet.write(row, column, Formula::new(formula).set_result("")).unwrap(),
                _ if text.is_empty() => continue,
                _ => sheet.write(row, column, *text).unwrap(),
            };
        }
    }
}

fn book(sheets: &[(&str, &[&[&str]])]) -> Vec<u8> {
    let mut book = Workbook::new();
    for (name, rows) in sheets {
        fill(book.add_worksheet().set_name(*name).unwrap(), rows);
    }
    not_worked_out(&book.save_to_buffer().unwrap())
}

/// As a program leaves formulas that no spreadsheet has seen: without even the type of a result.
fn not_worked_out(book: &[u8]) -> Vec<u8> {
    let mut from = zip::ZipArchive::new(Cursor::new(book)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..from.len() {
        let mut part = from.by_index(index).unwrap();
        let mut content = String::new();
        part.read_to_string(&mut content).unwrap();
        to.start_file(part.name().unwrap(), SimpleFileOptions::default()).unwrap();
        let content = content.replace(r#" t="str"><f>"#, "><f>").replace("</f><v>0</v>", "</f><v></v>");
        to.write_all(content.as_bytes()).unwrap();
    }
    to.finish().unwrap().into_inner()
}

async fn rows_of(world: &World, id: contract::ImportId) -> Vec<ImportRow> {
    let query = ImportRowQuery::default();
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    imports::rows(p, &ctx, ImportSubject::Machines, id, &query).await.unwrap().list
}

#[tokio::test]
async fn a_unit_in_a_heading_counts() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let sheet = workbook(
        &["名称", "编号", "数据盘（TB）", "内存 (TB)", "单卡显存(MB)", "系统盘 (GB)", "CPU (核)"],
        &[&["A", "a", "7", "2", "81920", "960", "64"], &["B", "b", "500 GB", "512 GB", "80 GB", "1 TB", "64"]],
    );
    let staged = world.stage(sheet).await;
    assert_eq!((staged.new_rows, staged.unknown_columns.len()), (2, 0));
    assert_eq!(rows_of(&world, staged.id).await[0].cells["dataDiskGb"], "7 TB", "the preview says what is taken");
    imports::confirm(p, &ctx, ImportSubject::Machines, staged.id).await.unwrap();
    for (code, expected) in [("a", [7168, 2048, 80, 960, 64]), ("b", [500, 512, 80, 1024, 64])] {
        let declared = machines::get(p, &ctx, code).await.unwrap().declared;
        let said = [
            declared.data_disk_gb,
            declared.memory_gb,
            declared.gpu_memory_gb,
            declared.system_disk_gb,
            declared.cpu_cores,
        ];
        assert_eq!(said, expected.map(Some), "{code}");
    }
    // What is no size is not taken for one: the heading is named.
    let sticks = world.stage(workbook(&["Name", "Memory (sticks)"], &[&["C", "16"]])).await;
    assert_eq!(sticks.unknown_columns, ["Memory (sticks)"]);
    let plain = world.stage(workbook(&["Name", "Memory (required)"], &[&["C", "16"]])).await;
    assert!(plain.unknown_columns.is_empty());
}

#[tokio::test]
async fn what_counts_or_measures_a_thing_is_no_name_of_it() {
    let world = World::new().await;
    for heading in ["GPU (块)", "GPU（个）", "显卡（块）", "GPU (GB)", "显卡/GB", "CPU (GHz)", "处理器（颗）"]
    {
        let staged = world.stage(workbook(&["名称", heading], &[&["A", "8"]])).await;
        assert_eq!(staged.unknown_columns, [heading]);
    }
    // One person has so many imports open and no more.
    let world = World::new().await;
    for (heading, key) in [
        ("GPU 数量（块）", "gpuCount"),
        ("GPU (张)", "gpuCount"),
        ("GPU（必填）", "gpuModel"),
        ("上架（是/否）", "listed"),
    ] {
        let staged = world.stage(workbook(&["名称", heading], &[&["A", "1"]])).await;
        assert!(staged.unknown_columns.is_empty(), "{heading}");
        assert_eq!(rows_of(&world, staged.id).await[0].cells[key], "1", "{heading}");
    }
    // Units in a line of their own count as well.
    let sheet: &[&[&str]] = &[&["名称", "编号", "内存", "数据盘"], &["", "", "TB", "TB"], &["A", "a", "2", "7"]];
    let staged = world.stage(book(&[("清单", sheet)])).await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    imports::confirm(p, &ctx, ImportSubject::Machines, staged.id).await.unwrap();
    let declared = machines::get(p, &ctx, "a").await.unwrap().declared;
    assert_eq!((staged.rows, declared.memory_gb, declared.data_disk_gb), (1, Some(2048), Some(7168)));
}

#[tokio::test]
async fn a_list_is_found_behind_a_cover() {
    let world = World::new().await;
    let cover: &[&[&str]] = &[&["GPU 服务器交付清单"], &["日期", "2026"]];
    let list: &[&[&str]] = &[&["主机", "区域"], &["A", "east"], &["B", "west"]];
    let staged = world.stage(book(&[("封面", cover), ("清单", list)])).await;
    assert_eq!((staged.state, staged.new_rows), (ImportState::Ready, 2));
    // One column alone is a list where there is no better one.
    let names: &[&[&str]] = &[&["Machine"], &["A"]];
    let staged = world.stage(book(&[("names", names), ("notes", cover)])).await;
    assert_eq!((staged.state, staged.new_rows), (ImportState::Ready, 1));
    let staged = world.stage(book(&[("names", names), ("list", list)])).await;
    assert_eq!(staged.new_rows, 2, "the wider one");
    // A sheet of our own name is the one that is meant, right or wrong.
    let wrong: &[&[&str]] = &[&["Region", "Code"], &["east", "a"]];
    let staged = world.stage(book(&[("machines", wrong), ("old", list)])).await;
    assert_eq!(staged.refusal.unwrap().key, "import-no-name-column");
    let staged = world.stage(book(&[("one", cover), ("two", cover)])).await;
    assert_eq!(staged.refusal.unwrap().key, "import-no-heading");
}

/// Every sheet that is looked at costs another child.
#[tokio::test]
async fn not_all_sheets_of_a_workbook_are_looked_at() {
    let world = World::new().await;
    let cover: &[&[&str]] = &[&["GPU 服务器交付清单"]];
    let list: &[&[&str]] = &[&["主机", "区域"], &["A", "east"]];
    let names = ["1", "2", "3", "4", "5", "6"];
    for (covers, found) in [(4, true), (5, false)] {
        let mut sheets: Vec<(&str, &[&[&str]])> = names[..covers].iter().map(|name| (*name, cover)).collect();
        sheets.push(("list", list));
        let staged = world.stage(book(&sheets)).await;
        assert_eq!(staged.state == ImportState::Ready, found, "behind {covers}: {:?}", staged.refusal);
    }
}

/// A sheet with a fault is the one that was meant: last year's, behind it, is not read in its place.
#[tokio::test]
async fn no_other_sheet_is_read_in_place_of_one_that_cannot_be() {
    let world = World::new().await;
    let list: &[&[&str]] = &[&["主机", "区域"], &["A", "east"]];
    let far_out = |row: u32, column: u16| {
        let mut book = Workbook::new();
        let first = book.add_worksheet().set_name("2026").unwrap();
        fill(first, list);
        first.write(row, column, "stray").unwrap();
        fill(book.add_worksheet().set_name("2025").unwrap(), list);
        book.save_to_buffer().unwrap()
    };
    let keyless: &[&[&str]] = &[&["谁", "区域", "编号"], &["A", "east", "a"]];
    for (workbook, why) in [
        (far_out(1, 230), "sheet-refused-too-many-columns"),
        (far_out(200_000, 0), "sheet-refused-too-many-rows"),
        (book(&[("2026", keyless), ("2025", list)]), "import-no-name-column"),
    ] {
        let staged = world.stage(workbook).await;
        assert_eq!((staged.state, staged.refusal.unwrap().key.as_str()), (ImportState::Refused, why));
    }
    // What was read, and what was not, is there to see before anybody agrees.
    let cover: &[&[&str]] = &[&["区域"], &["east"]];
    let staged = world.stage(book(&[("封面", cover), ("2026", list), ("2025", list)])).await;
    assert_eq!((staged.sheet.as_deref(), staged.new_rows), (Some("2026"), 1));
    assert_eq!(staged.other_sheets, ["封面", "2025"]);
}

#[tokio::test]
async fn a_heading_of_two_lines_is_read_whole() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let sheet: &[&[&str]] = &[
        &["名称", "编号", "GPU", "", "", "出租方式"],
        &["", "", "型号", "数量", "显存"],
        &["A", "a", "H100", "8x", "80", "独享"],
    ];
    let staged = world.stage(book(&[("清单", sheet)])).await;
    assert_eq!((staged.new_rows, staged.unknown_columns.len()), (1, 0));
    imports::confirm(p, &ctx, ImportSubject::Machines, staged.id).await.unwrap();
    let made = machines::get(p, &ctx, "a").await.unwrap();
    let declared = (made.declared.gpu_model.as_deref(), made.declared.gpu_count, made.declared.gpu_memory_gb);
    assert_eq!((declared, made.pool), ((Some("H100"), Some(8), Some(80)), Pool::Whole));
}

#[tokio::test]
async fn a_formula_that_failed_is_a_fault_of_its_cell_alone() {
    let world = World::new().await;
    let rows: &[&[&str]] = &[&["#NAME?", "east"], &["B", "#REF!"], &["C", "#N/A"], &["D", "west"]];
    let staged = world.stage(workbook(&["Name", "Region"], rows)).await;
    let told: Vec<_> = world.rows(staged.id).await.into_iter().map(|(_, verdict, _, what)| (verdict, what)).collect();
    let wrong = |column: &str| (RowVerdict::Error, vec![format!("{column}: field-cell-error")]);
    assert_eq!(told, [wrong("name"), wrong("region"), wrong("region"), (RowVerdict::New, vec![])]);
}

#[tokio::test]
async fn a_formula_without_a_value_matters_where_it_is_read() {
    let world = World::new().await;
    let elsewhere: &[&[&str]] = &[&["Name", "Region", "Price"], &["A", "east", "=1+1"]];
    let staged = world.stage(book(&[("list", elsewhere)])).await;
    assert_eq!((staged.state, staged.new_rows), (ImportState::Ready, 1));
    let here: &[&[&str]] = &[&["Name", "Region", "Price"], &["A", "=1+1", "5"]];
    let refusal = world.stage(book(&[("list", here)])).await.refusal.unwrap();
    assert_eq!((refusal.key.as_str(), refusal.args["cell"].as_str()), ("sheet-refused-formula", "B2"));
}

#[tokio::test]
async fn a_choice_that_is_none_is_answered_with_the_choices() {
    let world = World::new().await;
    let rows: &[&[&str]] = &[&["A", "pond", "是的"], &["B", "共用", "✔"], &["C", "整机出租", "perhaps"]];
    let staged = world.stage(workbook(&["Name", "Let as", "Listed"], rows)).await;
    let told: Vec<_> =
        world.rows(staged.id).await.into_iter().map(|(_, verdict, _, what)| (verdict, what.join(" "))).collect();
    let expected = [
        (RowVerdict::Error, "pool: field-pool-choices"),
        (RowVerdict::New, ""),
        (RowVerdict::Error, "listed: field-yes-or-no"),
    ];
    assert_eq!(told, expected.map(|(verdict, what)| (verdict, what.to_owned())));
}

#[tokio::test]
async fn a_workbook_that_is_called_something_else_is_told_what_it_is() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let stage = async |name: &str, bytes: &[u8]| {
        let staged = imports::stage(p, &ctx, ImportSubject::Machines, name, bytes).await.unwrap();
        imports::read(p, staged.id, true).await.unwrap();
        imports::get(p, &ctx, ImportSubject::Machines, staged.id).await.unwrap()
    };
    let bytes = workbook(&["Name", "Code"], &[&["A", "a"]]);
    for (name, extension) in [("fleet.csv", ".csv"), ("fleet.XLSM", ".XLSM")] {
        let staged = stage(name, &bytes).await;
        let refusal = staged.refusal.unwrap();
        assert_eq!((staged.state, refusal.key.as_str()), (ImportState::Refused, "sheet-refused-wrong-extension"));
        assert_eq!((refusal.args["extension"].as_str(), refusal.args["name"].as_str()), (extension, "fleet.xlsx"));
    }
    for name in ["fleet.xlsx", "fleet.XLSX", "fleet"] {
        assert_eq!(stage(name, &bytes).await.state, ImportState::Ready, "{name}");
    }
    // What is no workbook at all is told so, whatever it is called.
    let refusal = stage("fleet.csv", b"name,code\na,b\n").await.refusal.unwrap();
    assert_eq!(refusal.key, "sheet-refused-plain-text");
}

#[tokio::test]
async fn a_row_says_what_it_would_store() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let headings = ["Name", "Code", "Region", "Memory", "GPUs", "Let as"];
    let rows: &[&[&str]] = &[&["A", "A-1", "east", "1500 MB", "8 张", "独享"], &["B", "b", "east", "much", "", ""]];
    let staged = world.stage(workbook(&headings, rows)).await;
    let told = rows_of(&world, staged.id).await;
    let stored: Vec<_> = told[0].stored.iter().map(|(column, text)| (column.as_str(), text.as_str())).collect();
    let expected = [
        ("gpuCount", "8"),
        ("listed", "false"),
        ("memoryGb", "1"),
        ("monitored", "true"),
        ("name", "A"),
        ("pool", "whole"),
        ("region", "east"),
    ];
    assert_eq!(stored, expected);
    let note = &told[0].notes[0];
    assert_eq!((note.column.as_str(), note.note.key.as_str(), told[0].notes.len()), ("memoryGb", "import-rounded", 1));
    assert!(told[1].stored.is_empty() && told[1].notes.is_empty(), "what is left out stores nothing");

    // A change says the same of the whole machine, also of what the sheet leaves as it is.
    imports::confirm(p, &ctx, ImportSubject::Machines, staged.id).await.unwrap();
    let again = world.stage(workbook(&["Name", "Code", "Memory"], &[&["A", "a-1", "2 TB"]])).await;
    let told = rows_of(&world, again.id).await;
    assert_eq!((told[0].changes.len(), told[0].before["memoryGb"].as_str()), (1, "1"));
    assert_eq!((told[0].stored["memoryGb"].as_str(), told[0].stored["region"].as_str()), ("2048", "east"));
}
