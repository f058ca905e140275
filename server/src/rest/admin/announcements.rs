//! /api/admin/announcements: what the platform has to say.

use axum::response::Response;
use contract::announcements::{AnnouncementEdit, AnnouncementQuery, AnnouncementView};
use contract::{AnnouncementId, Envelope, Page};
use platform::announcements;

use crate::rest::{Body, Params, Part, Rest};

/// All of them, the latest first.
#[utoipa::path(get, path = "/api/admin/announcements", tag = "announcements", params(AnnouncementQuery),
    responses((status = 200, body = Envelope<Page<AnnouncementView>>)))]
pub async fn list(rest: Rest, Params(query): Params<AnnouncementQuery>) -> Response {
    rest.answer(announcements::list(&rest.platform, &rest.ctx, &query).await).await
}

/// Says something: to everybody, to one portal, or to the people of some customers, for a while.
#[utoipa::path(post, path = "/api/admin/announcements", tag = "announcements", request_body = AnnouncementEdit,
    responses((status = 201, body = Envelope<AnnouncementView>)))]
pub async fn create(rest: Rest, Body(body): Body<AnnouncementEdit>) -> Response {
    let result = announcements::create(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |view| format!("/api/admin/announcements/{}", view.id)).await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/announcements/{id}", tag = "announcements",
    params(("id" = AnnouncementId, Path)), responses((status = 200, body = Envelope<AnnouncementView>)))]
pub async fn get(rest: Rest, Part(id): Part<AnnouncementId>) -> Response {
    rest.answer(announcements::get(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces what is said; who had put it away sees it again.
#[utoipa::path(put, path = "/api/admin/announcements/{id}", tag = "announcements",
    params(("id" = AnnouncementId, Path)), request_body = AnnouncementEdit,
    responses((status = 200, body = Envelope<AnnouncementView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<AnnouncementId>, Body(body): Body<AnnouncementEdit>) -> Response {
    rest.answer(announcements::update(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes it away.
#[utoipa::path(delete, path = "/api/admin/announcements/{id}", tag = "announcements",
    params(("id" = AnnouncementId, Path)), responses((status = 200, description = "Taken away")))]
pub async fn delete(rest: Rest, Part(id): Part<AnnouncementId>) -> Response {
    rest.answer(announcements::delete(&rest.platform, &rest.ctx, id).await).await
}
