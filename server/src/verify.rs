//! `remotegpu admin verify-audit`: the audit log against its hash chain.
//!
//! Who owns the database could write a whole new chain that fits in itself. An anchor is the chain's end, noted in a file
//! elsewhere: a chain that was rewritten or cut off since then does not have it any more. There are two kinds of such files:
//! one that this command compares and moves on, and one that the server adds a line to each day.

use std::io::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context, bail};
use platform::Platform;
use platform::audit::{self, Anchor, ChainReport, Misdated, Outside};

use crate::anchors;

/// What to tell; with `anchor`, the file is compared first and then moved on to the present end. Every line of `daily` is
/// compared. Events at `accepted` positions are known to be misdated.
///
/// # Errors
/// Says which row does not fit its chain and why; the anchor stays as it was then. It moves on where the chain fits in itself
/// and events are misdated, which is an error too: what is noted is the chain, and an end that stood still would miss what is
/// rewritten behind it.
pub async fn verify(
    platform: &Platform,
    (anchor, daily): (Option<&Path>, Option<&Path>),
    accepted: &[RangeInclusive<i64>],
) -> anyhow::Result<String> {
    let mut noted: Vec<Anchor> = anchor.map(read).transpose()?.flatten().into_iter().collect();
    if let Some(file) = daily {
        noted.extend(anchors::read(file)?.into_iter().map(|(_, anchor)| anchor));
    }
    let report = audit::verify_chain(platform, &noted, accepted).await?;
    if let Some((position, why)) = report.broken {
        bail!(
            "the audit log does not fit its chain at position {position}: {why} ({} before it)",
            rows_that_fit(report.checked)
        );
    }
    if let (Some(file), Some(end)) = (anchor, report.end) {
        write(file, end).with_context(|| format!("{}", file.display()))?;
    }
    nothing_put_in(&report)?;
    let end = match report.end {
        Some(end) => format!("the last is at position {} with hash {}", end.position, hex::encode(end.hash)),
        None => "nothing is sealed yet".to_owned(),
    };
    let waiting = if report.unsealed == 1 { "is" } else { "are" };
    let mut text =
        format!("{} their chain, {} {waiting} not sealed yet; {end}", rows_that_fit(report.checked), report.unsealed);
    if !noted.is_empty() {
        text += &format!("; {}", noted_ends(noted.len() as u64 - report.unknown));
    }
    if let Some(pruned) = report.pruned {
        let (before, position) = (pruned.before.date_naive(), pruned.anchor.position);
        text += &format!("; what was before {before} was dropped up to position {position}");
    }
    if report.unknown > 0 {
        text += &format!(", with {} of the ends that were noted", report.unknown);
    }
    Ok(text)
}

/// What fits its chain, or may come into it, and is nevertheless not as the platform writes it.
fn nothing_put_in(report: &ChainReport) -> anyhow::Result<()> {
    if !report.outside.is_empty() {
        bail!(
            "{} their chain, but there are events that were put in by hand behind its end and can never be part of it: {}",
            rows_that_fit(report.checked),
            named(&report.outside)
        );
    }
    let found = [
        ("more than a day before what was sealed before", &report.dated_back, report.dated_back_total),
        ("more than an hour after the sealing", &report.dated_ahead, report.dated_ahead_total),
    ];
    let found: Vec<_> =
        found.into_iter().filter(|(.., total)| *total > 0).map(|(how, newest, n)| misdated(how, newest, n)).collect();
    if !found.is_empty() {
        bail!(
            "{} their chain, but {}. Put in by hand, or by a server whose clock was wrong. Once it is known what it is: \
             --accept POSITION or --accept FIRST-LAST",
            rows_that_fit(report.checked),
            found.join("; and ")
        );
    }
    Ok(())
}

fn rows_that_fit(n: u64) -> String {
    match n {
        1 => "1 row fits".to_owned(),
        n => format!("{n} rows fit"),
    }
}

fn misdated(how: &str, newest: &[Misdated], total: u64) -> String {
    let events = if total == 1 { "1 event is".to_owned() } else { format!("{total} events are") };
    let newest = newest.iter().map(|event| {
        let action = event.action.as_deref().unwrap_or("dropped");
        format!("position {}: {} ({action} of {})", event.position, event.id, event.at.to_rfc3339())
    });
    format!("{events} dated {how}, the newest: {}", newest.collect::<Vec<_>>().join(", "))
}

/// Reads `7` or `7-12`.
///
/// # Errors
/// Says what is expected.
pub fn positions(text: &str) -> Result<RangeInclusive<i64>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(first..=last),
        _ => Err("expected a position as 7, or several as 7-12".to_owned()),
    }
}

fn named(events: &[Outside]) -> String {
    let named = events.iter().map(|event| format!("{} ({} of {})", event.id, event.action, event.at.to_rfc3339()));
    named.collect::<Vec<_>>().join(", ")
}

fn noted_ends(n: u64) -> String {
    match n {
        1 => "the one end that was noted is in it".to_owned(),
        n => format!("{n} ends that were noted are in it"),
    }
}

fn read(file: &Path) -> anyhow::Result<Option<Anchor>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{}", file.display())),
    };
    parse(&text).map(Some).with_context(|| format!("{} is no anchor: `<position> <hash>`", file.display()))
}

pub(crate) fn parse(text: &str) -> Option<Anchor> {
    let (position, digits) = text.trim().split_once(' ')?;
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some(Anchor { position: position.parse().ok()?, hash })
}

/// Whole or not at all: half an anchor would look like a broken chain.
fn write(file: &Path, end: Anchor) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let part = file.with_file_name(name);
    let mut out = std::fs::File::create(&part)?;
    writeln!(out, "{} {}", end.position, hex::encode(end.hash))?;
    out.sync_all()?;
    std::fs::rename(part, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_one_or_a_range() {
        assert_eq!((positions("7"), positions("7-12")), (Ok(7..=7), Ok(7..=12)));
        assert!(["", "x", "0", "-3", "9-7", "1-2-3"].into_iter().all(|text| positions(text).is_err()));
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!((rows_that_fit(1), rows_that_fit(2)), ("1 row fits".to_owned(), "2 rows fit".to_owned()));
        assert!(misdated("late", &[], 1).starts_with("1 event is dated late"));
        assert!(misdated("late", &[], 2).starts_with("2 events are dated late"));
    }

    #[test]
    fn one_end_is_not_several() {
        assert_eq!(noted_ends(1), "the one end that was noted is in it");
        assert_eq!(noted_ends(2), "2 ends that were noted are in it");
    }

    #[test]
    fn an_anchor_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("anchor");
        assert_eq!(read(&file).unwrap(), None);
        let end = Anchor { position: 7, hash: [9; 32] };
        write(&file, end).unwrap();
        assert_eq!(read(&file).unwrap(), Some(end));
        for damaged in ["", "7", "7 09", "x 0909090909090909090909090909090909090909090909090909090909090909"] {
            std::fs::write(&file, damaged).unwrap();
            assert!(read(&file).is_err(), "{damaged}");
        }
    }
}
