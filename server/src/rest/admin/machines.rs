//! /api/admin/machines.

use axum::response::Response;
use contract::machines::{
    GpuView, JoinTokenCreate, JoinTokenSecret, JoinTokenView, MachineCreate, MachineFacets, MachinePassport,
    MachineQuery, MachineRow, MachineUpdate, MachineView,
};
use contract::{Envelope, JoinTokenId, Page};
use platform::machines;

use super::machine_sheets;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, Params, Part, Rest};

/// Machines, filtered and sorted.
#[utoipa::path(get, path = "/api/admin/machines", tag = "machines", params(MachineQuery),
    responses((status = 200, body = Envelope<Page<MachineRow>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<MachineQuery>) -> Response {
    if wanted.0 {
        return machine_sheets::export(rest, Params(query)).await;
    }
    rest.answer(machines::list(&rest.platform, &rest.ctx, &query).await).await
}

/// What the filters of the list offer.
#[utoipa::path(get, path = "/api/admin/machines/facets", tag = "machines",
    responses((status = 200, body = Envelope<MachineFacets>)))]
pub async fn facets(rest: Rest) -> Response {
    rest.answer(machines::facets(&rest.platform, &rest.ctx).await).await
}

/// Adds a machine.
#[utoipa::path(post, path = "/api/admin/machines", tag = "machines", request_body = MachineCreate,
    responses((status = 201, body = Envelope<MachineView>), (status = 409, description = "1401: the code or name is taken")))]
pub async fn create(rest: Rest, Body(machine): Body<MachineCreate>) -> Response {
    let result = machines::create(&rest.platform, &rest.ctx, machine).await;
    rest.created(result, |view| format!("/api/admin/machines/{}", view.id)).await
}

/// One machine in full.
#[utoipa::path(get, path = "/api/admin/machines/{code}", tag = "machines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<MachineView>)))]
pub async fn get(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(machines::get(&rest.platform, &rest.ctx, &code).await).await
}

/// Replaces what may change about a machine.
#[utoipa::path(put, path = "/api/admin/machines/{code}", tag = "machines", params(("code" = String, Path)),
    request_body = MachineUpdate,
    responses((status = 200, body = Envelope<MachineView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(code): Part<String>, Body(change): Body<MachineUpdate>) -> Response {
    rest.answer(machines::update(&rest.platform, &rest.ctx, &code, change).await).await
}

/// The machine's GPUs.
#[utoipa::path(get, path = "/api/admin/machines/{code}/gpus", tag = "machines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<Vec<GpuView>>)))]
pub async fn gpus(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(machines::get(&rest.platform, &rest.ctx, &code).await.map(|view| view.gpus)).await
}

/// What is known of the machine's life: its GPUs with what happened to them, maintenance, leases with its health at their
/// beginning and end. GPUs' errors are there for `metrics:view`, leases for `allocations:manage`.
#[utoipa::path(get, path = "/api/admin/machines/{code}/passport", tag = "machines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<MachinePassport>)))]
pub async fn passport(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(machines::passport(&rest.platform, &rest.ctx, &code).await).await
}

/// Join tokens of the last week.
#[utoipa::path(get, path = "/api/admin/machines/join-tokens", tag = "machines",
    responses((status = 200, body = Envelope<Vec<JoinTokenView>>)))]
pub async fn list_join_tokens(rest: Rest) -> Response {
    rest.answer(machines::list_join_tokens(&rest.platform, &rest.ctx).await).await
}

/// Makes a join token; the only answer that holds its secret.
#[utoipa::path(post, path = "/api/admin/machines/join-tokens", tag = "machines", request_body = JoinTokenCreate,
    responses((status = 201, body = Envelope<JoinTokenSecret>)))]
pub async fn create_join_token(rest: Rest, Body(request): Body<JoinTokenCreate>) -> Response {
    let result = machines::create_join_token(&rest.platform, &rest.ctx, request).await;
    rest.created(result, |_| "/api/admin/machines/join-tokens".to_owned()).await
}

/// Ends a join token.
#[utoipa::path(delete, path = "/api/admin/machines/join-tokens/{id}", tag = "machines",
    params(("id" = JoinTokenId, Path)), responses((status = 200, body = Envelope<JoinTokenView>)))]
pub async fn revoke_join_token(rest: Rest, Part(id): Part<JoinTokenId>) -> Response {
    rest.answer(machines::revoke_join_token(&rest.platform, &rest.ctx, id).await).await
}
