//! /api/admin/specs: what instances get, and what an hour of it costs.

use axum::response::Response;
use contract::specs::{SpecPriceCreate, SpecPriceView, SpecQuery, SpecView, SpecWrite};
use contract::{Envelope, Page, SpecId};
use platform::specs;

use crate::rest::admin::exports;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, Params, Part, Rest};

/// Specs of these filters.
#[utoipa::path(get, path = "/api/admin/specs", tag = "specs", params(SpecQuery),
    responses((status = 200, body = Envelope<Page<SpecView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<SpecQuery>) -> Response {
    if wanted.0 {
        return exports::specs(rest, Params(query)).await;
    }
    rest.answer(specs::list(&rest.platform, &rest.ctx, &query).await).await
}

/// Adds a spec, not listed yet: it has no price.
#[utoipa::path(post, path = "/api/admin/specs", tag = "specs", request_body = SpecWrite,
    responses((status = 201, body = Envelope<SpecView>)))]
pub async fn create(rest: Rest, Body(body): Body<SpecWrite>) -> Response {
    let result = specs::create(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |view| format!("/api/admin/specs/{}", view.id)).await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/specs/{id}", tag = "specs", params(("id" = SpecId, Path)),
    responses((status = 200, body = Envelope<SpecView>)))]
pub async fn get(rest: Rest, Part(id): Part<SpecId>) -> Response {
    rest.answer(specs::get(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces what it is. What was made from it stays as it was made.
#[utoipa::path(put, path = "/api/admin/specs/{id}", tag = "specs", params(("id" = SpecId, Path)),
    request_body = SpecWrite,
    responses((status = 200, body = Envelope<SpecView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<SpecId>, Body(body): Body<SpecWrite>) -> Response {
    rest.answer(specs::update(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes it away; what was made from it, and its prices, stay known.
#[utoipa::path(delete, path = "/api/admin/specs/{id}", tag = "specs", params(("id" = SpecId, Path)),
    responses((status = 200, description = "Taken away")))]
pub async fn delete(rest: Rest, Part(id): Part<SpecId>) -> Response {
    rest.answer(specs::delete(&rest.platform, &rest.ctx, id).await).await
}

/// Lets customers choose it.
#[utoipa::path(post, path = "/api/admin/specs/{id}/list", tag = "specs", params(("id" = SpecId, Path)),
    responses((status = 200, body = Envelope<SpecView>), (status = 422, description = "1402: it has no price")))]
pub async fn enlist(rest: Rest, Part(id): Part<SpecId>) -> Response {
    rest.answer(specs::set_listed(&rest.platform, &rest.ctx, id, true).await).await
}

/// Customers may not choose it any more; who has it keeps it.
#[utoipa::path(post, path = "/api/admin/specs/{id}/delist", tag = "specs", params(("id" = SpecId, Path)),
    responses((status = 200, body = Envelope<SpecView>)))]
pub async fn delist(rest: Rest, Part(id): Part<SpecId>) -> Response {
    rest.answer(specs::set_listed(&rest.platform, &rest.ctx, id, false).await).await
}

/// Its prices, the latest start first.
#[utoipa::path(get, path = "/api/admin/specs/{id}/prices", tag = "specs", params(("id" = SpecId, Path)),
    responses((status = 200, body = Envelope<Vec<SpecPriceView>>)))]
pub async fn prices(rest: Rest, Part(id): Part<SpecId>) -> Response {
    rest.answer(specs::prices(&rest.platform, &rest.ctx, id).await).await
}

/// Sets a price from now or from a later time on; none is ever changed.
#[utoipa::path(post, path = "/api/admin/specs/{id}/prices", tag = "specs", params(("id" = SpecId, Path)),
    request_body = SpecPriceCreate, responses((status = 201, body = Envelope<Vec<SpecPriceView>>)))]
pub async fn add_price(rest: Rest, Part(id): Part<SpecId>, Body(body): Body<SpecPriceCreate>) -> Response {
    let result = specs::add_price(&rest.platform, &rest.ctx, id, body).await;
    rest.created(result, |_| format!("/api/admin/specs/{id}/prices")).await
}
