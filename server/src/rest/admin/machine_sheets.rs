//! /api/admin/machines/import… and …/export: machines as workbooks.

use app::pages::admin::allocations::list::standing_word;
use app::words::Words;
use axum::extract::Request;
use axum::response::Response;
use chrono::{DateTime, Utc};
use contract::accounts::Language;
use contract::allocations::{AllocationState, LeaseToCome};
use contract::imports::{ImportRow, ImportRowQuery, ImportSubject, ImportUpload, ImportView};
use contract::machines::{DiscoveredHardware, MachineQuery, Pool, models_in_words};
use contract::{Envelope, ImportId, Page};
use platform::Error;
use platform::imports::columns_of;
use platform::machines::{self, ExportRow};
use sheets::write::{Column, Kind, Value};
use sheets::{SheetWriter, WriteError};

use crate::rest::imports::{self, Around, Layout, example_name, text_value};
use crate::rest::upload::{FileForm, RawBytes};
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
#[utoipa::path(post, path = "/api/admin/machines/import/preview", tag = "machines", params(ImportUpload),
    request_body(content(
        (inline(RawBytes) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (inline(FileForm) = "multipart/form-data")
    )),
    responses((status = 201, body = Envelope<ImportView>), (status = 413, description = "1700: more than 32 MiB"),
        (status = 422, description = "1500: ten previews, or 64 MiB of them, are staged by the same person already")))]
pub async fn preview(rest: Rest, Params(query): Params<ImportUpload>, request: Request) -> Response {
    imports::preview(&rest, MACHINES, query, request).await
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

/// Takes back what a confirmed import wrote, as a whole: the machines that it added are deleted, those that it changed are as they
/// were. What somebody changed or uses since stays, and the `faults` of its rows say why.
#[utoipa::path(post, path = "/api/admin/machines/import/{id}/take-back", tag = "machines", params(("id" = ImportId, Path)),
    responses((status = 200, body = Envelope<ImportView>),
        (status = 422, description = "1402: not confirmed, or taken back already")))]
pub async fn take_back(rest: Rest, Part(id): Part<ImportId>) -> Response {
    rest.answer(platform::imports::take_back(&rest.platform, &rest.ctx, id).await).await
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

/// The machines of these filters, in the order asked for, as a workbook that can be imported again; the log says who took it.
/// An import passes over the columns that say what is so by itself: state, presence, who has it, what was found.
#[utoipa::path(get, path = "/api/admin/machines/export", tag = "machines", params(MachineQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<MachineQuery>) -> Response {
    let built = async {
        machines::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let after = machines::EXPORTED.iter().map(|key| more_column(language, key)).collect();
        let around = Around { before: Vec::new(), after };
        let mut sheet = imports::sheet_with(language, &LAYOUT, around).map_err(Error::internal)?;
        machines::export(&rest.platform, &rest.ctx, &query, |row| {
            export_row(&mut sheet, &row, language).map_err(Error::internal)
        })
        .await?;
        platform::Result::Ok(sheet)
    };
    workbook::download(&rest, built.await, "machines").await
}

/// A column that an import passes over.
fn more_column(language: Language, key: &str) -> Column {
    let kind = match key {
        "machine-export-until" | "machine-export-next-from" => Kind::DateTime,
        "machine-export-gpu-count" | "machine-export-cpu-cores" => Kind::Number,
        "machine-export-gpu-memory"
        | "machine-export-memory"
        | "machine-export-system-disk"
        | "machine-export-data-disk" => Kind::Decimal(1),
        _ => Kind::Text,
    };
    let heading = workbook::say(language, key, &[]);
    let heading = if kind == Kind::DateTime { format!("{heading} (UTC)") } else { heading };
    Column { kind, width: 18.0, ..Column::new(heading) }
}

fn export_row(sheet: &mut SheetWriter, row: &ExportRow, language: Language) -> Result<(), WriteError> {
    let zh = language == Language::Zh;
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
    let values = columns_of(MACHINES).iter().zip(&texts).map(|(column, text)| match column.key {
        "gpuCount" => number(hardware.gpu_count),
        "gpuMemoryGb" => number(hardware.gpu_memory_gb),
        "cpuCores" => number(hardware.cpu_cores),
        "memoryGb" => number(hardware.memory_gb),
        "systemDiskGb" => number(hardware.system_disk_gb),
        "dataDiskGb" => number(hardware.data_disk_gb),
        _ => text_value(Some(text)),
    });
    let more = more_texts(row, language);
    let values: Vec<_> = values.chain(more_values(row, &more)).collect();
    sheet.row(&values)
}

/// The texts among what is so by itself, in the order of `EXPORTED`.
fn more_texts(row: &ExportRow, language: Language) -> Vec<String> {
    let found = row.discovered.as_ref();
    let presence =
        if row.monitored { format!("presence-{}", row.presence.code()) } else { "tile-not-monitored".to_owned() };
    let (holder, next) = (row.holder.as_ref(), row.next.as_ref());
    // Workbooks know no zone: the headings say that it is UTC.
    let instant = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S").to_string();
    let text = |key: &&str| match *key {
        "machines-service" => workbook::say(language, &format!("service-{}", row.service_state.code()), &[]),
        "machines-presence" => workbook::say(language, &presence, &[]),
        "machine-export-holder" => holder.map(|holder| holder.customer_name.clone()).unwrap_or_default(),
        "machine-export-until" => holder.map(|holder| instant(holder.ends_at)).unwrap_or_default(),
        "machine-export-next" => next.map(|lease| lease.customer_name.clone()).unwrap_or_default(),
        "machine-export-next-from" => next.map(|lease| instant(lease.starts_at)).unwrap_or_default(),
        "machine-export-next-state" => {
            let state =
                |lease: &LeaseToCome| standing_word(Words(language), AllocationState::Scheduled, lease.waits_for);
            next.map(state).unwrap_or_default()
        }
        "machine-export-gpu-model" => {
            models_in_words(row.gpus.iter().map(|gpu| gpu.model.as_str())).unwrap_or_default()
        }
        "machine-export-cpu-model" => found.and_then(|found| found.cpu_model.clone()).unwrap_or_default(),
        _ => String::new(),
    };
    machines::EXPORTED.iter().map(text).collect()
}

fn more_values<'a>(row: &'a ExportRow, texts: &'a [String]) -> impl Iterator<Item = Value<'a>> {
    let found = row.discovered.as_ref();
    let disks = found.map(DiscoveredHardware::disk_sizes).unwrap_or_default();
    // Without NVML nothing is known about GPUs, not even that there is none.
    let gpus_known = found.is_some_and(|found| found.nvml_error.is_none());
    let gib = |bytes: Option<u64>| {
        let bytes = bytes.filter(|bytes| *bytes > 0);
        bytes.map_or(Value::Blank, |bytes| Value::Number((bytes as f64 / f64::from(1 << 30) * 10.0).round() / 10.0))
    };
    machines::EXPORTED.iter().zip(texts).map(move |(key, text)| match *key {
        "machine-export-gpu-count" if gpus_known => Value::Number(row.gpus.len() as f64),
        // One number only where it is true of each of them.
        "machine-export-gpu-memory" => {
            let mut sizes = row.gpus.iter().map(|gpu| gpu.memory_bytes);
            let first = sizes.next().flatten();
            gib(first.filter(|_| sizes.all(|size| size == first)))
        }
        "machine-export-cpu-cores" => {
            let cores = found.and_then(|found| found.cpu_cores.or(found.cpu_threads));
            cores.map_or(Value::Blank, |cores| Value::Number(f64::from(cores)))
        }
        "machine-export-memory" => gib(found.and_then(|found| found.memory_bytes)),
        "machine-export-system-disk" => gib(Some(disks.system)),
        "machine-export-data-disk" => gib(Some(disks.data)),
        "machine-export-until" | "machine-export-next-from" if !text.is_empty() => Value::Date(text),
        _ => text_value(Some(text)),
    })
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
