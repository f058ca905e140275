//! /api/customer/instances/{id}/links: applications of one's own instances.

use axum::response::Response;
use contract::apps::{AppLinkCreate, AppLinkView, SharedAppView};
use contract::{AppLinkId, Envelope, InstanceId};
use platform::instances;

use crate::rest::{Body, Part, Rest};

/// Ports of it that are opened in the browser, each at an origin of its own.
#[utoipa::path(get, path = "/api/customer/instances/{id}/links", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<Vec<AppLinkView>>),
        (status = 422, description = "1402: the installation has no place for applications")))]
pub async fn list(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::app_links(&rest.platform, &rest.ctx, id).await).await
}

/// Makes one of a port. What listens on the instance's localhost alone is reached, too.
#[utoipa::path(post, path = "/api/customer/instances/{id}/links", tag = "instances", params(("id" = InstanceId, Path)),
    request_body = AppLinkCreate,
    responses((status = 201, body = Envelope<AppLinkView>), (status = 409, description = "1401: the port has one"),
        (status = 422, description = "1402: it is on its way out, or the installation has no place for applications; 1500: too \
         many; 1501: every origin is taken")))]
pub async fn create(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<AppLinkCreate>) -> Response {
    let result = instances::add_app_link(&rest.platform, &rest.ctx, id, body).await;
    rest.created(result, |_| format!("/api/customer/instances/{id}/links")).await
}

/// Takes one away: what is open by it ends within seconds.
#[utoipa::path(delete, path = "/api/customer/instances/{id}/links/{link}", tag = "instances",
    params(("id" = InstanceId, Path), ("link" = AppLinkId, Path)),
    responses((status = 200, description = "Removed")))]
pub async fn remove(rest: Rest, Part((id, link)): Part<(InstanceId, AppLinkId)>) -> Response {
    rest.answer(instances::remove_app_link(&rest.platform, &rest.ctx, id, link).await).await
}

/// Applications that everybody in the customer one acts for may open, whoever's instance it is.
#[utoipa::path(get, path = "/api/customer/links", tag = "instances",
    responses((status = 200, body = Envelope<Vec<SharedAppView>>),
        (status = 422, description = "1402: the installation has no place for applications")))]
pub async fn shared(rest: Rest) -> Response {
    rest.answer(instances::shared_apps(&rest.platform, &rest.ctx).await).await
}
