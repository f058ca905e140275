//! /api/admin/users/import…: people as workbooks.

use axum::extract::Request;
use axum::response::Response;
use contract::accounts::Language;
use contract::imports::{ImportRow, ImportRowQuery, ImportSubject, ImportUpload, ImportView};
use contract::{Envelope, ImportId, Page};
use sheets::write::{Kind, Value};

use crate::rest::imports::{self, Layout, example_name};
use crate::rest::upload::{FileForm, RawBytes};
use crate::rest::{Params, Part, Rest};

const USERS: ImportSubject = ImportSubject::Users;

static LAYOUT: Layout = Layout {
    subject: USERS,
    sheet: ("用户", "users"),
    wide: &["displayName", "email", "roles", "customers"],
    kind: |_| Kind::Text,
    // Excel would let nothing else be typed, and a cell may name several roles.
    choices: |_, _| Vec::new(),
};

/// Stages a workbook of people, as `machines/import/preview` does of machines; their passwords are hashed as it is read.
#[utoipa::path(post, path = "/api/admin/users/import/preview", tag = "users", params(ImportUpload),
    request_body(content(
        (inline(RawBytes) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (inline(FileForm) = "multipart/form-data")
    )),
    responses((status = 201, body = Envelope<ImportView>), (status = 413, description = "1700: more than 32 MiB"),
        (status = 422, description = "1500: ten previews, or 64 MiB of them, are staged by the same person already")))]
pub async fn preview(rest: Rest, Params(query): Params<ImportUpload>, request: Request) -> Response {
    imports::preview(&rest, USERS, query, request).await
}

/// A staged import of people.
#[utoipa::path(get, path = "/api/admin/users/import/{id}", tag = "users", params(("id" = ImportId, Path)),
    responses((status = 200, body = Envelope<ImportView>)))]
pub async fn get(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::get(&rest, USERS, id).await
}

/// Its rows; of a password only dots.
#[utoipa::path(get, path = "/api/admin/users/import/{id}/rows", tag = "users",
    params(("id" = ImportId, Path), ImportRowQuery), responses((status = 200, body = Envelope<Page<ImportRow>>)))]
pub async fn rows(rest: Rest, Part(id): Part<ImportId>, Params(query): Params<ImportRowQuery>) -> Response {
    imports::rows(&rest, USERS, id, &query).await
}

/// Judges again, by what the caller may, then adds and changes people in one transaction; links to a first password go out.
#[utoipa::path(post, path = "/api/admin/users/import/{id}/confirm", tag = "users", params(("id" = ImportId, Path)),
    responses((status = 200, body = Envelope<ImportView>),
        (status = 409, description = "1400: rows would turn out differently from what was shown, and nothing was written"),
        (status = 422, description = "1402: not ready, or its 24 hours are over")))]
pub async fn confirm(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::confirm(&rest, USERS, id).await
}

/// Throws an import of people away.
#[utoipa::path(delete, path = "/api/admin/users/import/{id}", tag = "users", params(("id" = ImportId, Path)),
    responses((status = 200, description = "Discarded")))]
pub async fn discard(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::discard(&rest, USERS, id).await
}

/// The people's sheet again, with what became of every row; without passwords.
#[utoipa::path(get, path = "/api/admin/users/import/{id}/result", tag = "users", params(("id" = ImportId, Path)),
    responses((status = 200, description = "A workbook")))]
pub async fn result(rest: Rest, Part(id): Part<ImportId>) -> Response {
    imports::result(&rest, &LAYOUT, id).await
}

/// The workbook to fill in.
#[utoipa::path(get, path = "/api/admin/users/import/template", tag = "users",
    responses((status = 200, description = "A workbook")))]
pub async fn template(rest: Rest) -> Response {
    imports::template(&rest, &LAYOUT, |column, language| match (column, language) {
        ("username", _) => example_name(USERS, language),
        ("displayName", Language::Zh) => Value::Text("张三"),
        ("displayName", Language::En) => Value::Text("Ada Lovelace"),
        ("email", _) => Value::Text("ada@example.org"),
        ("customers", Language::Zh) => Value::Text("示例公司（负责人）"),
        ("customers", Language::En) => Value::Text("Example Ltd (owner)"),
        _ => Value::Blank,
    })
    .await
}
