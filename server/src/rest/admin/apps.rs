//! /api/admin/instances/{id}/links: applications of anybody's instances. Staff open none.

use axum::response::Response;
use contract::access::StaffEnding;
use contract::apps::AppLinkView;
use contract::{AppLinkId, Envelope, InstanceId};
use platform::instances;

use crate::rest::{Params, Part, Rest};

/// Ports of it that its customer's people open in the browser.
#[utoipa::path(get, path = "/api/admin/instances/{id}/links", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<Vec<AppLinkView>>),
        (status = 422, description = "1402: the installation has no place for applications")))]
pub async fn list(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::app_links_of_any(&rest.platform, &rest.ctx, id).await).await
}

/// Takes one away: what is open by it ends within seconds. Whose instance it is is told, with the reason.
#[utoipa::path(delete, path = "/api/admin/instances/{id}/links/{link}", tag = "instances",
    params(("id" = InstanceId, Path), ("link" = AppLinkId, Path), StaffEnding),
    responses((status = 200, description = "Removed"), (status = 400, description = "1000: no reason")))]
pub async fn remove(
    rest: Rest,
    Part((id, link)): Part<(InstanceId, AppLinkId)>,
    Params(why): Params<StaffEnding>,
) -> Response {
    rest.answer(instances::remove_any_app_link(&rest.platform, &rest.ctx, id, link, why).await).await
}
