//! The job that reads a staged workbook and gives every row its verdict.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use contract::ImportId;
use contract::accounts::Language;
use contract::imports::Note;
use sheets::header::{self, Column, HEADER_ROWS, HeaderMatch, Heading};
use sheets::{ReadError, ReadOptions, Refusal, Row, Rows};
use tokio::io::AsyncWriteExt as _;

use super::columns::header_columns;
use super::subject::{self, Judge, Kind};
use super::units::{take_units, with_unit};
use super::{TextRow, UNKNOWN_COLUMN, note, store};
use crate::db::Tx;
use crate::{Error, Platform, Principal, Result, SystemActor, UserPrincipal};

/// Rows that are judged and staged together: every one is held as its cells, what is written and what is sent, and by whichever
/// threads work on it, so few enough that memory stays far from the 64 MiB a big import may take.
const BATCH: usize = 200;

const NO_HEADING: &str = "import-no-heading";

/// Text keys of the headings that an answer file has beside the sheet's own: who mends it and sends it back is not warned.
const ANSWERED: [&str; 2] = ["import-row", "import-result"];

/// How reading ends.
enum Outcome {
    Read,
    Refused(Note),
}

/// Reads it from the beginning. `last`: nobody tries again after this.
///
/// # Errors
/// When the reader itself fails and somebody tries again.
pub async fn read(platform: &Platform, id: ImportId, last: bool) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let Some((subject, staged_as)) = store::unread(&mut tx, id).await? else {
        // Discarded, forgotten, or read by somebody else meanwhile.
        return Ok(());
    };
    store::forget_rows(&mut tx, id).await?;
    let called = store::get(&mut tx, subject, id).await?.map(|view| view.file_name).unwrap_or_default();
    tx.commit().await?;
    // Rows are judged by what the person might who sent the workbook; who confirms is judged again.
    let stager = match staged_as {
        Some(kept) => ctx.as_principal(Principal::User(Box::new(UserPrincipal::kept(kept)?))),
        None => ctx.clone(),
    };
    let judge = Judge::new(platform, &stager, subject).await?;
    let outcome = match read_workbook(platform, (id, &called), subject::kind(subject), judge).await {
        Err(error) if last => {
            tracing::error!(%error, import = id.0, "a workbook could not be read");
            Outcome::Refused(note("import-reader-failed", &[]))
        }
        other => other?,
    };
    let mut tx = platform.db().begin(&ctx).await?;
    match outcome {
        Outcome::Read => store::finish_reading(&mut tx, id).await?,
        Outcome::Refused(note) => {
            tracing::info!(import = id.0, why = note.key, args = ?note.args, "a workbook is refused");
            store::forget_rows(&mut tx, id).await?;
            store::refuse(&mut tx, id, &note).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Whether its workbook cannot be used: its job has done its work all the same.
pub(crate) async fn is_refused(tx: &mut Tx, id: ImportId) -> Result<bool> {
    store::is_refused(tx, id).await
}

/// The workbook in a temporary file, part by part.
async fn workbook(platform: &Platform, id: ImportId) -> Result<std::fs::File> {
    let ctx = platform.system(SystemActor::Worker);
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(Error::internal)?);
    for part in 0.. {
        let mut tx = platform.db().begin(&ctx).await?;
        let bytes = match store::part(&mut tx, id, part).await? {
            None if part == 0 => store::content(&mut tx, id).await?,
            other => other,
        };
        tx.commit().await?;
        let Some(bytes) = bytes else { break };
        file.write_all(&bytes).await.map_err(Error::internal)?;
    }
    file.flush().await.map_err(Error::internal)?;
    Ok(file.into_std().await)
}

/// How the names of what is read here end: workbooks, and templates of workbooks.
const EXTENSIONS: [&str; 2] = ["xlsx", "xltx"];

/// The extension of a name that says of a workbook that it is something else, and the name it should have. A name that ends in
/// no extension says nothing.
fn misnamed(name: &str) -> Option<(&str, String)> {
    let (stem, extension) = name.trim_end().rsplit_once('.')?;
    let is_extension = extension.len() <= 5
        && extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_ours = EXTENSIONS.iter().any(|ours| extension.eq_ignore_ascii_case(ours));
    let stem = stem.strip_suffix(".xlsx").unwrap_or(stem);
    (is_extension && !is_ours).then(|| (extension, format!("{stem}.xlsx")))
}

/// Sheets of a workbook that are looked at for a list: a cover and a guide often stand before it. They have one time together,
/// or a workbook made for it would cost as many times as much.
const SHEETS: usize = 5;

/// What the beginning of a sheet says.
enum Look {
    /// Its first rows, with the heading among them.
    List(Vec<Row>, HeaderMatch<'static>),
    /// A cover, without a heading; another sheet may be a list.
    Other(Note),
    /// Nothing else is looked at.
    Refused(Note),
    NoMore,
}

/// A sheet with a list.
struct Opened {
    rows: Rows,
    first: Vec<Row>,
    heading: HeaderMatch<'static>,
}

async fn read_workbook(
    platform: &Platform,
    (id, called): (ImportId, &str),
    kind: &'static Kind,
    judge: Judge,
) -> Result<Outcome> {
    let content = workbook(platform, id).await?;
    let mut opened = match open(platform, &content, kind).await? {
        Ok(opened) => opened,
        Err(note) => return Ok(Outcome::Refused(note)),
    };
    // After the content, of which there is more to say: an old workbook is told from one that only bears its name.
    if let Some((extension, name)) = misnamed(called) {
        let args = [("extension", format!(".{extension}")), ("name", name)];
        return Ok(Outcome::Refused(note("sheet-refused-wrong-extension", &args)));
    }
    let (heading, rows) = (&mut opened.heading, &mut opened.rows);
    let units = take_units(heading, kind.columns);
    let is_ours = |text: &str| {
        let said = |key: &str| [Language::Zh, Language::En].map(|language| texts::message(language, key, &[]));
        // Workbooks say of times that they are of no zone.
        let text = text.trim().trim_end_matches(" (UTC)");
        kind.exported.iter().chain(&ANSWERED).any(|key| said(key).iter().any(|ours| ours == text))
    };
    let unknown: Vec<Heading> = heading.unknown.iter().filter(|heading| !is_ours(&heading.text)).cloned().collect();
    let names: Vec<String> = unknown.iter().map(|heading| heading.text.clone()).collect();
    let kept = if kind.keeps_unknown { unknown } else { Vec::new() };
    let below = opened.first.split_off(heading.index + 1);
    let headings = Headings { found: heading, kept: &kept, units: &units };
    let outcome = stage(platform, (id, kind, judge), rows, below, &headings).await?;
    if let Outcome::Read = outcome {
        let ctx = platform.system(SystemActor::Worker);
        let mut tx = platform.db().begin(&ctx).await?;
        let end = rows.end().cloned().unwrap_or_default();
        store::note_sheet(&mut tx, id, (end.sheet.as_str(), end.other_sheets.as_slice()), &names).await?;
        tx.commit().await?;
    }
    Ok(outcome)
}

/// The first sheet with a list of two columns or more, or else the first with one; `Err`: why there is none. Only a cover is
/// passed over: a sheet that has a heading and cannot be taken is the one that was meant, and another, such as last year's, is
/// not read in its place.
async fn open(
    platform: &Platform,
    content: &std::fs::File,
    kind: &'static Kind,
) -> Result<std::result::Result<Opened, Note>> {
    let columns: Vec<_> = [kind.columns, kind.compared].into_iter().flat_map(header_columns).collect();
    let mut narrow = None;
    let mut why: Option<Note> = None;
    let mut last = false;
    let mut left = ReadOptions::default().patience;
    for passed in 0..SHEETS {
        let mut rows = begin(platform, content, kind, (passed, left)).await?;
        match look(&mut rows, &columns, kind, passed).await? {
            Look::List(first, heading) if heading.found.len() > 1 => return Ok(Ok(Opened { rows, first, heading })),
            Look::List(..) => narrow = narrow.or(Some(passed)),
            Look::Refused(note) if narrow.is_none() => return Ok(Err(note)),
            Look::Other(note) => {
                let says_more = why.as_ref().is_none_or(|why| why.key == NO_HEADING && note.key != NO_HEADING);
                why = if says_more { Some(note) } else { why };
            }
            Look::Refused(_) | Look::NoMore => last = true,
        }
        left = rows.left();
        // Both read one file, and would move its position.
        rows.stop().await;
        if last {
            break;
        }
    }
    let Some(passed) = narrow else {
        return Ok(Err(why.unwrap_or_else(|| note(NO_HEADING, &[]))));
    };
    let mut rows = begin(platform, content, kind, (passed, left)).await?;
    match look(&mut rows, &columns, kind, passed).await? {
        Look::List(first, heading) => Ok(Ok(Opened { rows, first, heading })),
        Look::Other(note) | Look::Refused(note) => Ok(Err(note)),
        Look::NoMore => Ok(Err(note(NO_HEADING, &[]))),
    }
}

/// Begins with the sheet behind so many, in the time that is left. While a sheet is looked at its child is waited for, so that
/// no more of the processor is used than of that.
async fn begin(
    platform: &Platform,
    content: &std::fs::File,
    kind: &Kind,
    (passed, left): (usize, Duration),
) -> Result<Rows> {
    let options = ReadOptions {
        sheet_names: kind.sheets.map(str::to_owned).to_vec(),
        passed,
        patience: left,
        cpu_seconds: left.as_secs().max(1),
        max_rows: kind.max_rows + HEADER_ROWS as u32 + 1,
        ..ReadOptions::default()
    };
    let file = content.try_clone().map_err(Error::internal)?;
    sheets::read_in_child(&platform.settings().sheet_reader, file, &options).await.map_err(Error::internal)
}

/// The heading is among the first rows: titles and notes may stand above it.
async fn look(rows: &mut Rows, columns: &[Column<'static>], kind: &Kind, passed: usize) -> Result<Look> {
    let mut first = Vec::new();
    while first.len() < HEADER_ROWS {
        match rows.next().await {
            Ok(Some(row)) => first.push(row),
            Ok(None) => break,
            Err(ReadError::Refused(Refusal::NoSheet)) if passed > 0 => return Ok(Look::NoMore),
            Err(error) => return refusal_note(error).map(Look::Refused),
        }
    }
    let Some(heading) = header::find(&first, columns) else {
        return Ok(Look::Other(note(NO_HEADING, &[])));
    };
    if !heading.missing.is_empty() {
        let why = note(kind.no_key, &[("row", heading.row.to_string())]);
        // One word that is ours may stand on any cover.
        let is_cover = heading.found.len() < 2;
        return Ok(if is_cover { Look::Other(why) } else { Look::Refused(why) });
    }
    if let Some((key, twice)) = heading.twice.first() {
        let other = heading.column(key).and_then(|column| heading.headings.get(column));
        return Ok(Look::Refused(match other.filter(|other| other.trim() != twice.text.trim()) {
            Some(other) => note("import-columns-alike", &[("first", other.clone()), ("second", twice.text.clone())]),
            None => note("import-column-twice", &[("heading", twice.text.clone())]),
        }));
    }
    Ok(Look::List(first, heading))
}

async fn stage(
    platform: &Platform,
    (id, kind, mut judge): (ImportId, &'static Kind, Judge),
    rows: &mut Rows,
    first: Vec<Row>,
    headings: &Headings<'_>,
) -> Result<Outcome> {
    let ctx = platform.system(SystemActor::Worker);
    let mut waiting = first.into_iter();
    let mut batch = Vec::with_capacity(BATCH);
    let mut count = 0;
    loop {
        let next = match waiting.next() {
            Some(row) => Some(row),
            None => match rows.next().await {
                Ok(next) => next,
                Err(error) => return refusal_note(error).map(Outcome::Refused),
            },
        };
        let done = next.is_none();
        batch.extend(next.and_then(|row| texts(&row, headings, kind)));
        if batch.len() == BATCH || (done && !batch.is_empty()) {
            count += batch.len() as u64;
            if count > u64::from(kind.max_rows) {
                return Ok(Outcome::Refused(note("import-too-many-rows", &[("max", kind.max_rows.to_string())])));
            }
            judge.prepare(platform, &mut batch).await?;
            let mut tx = platform.db().begin(&ctx).await?;
            let judged = judge.judge(&mut tx, std::mem::take(&mut batch)).await?;
            store::insert_rows(&mut tx, id, &judged).await?;
            tx.commit().await?;
        }
        if done {
            break;
        }
    }
    if count == 0 {
        return Ok(Outcome::Refused(note("import-no-rows", &[])));
    }
    // A value that nobody has worked out is missed where it is read, and nowhere else.
    let unworked = rows.end().into_iter().flat_map(|end| &end.unworked);
    let is_read = |column: u32| headings.found.found.iter().any(|(_, found)| *found == column as usize);
    let mut missed = unworked.filter(|one| is_read(one.column)).filter_map(|one| one.below(headings.found.row));
    match missed.next() {
        Some(cell) => refusal_note(ReadError::Refused(Refusal::Formula { cell })).map(Outcome::Refused),
        None => Ok(Outcome::Read),
    }
}

/// What is read of a sheet's columns.
struct Headings<'a> {
    found: &'a HeaderMatch<'static>,
    /// Those that nobody knows, whose cells are kept.
    kept: &'a [Heading],
    /// Units that headings name, other than the column's own.
    units: &'a HashMap<&'static str, String>,
}

/// The cells under known headings; `None` for a row that says nothing under them, and for the template's example. Those under
/// headings that are kept go with them.
fn texts(row: &Row, headings: &Headings<'_>, kind: &Kind) -> Option<TextRow> {
    let text = |key: &'static str, column: usize| {
        let text = row.cells.get(column).filter(|text| !text.is_empty())?;
        Some((key.to_owned(), with_unit(text, headings.units.get(key))))
    };
    let mut cells: BTreeMap<String, String> =
        headings.found.found.iter().filter_map(|(key, column)| text(key, *column)).collect();
    let example = cells.get(kind.key).is_some_and(|name| kind.examples.contains(&name.as_str()));
    if cells.is_empty() || example {
        return None;
    }
    let kept = headings.kept.iter().filter_map(|heading| {
        let text = row.cells.get(heading.column).filter(|text| !text.is_empty())?;
        Some((format!("{UNKNOWN_COLUMN}{}", heading.text), text.clone()))
    });
    cells.extend(kept);
    Some(TextRow { row: row.row, cells, ..TextRow::default() })
}

/// What is wrong with the workbook is for who sent it; what is wrong with the reader is ours.
fn refusal_note(error: ReadError) -> Result<Note> {
    match error {
        ReadError::Refused(refusal) => {
            // The last sheet has only what the ones before it left; what was too slow is all of them.
            let refusal = match refusal {
                Refusal::TooSlow { .. } => Refusal::TooSlow { seconds: ReadOptions::default().patience.as_secs() },
                other => other,
            };
            let value = serde_json::to_value(&refusal).map_err(Error::internal)?;
            let key = value.get("key").and_then(|key| key.as_str()).unwrap_or("import-reader-failed").to_owned();
            let mut args = BTreeMap::new();
            for (name, value) in value.get("args").and_then(|args| args.as_object()).into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                args.insert(name.clone(), text);
            }
            Ok(Note { key, args, message: String::new() })
        }
        ReadError::Child(why) => Err(Error::internal(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::misnamed;

    #[test]
    fn a_name_says_what_a_file_is_by_its_extension_alone() {
        for name in
            ["fleet.xlsx", "Fleet.XLSX", "fleet.xltx", "fleet", "fleet 2026.11", "rack.v 2", "machines.xlsx (1)", ""]
        {
            assert_eq!(misnamed(name), None, "{name}");
        }
        for (name, extension, better) in [
            ("fleet.csv", "csv", "fleet.xlsx"),
            ("fleet.XLSM", "XLSM", "fleet.xlsx"),
            ("fleet.xlsx.txt", "txt", "fleet.xlsx"),
            ("机器.xls", "xls", "机器.xlsx"),
        ] {
            assert_eq!(misnamed(name), Some((extension, better.to_owned())), "{name}");
        }
    }
}
