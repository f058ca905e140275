//! The job that reads a staged workbook and gives every row its verdict.

use std::collections::BTreeMap;

use contract::ImportId;
use contract::accounts::Language;
use contract::imports::Note;
use sheets::header::{self, HEADER_ROWS, HeaderMatch, Heading};
use sheets::{ReadError, ReadOptions, Row, Rows};
use tokio::io::AsyncWriteExt as _;

use super::columns::header_columns;
use super::subject::{self, Judge, Kind};
use super::{TextRow, UNKNOWN_COLUMN, note, store};
use crate::{Error, Platform, Principal, Result, SystemActor, UserPrincipal};

/// Rows that are judged and staged together.
const BATCH: usize = 500;

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
    tx.commit().await?;
    // Rows are judged by what the person might who sent the workbook; who confirms is judged again.
    let stager = match staged_as {
        Some(kept) => ctx.as_principal(Principal::User(Box::new(UserPrincipal::kept(kept)?))),
        None => ctx.clone(),
    };
    let judge = Judge::new(platform, &stager, subject).await?;
    let outcome = match read_workbook(platform, id, subject::kind(subject), judge).await {
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

async fn read_workbook(platform: &Platform, id: ImportId, kind: &'static Kind, judge: Judge) -> Result<Outcome> {
    let content = workbook(platform, id).await?;
    let options = ReadOptions {
        sheet_names: kind.sheets.map(str::to_owned).to_vec(),
        max_rows: kind.max_rows + HEADER_ROWS as u32 + 1,
        ..ReadOptions::default()
    };
    let reader = &platform.settings().sheet_reader;
    let mut rows = sheets::read_in_child(reader, content, &options).await.map_err(Error::internal)?;
    // The heading is among the first rows: titles and notes may stand above it.
    let mut first = Vec::new();
    while first.len() < HEADER_ROWS {
        match rows.next().await {
            Ok(Some(row)) => first.push(row),
            Ok(None) => break,
            Err(error) => return refused(error),
        }
    }
    let columns: Vec<_> = [kind.columns, kind.compared].into_iter().flat_map(header_columns).collect();
    let Some(heading) = header::find(&first, &columns) else {
        return Ok(Outcome::Refused(note("import-no-heading", &[])));
    };
    if let Some((_, twice)) = heading.twice.first() {
        return Ok(Outcome::Refused(note("import-column-twice", &[("heading", twice.text.clone())])));
    }
    if !heading.missing.is_empty() {
        return Ok(Outcome::Refused(note(kind.no_key, &[("row", heading.row.to_string())])));
    }
    let is_ours = |text: &str| {
        let said = |key: &str| [Language::Zh, Language::En].map(|language| texts::message(language, key, &[]));
        // Workbooks say of times that they are of no zone.
        let text = text.trim().trim_end_matches(" (UTC)");
        kind.exported.iter().chain(&ANSWERED).any(|key| said(key).iter().any(|ours| ours == text))
    };
    let unknown: Vec<Heading> = heading.unknown.iter().filter(|heading| !is_ours(&heading.text)).cloned().collect();
    let names: Vec<String> = unknown.iter().map(|heading| heading.text.clone()).collect();
    let kept = if kind.keeps_unknown { unknown } else { Vec::new() };
    let below = first.split_off(heading.index + 1);
    let outcome = stage(platform, (id, kind, judge), &mut rows, below, (&heading, &kept)).await?;
    if let Outcome::Read = outcome {
        let ctx = platform.system(SystemActor::Worker);
        let mut tx = platform.db().begin(&ctx).await?;
        let sheet = rows.end().map(|end| end.sheet.clone()).unwrap_or_default();
        store::note_sheet(&mut tx, id, &sheet, &names).await?;
        tx.commit().await?;
    }
    Ok(outcome)
}

async fn stage(
    platform: &Platform,
    (id, kind, mut judge): (ImportId, &'static Kind, Judge),
    rows: &mut Rows,
    first: Vec<Row>,
    headings: (&HeaderMatch<'_>, &[Heading]),
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
                Err(error) => return refused(error),
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
    Ok(Outcome::Read)
}

/// The cells under known headings; `None` for a row that says nothing under them, and for the template's example. Those under
/// headings that are kept go with them.
fn texts(row: &Row, (heading, kept): (&HeaderMatch<'_>, &[Heading]), kind: &Kind) -> Option<TextRow> {
    let mut cells: BTreeMap<String, String> = heading
        .found
        .iter()
        .filter_map(|(key, column)| Some(((*key).to_owned(), row.cells.get(*column)?.clone())))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let example = cells.get(kind.key).is_some_and(|name| kind.examples.contains(&name.as_str()));
    if cells.is_empty() || example {
        return None;
    }
    let kept = kept.iter().filter_map(|heading| {
        let text = row.cells.get(heading.column).filter(|text| !text.is_empty())?;
        Some((format!("{UNKNOWN_COLUMN}{}", heading.text), text.clone()))
    });
    cells.extend(kept);
    Some(TextRow { row: row.row, cells, ..TextRow::default() })
}

/// What is wrong with the workbook is for who sent it; what is wrong with the reader is ours.
fn refused(error: ReadError) -> Result<Outcome> {
    match error {
        ReadError::Refused(refusal) => {
            let value = serde_json::to_value(&refusal).map_err(Error::internal)?;
            let key = value.get("key").and_then(|key| key.as_str()).unwrap_or("import-reader-failed").to_owned();
            let mut args = BTreeMap::new();
            for (name, value) in value.get("args").and_then(|args| args.as_object()).into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                args.insert(name.clone(), text);
            }
            Ok(Outcome::Refused(Note { key, args, message: String::new() }))
        }
        ReadError::Child(why) => Err(Error::internal(why)),
    }
}
