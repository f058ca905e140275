//! Units that a heading names: a number under "Disk (TB)" is one of TB.

use std::collections::HashMap;

use sheets::header::{HeaderMatch, Heading, name_of, unit_of};

use super::SheetColumn;

/// Sizes, and how a cell says them.
const SIZES: [(&[&str], &str); 5] = [
    (&["kb", "kib", "k"], "KB"),
    (&["mb", "mib", "m", "兆"], "MB"),
    (&["gb", "gib", "g"], "GB"),
    (&["tb", "tib", "t"], "TB"),
    (&["pb", "pib", "p"], "PB"),
];

/// What people write in brackets that says nothing of what is in the column.
const MARKS: [&str; 5] = ["必填", "选填", "可选", "required", "optional"];

/// What they write there of a size that is no unit, and changes no number.
const NO_UNITS: [&str; 15] = [
    "总",
    "总量",
    "总计",
    "总容量",
    "容量",
    "大小",
    "单卡",
    "每卡",
    "每台",
    "total",
    "size",
    "capacity",
    "pergpu",
    "percard",
    "each",
];

/// Units of the columns of sizes that are not in GB. A column of something that is no size is not read: it goes to the
/// unknown ones, which are named, rather than have its numbers taken for GB. So does a number under "GPU (块)", rather than be
/// taken for the name of a model.
pub(super) fn take_units(
    header: &mut HeaderMatch<'static>,
    columns: &'static [SheetColumn],
) -> HashMap<&'static str, String> {
    let mut units = HashMap::new();
    let mut unread = Vec::new();
    for (key, column) in &header.found {
        let Some(known) = columns.iter().find(|known| known.key == *key) else { continue };
        let Some(heading) = header.headings.get(*column) else { continue };
        let Some(unit) = unit_of(heading) else { continue };
        // "GB/卡" and "GB, optional" are both usual.
        let mut parts = unit.split(['/', ',', ';', '、']).filter(|part| !part.is_empty() && !MARKS.contains(part));
        let part = if known.is_size() { parts.find(|part| !NO_UNITS.contains(part)) } else { parts.next() };
        let Some(part) = part else { continue };
        match SIZES.iter().find(|(names, _)| names.contains(&part)) {
            _ if !known.is_size() => {
                if is_of_another(known, heading, columns) {
                    unread.push(Heading { column: *column, text: heading.clone() });
                }
            }
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

/// Whether what stands in a heading's brackets makes it one of another column than its name alone does: by "GPU" people mean its
/// model, and how many there are with something in brackets.
fn is_of_another(known: &SheetColumn, heading: &str, columns: &[SheetColumn]) -> bool {
    let is_own = [known.heading.0, known.heading.1].iter().any(|own| name_of(own) == name_of(heading));
    let others = || columns.iter().filter(move |other| other.key != known.key).flat_map(|other| other.variants);
    let is_shared = |name: &str| others().any(|other| unit_of(other).is_some() && name_of(other) == name_of(name));
    !is_own && known.variants.iter().any(|name| is_shared(name))
}

/// What a cell says, with its heading's unit where it is a number without one of its own.
pub(super) fn with_unit(text: &str, unit: Option<&String>) -> String {
    match unit {
        Some(unit) if text.trim_end().ends_with(|c: char| c.is_numeric()) => format!("{text} {unit}"),
        _ => text.to_owned(),
    }
}
