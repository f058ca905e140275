//! /api/admin/machines/import… and …/export: machines as workbooks.

use axum::extract::Request;
use axum::response::Response;
use contract::accounts::Language;
use contract::imports::{ImportRow, ImportRowQuery, ImportSubject, ImportView};
use contract::machines::{MachineQuery, Pool};
use contract::{Envelope, ImportId, Page};
use platform::Error;
use platform::imports::columns_of;
use platform::machines::{self, ExportRow};
use sheets::write::{Kind, Value};
use sheets::{SheetWriter, WriteError};

use crate::rest::imports::{self, Layout, example_name, text_value};
use crate::rest::{Params, Part, Rest, workbook};

const MACHINES: ImportSubject = ImportSubject::Machines;

static LAYOUT: Layout = Layout {
    subject: MACHINES,
    sheet: ("机器", "machines"),
    wide: &["name", "remark", "cpuModel"],
    kind: |column| match column {
        "gpuCount" | "cpuCores" => Kind::Number,
        other if other.ends_with("Gb") => Kind::Number,
        _ => Kind::Text,
    },
    choices: |column, language| {
        let zh = language == Language::Zh;
        match column {
            "pool" => Pool::ALL.iter().map(|pool| pool_word(*pool, zh).to_owned()).collect(),
            "listed" | "monitored" => vec![yes_no(true, zh).to_owned(), yes_no(false, zh).to_owned()],
            _ => Vec::new(),
        }
    },
};

/// Stages a workbook: the body itself, or the first file of a form. It is read in the background; `GET` it until its
/// state is no longer `reading`. A browser's form is led to the import's page.
#[utoipa::path(post, path = "/api/admin/machines/import/preview", tag = "machines",
    request_body(content = Vec<u8>, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    responses((status = 201, body = Envelope<ImportView>), (status = 413, description = "1700: more than 32 MiB"),
        (status = 422, description = "1500: ten previews, or 64 MiB of them, are staged by the same person already")))]
pub async fn preview(rest: Rest, request: Request) -> Response {
    imports::preview(&rest, MACHINES, request).await
}

/// A staged import.
#[utoipa::path(get, path = "/api/admin/machines/import/{id}", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, body = Envelope<ImportView>)))]
pub async fn get(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::get(&rest, MACHINES, id).await
}

/// Its rows, with the verdict of each.
#[utoipa::path(get, path = "/api/admin/machines/import/{id}/rows", tag = "machines",
    params(("id" = ImportId, Path), ImportRowQuery), responses((status = 200, body = Envelope<Page<ImportRow>>)))]
pub async fn rows(rest: Rest, Part(id): Part<ImportId>, Params(query): Params<ImportRowQuery>) -> Response {
    imports::rows(&rest, MACHINES, id, &query).await
}

/// Judges again, then writes what is new and what changes, in one transaction.
#[utoipa::path(post, path = "/api/admin/machines/import/{id}/confirm", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, body = Envelope<ImportView>),
        (status = 409, description = "1400: rows would turn out differently from what was shown, and nothing was written; \
            `GET …/rows?changed=true` lists them with what they `was` and their `verdict` now"),
        (status = 422, description = "1402: not ready, or its 24 hours are over")))]
pub async fn confirm(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::confirm(&rest, MACHINES, id).await
}

/// Throws it away.
#[utoipa::path(delete, path = "/api/admin/machines/import/{id}", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, description = "Discarded")))]
pub async fn discard(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::discard(&rest, MACHINES, id).await
}

/// The sheet again, with what became of every row.
#[utoipa::path(get, path = "/api/admin/machines/import/{id}/result", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, description = "A workbook")))]
pub async fn result(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::result(&rest, &LAYOUT, id).await
}

/// The workbook to fill in: headings with notes, drop-downs, one example.
#[utoipa::path(get, path = "/api/admin/machines/import/template", tag = "machines",
    responses((status = 200, description = "A workbook")))]
pub async fn template(rest: Rest) -> Response {
    imports::template(&rest, &LAYOUT, |column, language| {
        let zh = language == Language::Zh;
        match column {
            "name" => example_name(MACHINES, language),
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
        }
    })
    .await
}

/// The machines of these filters as a workbook that can be imported again; the log says who took it.
#[utoipa::path(get, path = "/api/admin/machines/export", tag = "machines", params(MachineQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<MachineQuery>) -> Response {
    let built = async {
        machines::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let mut sheet = imports::sheet(language, &LAYOUT).map_err(Error::internal)?;
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
    let texts: Vec<String> = columns_of(MACHINES)
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
    let values: Vec<_> = columns_of(MACHINES)
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
