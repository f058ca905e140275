//! /api/customer/announcements: what one is told by the platform, for everybody who is signed in.

use axum::response::Response;
use contract::announcements::BannerView;
use contract::{AnnouncementId, Envelope};
use platform::announcements;

use crate::rest::{Part, Rest};

/// What one is told now and has not put away, maintenance first.
#[utoipa::path(get, path = "/api/customer/announcements", tag = "announcements",
    responses((status = 200, body = Envelope<Vec<BannerView>>)))]
pub async fn current(rest: Rest) -> Response {
    rest.answer(announcements::current(&rest.platform, &rest.ctx).await).await
}

/// Puts one away, until it is changed.
#[utoipa::path(post, path = "/api/customer/announcements/{id}/dismiss", tag = "announcements",
    params(("id" = AnnouncementId, Path)), responses((status = 200, description = "Put away")))]
pub async fn dismiss(rest: Rest, Part(id): Part<AnnouncementId>) -> Response {
    rest.answer(announcements::dismiss(&rest.platform, &rest.ctx, id).await).await
}
