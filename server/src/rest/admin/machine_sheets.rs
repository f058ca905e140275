//! /api/admin/machines/import… and …/export: machines as workbooks.

use app::door;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use contract::accounts::Language;
use contract::machines::{
    ImportRow, ImportRowQuery, ImportView, MAX_IMPORT_BYTES, MachineQuery, Note, Pool, RowVerdict,
};
use contract::{Envelope, ErrorCode, ImportId, Page};
use platform::Error;
use platform::machines::sheet_columns::{COLUMNS, SheetColumn};
use platform::machines::{self, EXAMPLE_NAMES, ExportRow};
use sheets::write::{Column, Kind, Value, Verdict};
use sheets::{SheetWriter, WriteError};

use crate::rest::workbook::{self, say};
use crate::rest::{Params, Part, Rest, upload};

/// Stages a workbook: the body itself, or the first file of a form. It is read in the background; `GET` it until its
/// state is no longer `reading`. A browser's form is led to the import's page.
#[utoipa::path(post, path = "/api/admin/machines/import/preview", tag = "machines",
    request_body(content = Vec<u8>, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    responses((status = 201, body = Envelope<ImportView>), (status = 413, description = "1700: more than 32 MiB"),
        (status = 422, description = "1500: ten previews, or 64 MiB of them, are staged by the same person already")))]
pub async fn preview(rest: Rest, request: Request) -> Response {
    let wants_page = upload::accepts_html(&request);
    // Who may not import at all learns so before anything is taken in.
    let staged = match door::must_hold(&rest.ctx, contract::Permission::MachinesCreate) {
        Ok(()) => match upload::file(request, MAX_IMPORT_BYTES).await {
            Ok((name, content)) => machines::stage_import(&rest.platform, &rest.ctx, &name, content).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match staged {
        Ok(view) if wants_page => Redirect::to(&app::paths::machine_import(view.id)).into_response(),
        Err(Error { code: ErrorCode::TooLarge, .. }) if wants_page => back("too-large"),
        Err(Error { code: ErrorCode::Validation, .. }) if wants_page => back("no-file"),
        Err(Error { code: ErrorCode::QuotaExceeded, .. }) if wants_page => back("too-many"),
        staged => rest.created(staged, |view| format!("/api/admin/machines/import/{}", view.id)).await,
    }
}

/// To the upload again, which says why.
fn back(fault: &str) -> Response {
    Redirect::to(&app::paths::machines_import(fault)).into_response()
}

/// A staged import.
#[utoipa::path(get, path = "/api/admin/machines/import/{id}", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, body = Envelope<ImportView>)))]
pub async fn get(rest: Rest, Part(id): Part<ImportId>) -> Response {
    let found = machines::get_import(&rest.platform, &rest.ctx, id).await;
    rest.answer(found.map(|view| door::import_in_words(rest.ctx.language(), view))).await
}

/// Its rows, with the verdict of each.
#[utoipa::path(get, path = "/api/admin/machines/import/{id}/rows", tag = "machines",
    params(("id" = ImportId, Path), ImportRowQuery), responses((status = 200, body = Envelope<Page<ImportRow>>)))]
pub async fn rows(rest: Rest, Part(id): Part<ImportId>, Params(query): Params<ImportRowQuery>) -> Response {
    let found = machines::import_rows(&rest.platform, &rest.ctx, id, &query).await;
    let language = rest.ctx.language();
    rest.answer(found.map(|mut page| {
        page.list.iter_mut().for_each(|row| door::row_in_words(language, row));
        page
    }))
    .await
}

/// Judges again, then writes what is new and what changes, in one transaction.
#[utoipa::path(post, path = "/api/admin/machines/import/{id}/confirm", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, body = Envelope<ImportView>),
        (status = 409, description = "1400: rows would turn out differently from what was shown, and nothing was written; \
            `GET …/rows?changed=true` lists them with what they `was` and their `verdict` now"),
        (status = 422, description = "1402: not ready, or its 24 hours are over")))]
pub async fn confirm(rest: Rest, Part(id): Part<ImportId>) -> Response {
    rest.answer(machines::confirm_import(&rest.platform, &rest.ctx, id).await).await
}

/// Throws it away.
#[utoipa::path(delete, path = "/api/admin/machines/import/{id}", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, description = "Discarded")))]
pub async fn discard(rest: Rest, Part(id): Part<ImportId>) -> Response {
    rest.answer(machines::discard_import(&rest.platform, &rest.ctx, id).await).await
}

/// The sheet again, with what became of every row.
#[utoipa::path(get, path = "/api/admin/machines/import/{id}/result", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, description = "A workbook")))]
pub async fn result(rest: Rest, Part(id): Part<ImportId>) -> Response {
    let built = async {
        let view = machines::get_import(&rest.platform, &rest.ctx, id).await?;
        let language = rest.ctx.language();
        let mut sheet = sheet(language).map_err(Error::internal)?;
        sheet = sheet.with_result_column(&say(language, "import-result", &[]), 60.0).map_err(Error::internal)?;
        let mut after = 0;
        loop {
            let rows = machines::import_rows_after(&rest.platform, &rest.ctx, id, after).await?;
            let Some(last) = rows.last() else { break };
            after = last.row;
            for row in &rows {
                let values: Vec<_> = COLUMNS.iter().map(|column| text_value(row.cells.get(column.key))).collect();
                let (verdict, words) = outcome(language, &view, row);
                sheet.row_with_result(&values, verdict, &words).map_err(Error::internal)?;
            }
        }
        platform::Result::Ok(sheet)
    };
    workbook::download(&rest, built.await, "import-result").await
}

/// The workbook to fill in: headings with notes, drop-downs, one example.
#[utoipa::path(get, path = "/api/admin/machines/import/template", tag = "machines",
    responses((status = 200, description = "A workbook")))]
pub async fn template(rest: Rest) -> Response {
    let built = door::must_hold(&rest.ctx, contract::Permission::MachinesCreate).and_then(|()| {
        let language = rest.ctx.language();
        let zh = language == Language::Zh;
        let example: Vec<Value<'_>> = COLUMNS
            .iter()
            .map(|column| match column.key {
                "name" => Value::Text(EXAMPLE_NAMES[usize::from(!zh)]),
                "id" => Value::Text("gpu-rack1-01"),
                "region" => Value::Text(if zh { "华东" } else { "east" }),
                "privateAddress" => Value::Text("10.2.0.17"),
                "pool" => Value::Text(pool_word(Pool::Whole, zh)),
                "gpuModel" => Value::Text("H100 80G"),
                "gpuCount" => Value::Number(8.0),
                "gpuMemoryGb" => Value::Number(80.0),
                "cpuCores" => Value::Number(64.0),
                "memoryGb" => Value::Number(1024.0),
                "listed" => Value::Text(yes_no(false, zh)),
                "monitored" => Value::Text(yes_no(true, zh)),
                _ => Value::Blank,
            })
            .collect();
        let mut sheet = sheet(language).map_err(Error::internal)?;
        sheet.example(&example).map_err(Error::internal)?;
        Ok(sheet)
    });
    workbook::download(&rest, built, "machines-template").await
}

/// The machines of these filters as a workbook that can be imported again; the log says who took it.
#[utoipa::path(get, path = "/api/admin/machines/export", tag = "machines", params(MachineQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<MachineQuery>) -> Response {
    let built = async {
        machines::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let mut sheet = sheet(language).map_err(Error::internal)?;
        let mut after: Option<String> = None;
        loop {
            let rows = machines::export_after(&rest.platform, &rest.ctx, &query, after.as_deref()).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.code.clone());
            for row in &rows {
                export_row(&mut sheet, row, language == Language::Zh).map_err(Error::internal)?;
            }
        }
        platform::Result::Ok(sheet)
    };
    workbook::download(&rest, built.await, "machines").await
}

fn export_row(sheet: &mut SheetWriter, row: &ExportRow, zh: bool) -> Result<(), WriteError> {
    let machine = &row.machine;
    let hardware = &machine.declared;
    let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<u32>| value.map_or(Value::Blank, |n| Value::Number(f64::from(n)));
    let texts: Vec<String> = COLUMNS
        .iter()
        .map(|column| match column.key {
            "name" => machine.name.clone(),
            "id" => row.code.clone(),
            "region" => text(&machine.region),
            "privateAddress" => text(&machine.private_address),
            "publicAddress" => text(&machine.public_address),
            "pool" => pool_word(machine.pool, zh).to_owned(),
            "gpuModel" => text(&hardware.gpu_model),
            "cpuModel" => text(&hardware.cpu_model),
            "listed" => yes_no(machine.listed, zh).to_owned(),
            "monitored" => yes_no(machine.monitored, zh).to_owned(),
            "remark" => text(&machine.remark),
            _ => String::new(),
        })
        .collect();
    let values: Vec<_> = COLUMNS
        .iter()
        .zip(&texts)
        .map(|(column, text)| match column.key {
            "gpuCount" => number(hardware.gpu_count),
            "gpuMemoryGb" => number(hardware.gpu_memory_gb),
            "cpuCores" => number(hardware.cpu_cores),
            "memoryGb" => number(hardware.memory_gb),
            "systemDiskGb" => number(hardware.system_disk_gb),
            "dataDiskGb" => number(hardware.data_disk_gb),
            _ => text_value(Some(text)),
        })
        .collect();
    sheet.row(&values)
}

fn text_value(text: Option<&String>) -> Value<'_> {
    text.filter(|text| !text.is_empty()).map_or(Value::Blank, |text| Value::Text(text))
}

fn pool_word(pool: Pool, zh: bool) -> &'static str {
    match (pool, zh) {
        (Pool::Whole, true) => "整机",
        (Pool::Shared, true) => "共享",
        (Pool::Whole, false) => "whole",
        (Pool::Shared, false) => "shared",
    }
}

fn yes_no(yes: bool, zh: bool) -> &'static str {
    match (yes, zh) {
        (true, true) => "是",
        (false, true) => "否",
        (true, false) => "yes",
        (false, false) => "no",
    }
}

/// The machines' sheet with its headings, notes and drop-downs.
fn sheet(language: Language) -> Result<SheetWriter, WriteError> {
    let zh = language == Language::Zh;
    let column = |column: &SheetColumn| {
        let (heading_zh, heading_en) = column.heading;
        let choices = match column.key {
            "pool" => Pool::ALL.iter().map(|pool| pool_word(*pool, zh).to_owned()).collect(),
            "listed" | "monitored" => vec![yes_no(true, zh).to_owned(), yes_no(false, zh).to_owned()],
            _ => Vec::new(),
        };
        let number = column.key.ends_with("Gb") || matches!(column.key, "gpuCount" | "cpuCores");
        Column {
            required: column.required,
            kind: if number { Kind::Number } else { Kind::Text },
            width: if matches!(column.key, "name" | "remark" | "cpuModel") { 28.0 } else { 16.0 },
            note: Some(say(language, &format!("import-note-{}", kebab(column.key)), &[])),
            choices,
            ..Column::new(if zh { heading_zh } else { heading_en })
        }
    };
    let columns: Vec<_> = COLUMNS.iter().map(column).collect();
    SheetWriter::new(if zh { "机器" } else { "machines" }, &columns)
}

/// `gpuCount` → `gpu-count`.
fn kebab(key: &str) -> String {
    key.chars().flat_map(|c| if c.is_ascii_uppercase() { vec!['-', c.to_ascii_lowercase()] } else { vec![c] }).collect()
}

/// What became, or would become, of a row.
fn outcome(language: Language, view: &ImportView, row: &ImportRow) -> (Verdict, String) {
    let done = view.confirmed_at.is_some();
    let code = row.code.clone().unwrap_or_default();
    let key = match (row.verdict, done) {
        (RowVerdict::New, true) => "import-did-new",
        (RowVerdict::New, false) => "import-would-new",
        (RowVerdict::Update, true) => "import-did-update",
        (RowVerdict::Update, false) => "import-would-update",
        (RowVerdict::Unchanged, _) => "import-did-nothing",
        (RowVerdict::Error, _) => {
            let faults: Vec<_> =
                row.faults.iter().map(|fault| fault_words(language, &fault.column, &fault.note)).collect();
            return (Verdict::Bad, faults.join(" "));
        }
    };
    (Verdict::Good, say(language, key, &[("code", code)]))
}

fn fault_words(language: Language, column: &str, note: &Note) -> String {
    let heading = COLUMNS.iter().find(|known| known.key == column).map(|known| known.heading);
    let heading = heading.map_or(column, |(zh, en)| if language == Language::Zh { zh } else { en });
    format!("{heading}: {}", door::note_in_words(language, note))
}
