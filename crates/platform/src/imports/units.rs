//! Units that a heading names: a number under "Disk (TB)" is one of TB.

use std::collections::HashMap;

use sheets::header::{HeaderMatch, Heading, unit_of};

use super::SheetColumn;

/// Sizes, and how a cell says them.
const SIZES: [(&[&str], &str); 5] = [
    (&["kb", "kib", "k"], "KB"),
    (&["mb", "mib", "m", "兆"], "MB"),
    (&["gb", "gib", "g"], "GB"),
    (&["tb", "tib", "t"], "TB"),
    (&["pb", "pib", "p"], "PB"),
];

/// What people write in brackets that is no unit, and changes no number.
const NO_UNITS: [&str; 20] = [
    "必填",
    "选填",
    "可选",
    "总",
    "总量",
    "总计",
    "总容量",
    "容量",
    "大小",
    "单卡",
    "每卡",
    "每台",
    "required",
    "optional",
    "total",
    "size",
    "capacity",
    "pergpu",
    "percard",
    "each",
];

/// Units of the columns of sizes that are not in GB. A column of something that is no size is not read: it goes to the
/// unknown ones, which are named, rather than have its numbers taken for GB.
pub(super) fn take_units(
    header: &mut HeaderMatch<'static>,
    columns: &'static [SheetColumn],
) -> HashMap<&'static str, String> {
    let mut units = HashMap::new();
    let mut unread = Vec::new();
    for (key, column) in &header.found {
        let is_size = columns.iter().any(|known| known.key == *key && known.is_size());
        let Some(heading) = header.headings.get(*column).filter(|_| is_size) else { continue };
        let Some(unit) = unit_of(heading) else { continue };
        // "GB/卡" and "GB, optional" are both usual.
        let mut parts = unit.split(['/', ',', ';', '、']).filter(|part| !part.is_empty() && !NO_UNITS.contains(part));
        let Some(part) = parts.next() else { continue };
        match SIZES.iter().find(|(names, _)| names.contains(&part)) {
            Some((_, "GB")) => {}
            Some((_, said)) => {
                units.insert(*key, (*said).to_owned());
            }
            None => unread.push(Heading { column: *column, text: heading.clone() }),
        }
    }
    header.found.retain(|(_, column)| !unread.iter().any(|heading| heading.column == *column));
    header.unknown.append(&mut unread);
    header.unknown.sort_by_key(|heading| heading.column);
    units
}

/// What a cell says, with its heading's unit where it is a number without one of its own.
pub(super) fn with_unit(text: &str, unit: Option<&String>) -> String {
    match unit {
        Some(unit) if text.trim_end().ends_with(|c: char| c.is_numeric()) => format!("{text} {unit}"),
        _ => text.to_owned(),
    }
}
