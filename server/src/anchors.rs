//! The file that the chain's end is added to once a day: `<day> <position> <hash>`, in UTC, a line each.
//!
//! It belongs where the database's owner cannot write: then no day of the log can be changed afterwards without showing.
//! Lines are only ever added. Several servers may have the same file; the first one of a day writes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::NaiveDate;
use platform::Platform;
use platform::audit::{self, Anchor};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether the day has its line.
const EVERY: Duration = Duration::from_secs(600);

/// Keeps the file until the token is cancelled.
pub async fn keep(platform: Platform, file: PathBuf, stopping: CancellationToken) {
    loop {
        if let Err(error) = note(&platform, &file).await {
            tracing::error!(file = %file.display(), %error, "the end of the audit log could not be noted");
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Adds the line of today, unless there is one; true when it was added.
///
/// # Errors
/// When the database or the file is away, or the file is no list of anchors.
pub async fn note(platform: &Platform, file: &Path) -> anyhow::Result<bool> {
    let today = platform.clock().now().date_naive();
    let noted = read(file)?;
    if noted.last().is_some_and(|(day, _)| *day >= today) {
        return Ok(false);
    }
    let Some(end) = audit::chain_end(platform).await? else { return Ok(false) };
    let shorter = noted.last().is_some_and(|(_, last)| last.position > end.position);
    ensure!(!shorter, "the log ends before the last line: was it restored from a backup? Then begin a new file");
    // One write, so that lines of two servers do not mix.
    let line = format!("{today} {} {}\n", end.position, hex::encode(end.hash));
    let mut out = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    out.write_all(line.as_bytes())?;
    out.sync_all()?;
    Ok(true)
}

/// The lines of the file; none when there is no file yet.
///
/// # Errors
/// Names the line that is none of ours.
pub fn read(file: &Path) -> anyhow::Result<Vec<(NaiveDate, Anchor)>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("{}", file.display())),
    };
    let mut lines: Vec<(NaiveDate, Anchor)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = || format!("{}, line {}: not `<day> <position> <hash>`", file.display(), number + 1);
        let entry = parse(line).with_context(place)?;
        let after = lines.last().is_none_or(|(day, last)| *day <= entry.0 && last.position <= entry.1.position);
        ensure!(after, "{}, line {}: it goes back", file.display(), number + 1);
        lines.push(entry);
    }
    Ok(lines)
}

pub(crate) fn parse(line: &str) -> Option<(NaiveDate, Anchor)> {
    let (day, rest) = line.split_once(' ')?;
    let (position, digits) = rest.split_once(' ')?;
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some((day.parse().ok()?, Anchor { position: position.parse().ok()?, hash }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_in_order_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("anchors");
        assert!(read(&file).unwrap().is_empty(), "no file is no line");
        let hash = "09".repeat(32);
        std::fs::write(&file, format!("2026-11-25 7 {hash}\n2026-11-26 9 {hash}\n")).unwrap();
        let lines = read(&file).unwrap();
        assert_eq!((lines.len(), lines[1].1), (2, Anchor { position: 9, hash: [9; 32] }));
        for damaged in ["", "2026-11-27", "2026-11-27 10", "2026-11-27 10 09", "yesterday 10 09"] {
            std::fs::write(&file, format!("2026-11-25 7 {hash}\n{damaged}\n")).unwrap();
            assert!(read(&file).unwrap_err().to_string().contains("line 2"), "{damaged}");
        }
        std::fs::write(&file, format!("2026-11-25 7 {hash}\n2026-11-26 6 {hash}\n")).unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("goes back"));
    }
}
