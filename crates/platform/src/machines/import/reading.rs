//! The job that reads a staged workbook and gives every row its verdict.

use std::collections::BTreeMap;

use contract::ImportId;
use contract::machines::{ImportState, Note};
use sheets::header::{self, HEADER_ROWS, HeaderMatch};
use sheets::{ReadError, ReadOptions, Row, Rows};
use tokio::io::AsyncWriteExt as _;

use super::columns::header_columns;
use super::evaluate::{Evaluation, TextRow};
use super::store;
use crate::{Error, Platform, Result, SystemActor};

/// Rows that are judged and staged together.
const BATCH: usize = 500;
/// Most rows of machines in a workbook.
const MAX_ROWS: u64 = 100_000;

/// How reading ends.
enum Outcome {
    Read,
    Refused(Note),
}

/// Reads it from the beginning. `last`: nobody tries again after this.
///
/// # Errors
/// When the reader itself fails and somebody tries again.
pub async fn read_import(platform: &Platform, id: ImportId, last: bool) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    match store::get(&mut tx, id).await? {
        Some(view) if view.state == ImportState::Reading => {}
        // Discarded, forgotten, or read by somebody else meanwhile.
        _ => return Ok(()),
    }
    store::forget_rows(&mut tx, id).await?;
    tx.commit().await?;
    let outcome = match read(platform, id).await {
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

async fn read(platform: &Platform, id: ImportId) -> Result<Outcome> {
    let content = workbook(platform, id).await?;
    let options = ReadOptions {
        sheet_names: ["machines", "机器"].map(str::to_owned).to_vec(),
        max_rows: MAX_ROWS as u32 + HEADER_ROWS as u32 + 1,
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
    let columns = header_columns();
    let Some(heading) = header::find(&first, &columns) else {
        return Ok(Outcome::Refused(note("import-no-heading", &[])));
    };
    if let Some((_, twice)) = heading.twice.first() {
        return Ok(Outcome::Refused(note("import-column-twice", &[("heading", twice.text.clone())])));
    }
    if !heading.missing.is_empty() {
        return Ok(Outcome::Refused(note("import-no-name-column", &[("row", heading.row.to_string())])));
    }
    let unknown: Vec<String> = heading.unknown.iter().map(|heading| heading.text.clone()).collect();
    let outcome = stage(platform, id, &mut rows, first.split_off(heading.index + 1), &heading).await?;
    if let Outcome::Read = outcome {
        let ctx = platform.system(SystemActor::Worker);
        let mut tx = platform.db().begin(&ctx).await?;
        let sheet = rows.end().map(|end| end.sheet.clone()).unwrap_or_default();
        store::note_sheet(&mut tx, id, &sheet, &unknown).await?;
        tx.commit().await?;
    }
    Ok(outcome)
}

async fn stage(
    platform: &Platform,
    id: ImportId,
    rows: &mut Rows,
    first: Vec<Row>,
    heading: &HeaderMatch<'_>,
) -> Result<Outcome> {
    let ctx = platform.system(SystemActor::Worker);
    let mut evaluation = Evaluation::default();
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
        batch.extend(next.and_then(|row| texts(&row, heading)));
        if batch.len() == BATCH || (done && !batch.is_empty()) {
            count += batch.len() as u64;
            if count > MAX_ROWS {
                return Ok(Outcome::Refused(note("import-too-many-rows", &[("max", MAX_ROWS.to_string())])));
            }
            let mut tx = platform.db().begin(&ctx).await?;
            let judged = evaluation.judge(&mut tx, std::mem::take(&mut batch)).await?;
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

/// The cells under known headings; `None` for a row that says nothing under them, and for the template's example.
fn texts(row: &Row, heading: &HeaderMatch<'_>) -> Option<TextRow> {
    let cells: BTreeMap<String, String> = heading
        .found
        .iter()
        .filter_map(|(key, column)| Some(((*key).to_owned(), row.cells.get(*column)?.clone())))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let example = cells.get("name").is_some_and(|name| super::EXAMPLE_NAMES.contains(&name.as_str()));
    (!cells.is_empty() && !example).then_some(TextRow { row: row.row, cells, given: None })
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

fn note(key: &str, args: &[(&str, String)]) -> Note {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Note { key: key.to_owned(), args, message: String::new() }
}
