//! Workbooks that are imported, whatever they are about: what the subjects' routes have in common.

use app::{door, paths};
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use contract::accounts::Language;
use contract::imports::{ImportRow, ImportRowQuery, ImportSubject, ImportUpload, MAX_IMPORT_BYTES, Note, RowVerdict};
use contract::{ErrorCode, ImportId, Permission};
use platform::Error;
use platform::imports::{self, SheetColumn, columns_of};
use sheets::write::{Column, Kind, Value, Verdict};
use sheets::{SheetWriter, WriteError};

use super::workbook::{self, say};
use super::{Rest, upload};

/// How a subject's workbook looks.
pub(crate) struct Layout {
    pub subject: ImportSubject,
    /// Name of the sheet, in Chinese and English.
    pub sheet: (&'static str, &'static str),
    /// Columns that are wide.
    pub wide: &'static [&'static str],
    pub kind: fn(&str) -> Kind,
    /// What a column's drop-down offers.
    pub choices: fn(&str, Language) -> Vec<String>,
}

/// Takes a workbook in; a browser's form is led to the import's page.
pub(crate) async fn preview(rest: &Rest, subject: ImportSubject, query: ImportUpload, request: Request) -> Response {
    let wants_page = upload::accepts_html(&request);
    // Who may not import at all learns so before anything is taken in.
    let staged = match imports::may_stage(&rest.ctx, subject) {
        Ok(()) => match upload::file(request, MAX_IMPORT_BYTES).await {
            Ok((name, content)) => {
                // A form says it with the file.
                let name = if name.is_empty() { query.file_name.unwrap_or_default() } else { name };
                imports::stage(&rest.platform, &rest.ctx, subject, &name, content).await
            }
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    // To the upload again, which says why.
    let back = |fault: &str| Redirect::to(&paths::import_refused(subject, fault)).into_response();
    match staged {
        Ok(view) if wants_page => Redirect::to(&paths::import(subject, view.id)).into_response(),
        Err(Error { code: ErrorCode::TooLarge, .. }) if wants_page => back("too-large"),
        Err(Error { code: ErrorCode::Validation, .. }) if wants_page => back("no-file"),
        Err(Error { code: ErrorCode::QuotaExceeded, .. }) if wants_page => back("too-many"),
        staged => rest.created(staged, |view| format!("/api/admin/{}/import/{}", subject.code(), view.id)).await,
    }
}

/// A staged import.
pub(crate) async fn get(rest: &Rest, subject: ImportSubject, id: ImportId) -> Response {
    let found = imports::get(&rest.platform, &rest.ctx, subject, id).await;
    rest.answer(found.map(|view| door::import_in_words(rest.ctx.language(), view))).await
}

/// Its rows.
pub(crate) async fn rows(rest: &Rest, subject: ImportSubject, id: ImportId, query: &ImportRowQuery) -> Response {
    let found = imports::rows(&rest.platform, &rest.ctx, subject, id, query).await;
    let language = rest.ctx.language();
    rest.answer(found.map(|mut page| {
        page.list.iter_mut().for_each(|row| door::row_in_words(language, row));
        page
    }))
    .await
}

/// Writes what it says.
pub(crate) async fn confirm(rest: &Rest, subject: ImportSubject, id: ImportId) -> Response {
    rest.answer(imports::confirm(&rest.platform, &rest.ctx, subject, id).await).await
}

/// Throws it away.
pub(crate) async fn discard(rest: &Rest, subject: ImportSubject, id: ImportId) -> Response {
    rest.answer(imports::discard(&rest.platform, &rest.ctx, subject, id).await).await
}

/// The sheet again, with what became of every row.
pub(crate) async fn result(rest: &Rest, layout: &Layout, id: ImportId) -> Response {
    let built = async {
        let view = imports::get(&rest.platform, &rest.ctx, layout.subject, id).await?;
        let language = rest.ctx.language();
        let columns = columns_of(layout.subject);
        // The number in the sheet that was sent, so that "row 5" is found; what nobody knows stays where it can be read.
        let number = Column { kind: Kind::Number, width: 8.0, ..Column::new(say(language, "import-row", &[])) };
        let keeps = imports::keeps_unknown(layout.subject);
        let unknown: Vec<&String> = view.unknown_columns.iter().filter(|_| keeps).collect();
        let after = unknown.iter().map(|name| Column { width: 16.0, ..Column::new((*name).clone()) }).collect();
        let around = Around { before: vec![number], after };
        let mut sheet = sheet_with(language, layout, around).map_err(Error::internal)?;
        sheet = sheet.with_result_column(&say(language, "import-result", &[]), 60.0).map_err(Error::internal)?;
        let mut after = 0;
        loop {
            let rows = imports::rows_after(&rest.platform, &rest.ctx, layout.subject, id, after).await?;
            let Some(last) = rows.last() else { break };
            after = last.row;
            for row in &rows {
                let known = columns.iter().map(|column| text_value(row.cells.get(column.key)));
                let kept = unknown.iter().map(|name| {
                    let cell = format!("{}{name}", imports::UNKNOWN_COLUMN);
                    text_value(row.cells.get(&cell))
                });
                let number = Value::Number(f64::from(row.row));
                let values: Vec<_> = std::iter::once(number).chain(known).chain(kept).collect();
                let writes = matches!(row.verdict, RowVerdict::New | RowVerdict::Update);
                let (verdict, words) = match view.taken_back_at {
                    Some(_) if writes && row.faults.is_empty() => taken_back(language, row),
                    _ => outcome(language, layout.subject, view.confirmed_at.is_some(), row),
                };
                sheet.row_with_result(&values, verdict, &words).map_err(Error::internal)?;
            }
        }
        platform::Result::Ok(sheet)
    };
    workbook::download(rest, built.await, "import-result").await
}

/// The workbook to fill in: headings with notes, drop-downs, one example by column.
pub(crate) async fn template(
    rest: &Rest,
    layout: &Layout,
    example: impl Fn(&str, Language) -> Value<'static>,
) -> Response {
    let language = rest.ctx.language();
    let permission = match layout.subject {
        ImportSubject::Machines => Permission::MachinesCreate,
        ImportSubject::Users => Permission::UsersCreate,
    };
    let built = door::must_hold(&rest.ctx, permission).and_then(|()| {
        let example: Vec<_> = columns_of(layout.subject).iter().map(|column| example(column.key, language)).collect();
        let mut sheet = sheet(language, layout).map_err(Error::internal)?;
        sheet.example(&example).map_err(Error::internal)?;
        Ok(sheet)
    });
    workbook::download(rest, built, &format!("{}-template", layout.subject.code())).await
}

/// The name by which the example is known.
pub(crate) fn example_name(subject: ImportSubject, language: Language) -> Value<'static> {
    Value::Text(imports::example_names(subject)[usize::from(language != Language::Zh)])
}

pub(crate) fn text_value(text: Option<&String>) -> Value<'_> {
    text.filter(|text| !text.is_empty()).map_or(Value::Blank, |text| Value::Text(text))
}

/// A column's heading.
pub(crate) fn heading(language: Language, column: &SheetColumn) -> &'static str {
    if language == Language::Zh { column.heading.0 } else { column.heading.1 }
}

/// A subject's sheet with its headings, notes and drop-downs.
pub(crate) fn sheet(language: Language, layout: &Layout) -> Result<SheetWriter, WriteError> {
    sheet_with(language, layout, Around::default())
}

/// Columns before and after a subject's own.
#[derive(Default)]
pub(crate) struct Around {
    pub before: Vec<Column>,
    pub after: Vec<Column>,
}

/// The same, with more columns around those.
pub(crate) fn sheet_with(language: Language, layout: &Layout, around: Around) -> Result<SheetWriter, WriteError> {
    let column = |column: &SheetColumn| Column {
        required: column.required,
        kind: (layout.kind)(column.key),
        width: if layout.wide.contains(&column.key) { 28.0 } else { 16.0 },
        note: Some(say(language, &format!("import-note-{}", kebab(column.key)), &[])),
        choices: (layout.choices)(column.key, language),
        ..Column::new(heading(language, column))
    };
    let own = columns_of(layout.subject).iter().map(column);
    let columns: Vec<_> = around.before.into_iter().chain(own).chain(around.after).collect();
    SheetWriter::new(if language == Language::Zh { layout.sheet.0 } else { layout.sheet.1 }, &columns)
}

/// `gpuCount` → `gpu-count`.
fn kebab(key: &str) -> String {
    key.chars().flat_map(|c| if c.is_ascii_uppercase() { vec!['-', c.to_ascii_lowercase()] } else { vec![c] }).collect()
}

/// What became, or, before it was `done`, would become, of a row.
fn outcome(language: Language, subject: ImportSubject, done: bool, row: &ImportRow) -> (Verdict, String) {
    let is_person = subject == ImportSubject::Users;
    let code = row.code.clone().unwrap_or_default();
    let key = match (row.verdict, done) {
        (RowVerdict::New, true) if is_person => "import-users-did-new",
        (RowVerdict::New, false) if is_person => "import-users-would-new",
        (RowVerdict::New, true) => "import-did-new",
        (RowVerdict::New, false) => "import-would-new",
        (RowVerdict::Update, true) => "import-did-update",
        (RowVerdict::Update, false) => "import-would-update",
        (RowVerdict::Unchanged, _) => "import-did-nothing",
        (RowVerdict::Error, _) => {
            let faults: Vec<_> =
                row.faults.iter().map(|fault| fault_words(language, subject, &fault.column, &fault.note)).collect();
            return (Verdict::Bad, faults.join(" "));
        }
    };
    // Of a row that is no error: why it was not taken back.
    let notes =
        row.notes.iter().chain(&row.faults).map(|note| fault_words(language, subject, &note.column, &note.note));
    let words: Vec<String> = std::iter::once(say(language, key, &[("code", code)])).chain(notes).collect();
    (Verdict::Good, words.join(if language == Language::Zh { "；" } else { ". " }))
}

fn taken_back(language: Language, row: &ImportRow) -> (Verdict, String) {
    let code = row.code.clone().unwrap_or_default();
    (Verdict::Good, say(language, "import-was-taken-back", &[("code", code)]))
}

fn fault_words(language: Language, subject: ImportSubject, column: &str, note: &Note) -> String {
    let known = imports::heading_of(subject, column);
    let heading = known.map_or(column, |(first, second)| if language == Language::Zh { first } else { second });
    let why = door::note_in_words(language, note);
    say(language, "labelled", &[("label", heading.to_owned()), ("value", why)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_code_and_a_person_a_user_name() {
        let row = ImportRow {
            row: 2,
            verdict: RowVerdict::New,
            was: None,
            code: Some("li.na".to_owned()),
            cells: Default::default(),
            changes: Vec::new(),
            before: Default::default(),
            stored: Default::default(),
            notes: Vec::new(),
            places: Vec::new(),
            faults: Vec::new(),
        };
        let said = |subject, done| outcome(Language::Zh, subject, done, &row).1;
        assert_eq!(said(ImportSubject::Users, true), "已新增，用户名 li.na");
        assert_eq!(said(ImportSubject::Users, false), "将新增，用户名 li.na");
        assert_eq!(said(ImportSubject::Machines, true), "已新增，编号 li.na");
        let note = Note { key: "field-required".to_owned(), ..Note::default() };
        let said = |column| fault_words(Language::Zh, ImportSubject::Users, column, &note);
        assert_eq!(said("username"), "用户名：此项必填。");
        assert_eq!(said("state"), "状态：此项必填。");
    }
}
