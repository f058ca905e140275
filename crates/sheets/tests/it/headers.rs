//! Finding the header row.

use sheets::Row;
use sheets::header::{Column, Heading, find, unit_of};

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

#[test]
fn two_lines_are_one_header_where_they_say_more_together() {
    const PARTS: &[Column<'_>] = &[
        Column { key: "name", headers: &["名称", "Name"], required: true },
        Column { key: "model", headers: &["GPU 型号", "GPU model", "gpu"], required: false },
        Column { key: "count", headers: &["GPU 数量", "GPU count"], required: false },
        Column { key: "memory", headers: &["单卡显存 (GB)", "Memory per GPU (GB)", "GPU 显存"], required: false },
        Column { key: "remark", headers: &["备注", "Remark"], required: false },
    ];
    let two = rows(&[
        &["清单"],
        &["名称", "GPU", "", "", "备注"],
        &["", "型号", "数量", "显存（MB）"],
        &["n1", "H100", "8", "81920", "x"],
    ]);
    let header = find(&two, PARTS).unwrap();
    assert_eq!((header.index, header.row), (2, 3));
    assert_eq!(header.found, [("name", 0), ("model", 1), ("count", 2), ("memory", 3), ("remark", 4)]);
    assert_eq!(header.headings[3], "GPU 显存（MB）");
    // The names may as well stand in the lower line.
    let lower = rows(&[&["", "GPU"], &["Name", "Model", "Count"], &["n1", "H100", "8"]]);
    let header = find(&lower, PARTS).unwrap();
    assert_eq!((header.row, header.found.clone()), (2, vec![("name", 0), ("model", 1), ("count", 2)]));
    // What is below a header of one line is data, whatever it says.
    let one = rows(&[&["Name", "GPU", "Remark"], &["", "8", "Count"], &["n1", "H100", "x"]]);
    assert_eq!(find(&one, PARTS).unwrap().row, 1);
}

#[test]
fn a_line_of_units_belongs_to_the_header_above() {
    const SIZED: &[Column<'_>] = &[
        Column { key: "name", headers: &["名称", "Name"], required: true },
        Column { key: "memory", headers: &["内存 (GB)", "Memory (GB)"], required: false },
        Column { key: "disk", headers: &["数据盘 (GB)", "Data disk (GB)"], required: false },
        Column { key: "count", headers: &["GPU 数量", "GPU count"], required: false },
        Column { key: "model", headers: &["GPU 型号", "GPU model", "GPU", "显卡"], required: false },
    ];
    let found = [("name", 0), ("memory", 1), ("disk", 2), ("count", 3)];
    for units in [["", "TB", "TB", "块"], ["", "(TB)", "（TB）", ""]] {
        let two = rows(&[&["名称", "内存", "数据盘", "GPU 数量"], &units, &["n1", "2", "7", "8"]]);
        let header = find(&two, SIZED).unwrap();
        assert_eq!((header.row, &header.found[..]), (2, &found[..]));
        assert_eq!([&header.headings[1], &header.headings[2]].map(|text| unit_of(text).unwrap()), ["tb", "tb"]);
    }
    let data = rows(&[&["名称", "内存"], &["TB", "2"]]);
    assert_eq!(find(&data, SIZED).unwrap().row, 1, "a machine may be called anything");
    // The size of what is none is another column, beside the one of that name too.
    for heading in ["GPU (GB)", "显卡/GB"] {
        let header = find(&rows(&[&["名称", "显卡", heading]]), SIZED).unwrap();
        assert_eq!(
            (header.column("model"), header.unknown),
            (Some(1), vec![Heading { column: 2, text: heading.into() }])
        );
    }
}

#[test]
fn a_heading_names_its_unit() {
    for (heading, unit) in [
        ("数据盘（TB）", Some("tb")),
        ("内存（单位：MB）", Some("mb")),
        ("Disk/TB", Some("tb")),
        ("内存GB", Some("gb")),
        ("Memory [ GiB ]*", Some("gib")),
        ("Memory (sticks)", Some("sticks")),
        ("Memory", None),
        ("TB", None),
    ] {
        assert_eq!(unit_of(heading).as_deref(), unit, "{heading}");
    }
    let header_of = |text: &str| find(&rows(&[&["Name", "GPU count", text]]), COLUMNS).unwrap().found;
    for text in ["显存TB", "Memory/MB", "memory_gib"] {
        assert_eq!(header_of(text)[2..], [("memory", 2)], "{text}");
    }
}
