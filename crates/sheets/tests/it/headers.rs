//! Finding the header row.

use sheets::Row;
use sheets::header::{Column, Heading, find};

const COLUMNS: &[Column<'_>] = &[
    Column { key: "name", headers: &["Name", "名称", "机器名"], required: true },
    Column { key: "gpus", headers: &["GPU count", "GPU 数量"], required: true },
    Column { key: "memory", headers: &["Memory (GB)", "显存（GB）"], required: false },
    Column { key: "price", headers: &["Price (CNY)", "价格"], required: false },
    Column { key: "price-usd", headers: &["Price (USD)"], required: false },
];

fn rows(rows: &[&[&str]]) -> Vec<Row> {
    let row =
        |(number, cells): (u32, &&[&str])| Row { row: number, cells: cells.iter().map(|c| (*c).into()).collect() };
    (1..).zip(rows).map(row).collect()
}

fn heading(column: usize, text: &str) -> Heading {
    Heading { column, text: text.to_owned() }
}

#[test]
fn below_a_title_and_in_any_spelling() {
    let rows = rows(&[
        &["名称"],
        &["", "填写说明：带 * 的必填"],
        &["备注", "ＧＰＵ　数量＊", "机器\n名 *", "显存 【GB】*", "price*（cny）", "PRICE(usd)"],
        &["x", "8", "n1"],
    ]);
    let header = find(&rows, COLUMNS).unwrap();
    assert_eq!((header.index, header.row), (2, 3));
    assert_eq!(header.found, [("gpus", 1), ("name", 2), ("memory", 3), ("price", 4), ("price-usd", 5)]);
    assert_eq!(header.column("name"), Some(2));
    assert_eq!(header.unknown, [heading(0, "备注")]);
    assert!(header.is_usable());
}

#[test]
fn a_unit_nobody_wrote_down_is_no_hindrance() {
    let header_of = |text: &str| find(&rows(&[&["Name", "GPU count", text]]), COLUMNS).unwrap().found;
    for text in ["Memory", "memory (MiB)", "显存", "显存[TB]"] {
        assert_eq!(header_of(text)[2..], [("memory", 2)], "{text}");
    }
    // Of two that differ only in the unit, the first.
    assert_eq!(header_of("price")[2..], [("price", 2)]);
}

#[test]
fn what_is_missing_and_what_is_there_twice() {
    let rows = rows(&[&["清单"], &["Name", "名称", "", "Memory"], &["n1", "n2", "", "80"]]);
    let header = find(&rows, COLUMNS).unwrap();
    assert_eq!(header.row, 2);
    assert_eq!(header.missing, ["gpus"]);
    assert_eq!(header.found, [("name", 0), ("memory", 3)]);
    assert_eq!(header.twice, [("name", heading(1, "名称"))]);
    assert!(!header.is_usable());
}

#[test]
fn a_row_with_all_required_columns_wins_over_one_with_more_matches() {
    let rows = rows(&[&["Memory", "价格", "Price (USD)"], &["Name", "GPU count"], &["名称", "GPU 数量"]]);
    assert_eq!(find(&rows, COLUMNS).unwrap().row, 2);
}

#[test]
fn only_the_first_rows_are_looked_at() {
    let mut cells: Vec<&[&str]> = vec![&["a", "b"]; 19];
    cells.push(&["Name", "GPU count"]);
    assert_eq!(find(&rows(&cells), COLUMNS).unwrap().row, 20);
    cells.insert(0, &["a"]);
    assert_eq!(find(&rows(&cells), COLUMNS), None);
    assert_eq!(find(&[], COLUMNS), None);
}

/// The heading of our own workbooks counts, whichever stands first; of two others neither does.
#[test]
fn our_own_heading_wins_over_what_people_call_it_too() {
    for (cells, name, other) in [(["机器名", "GPU count", "名称"], 2, 0), (["Name", "GPU count", "机器名"], 0, 2)]
    {
        let header = find(&rows(&[&cells]), COLUMNS).unwrap();
        assert_eq!((header.column("name"), header.unknown.clone()), (Some(name), vec![heading(other, "机器名")]));
        assert!(header.is_usable());
    }
}
