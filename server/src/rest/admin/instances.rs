//! /api/admin/instances: everybody's, for staff.

use axum::response::Response;
use contract::instances::{
    InstanceAction, InstanceEvent, InstanceLogs, InstanceQuery, InstanceStats, InstanceView, StaffInstanceAct,
    StaffLogQuery, StaffWatchCreate, TerminalWatchTicket,
};
use contract::{Envelope, InstanceId, Page};
use platform::instances;

use crate::rest::workbook::{AsWorkbook, download};
use crate::rest::{Body, Params, Part, Rest, instance_sheets};

/// Everybody's.
#[utoipa::path(get, path = "/api/admin/instances", tag = "instances", params(InstanceQuery),
    responses((status = 200, body = Envelope<Page<InstanceView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<InstanceQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(instances::list_all(&rest.platform, &rest.ctx, &query).await).await
}

/// Everybody's as a workbook, a million rows at most: where there are more, the last one says so. Who takes it away is in the log.
#[utoipa::path(get, path = "/api/admin/instances/export", tag = "instances", params(InstanceQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<InstanceQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let mut list = instance_sheets::instances(language, true)?;
        let cut = instances::export_all(&rest.platform, &rest.ctx, &query, |row| {
            instance_sheets::instance(language, &mut list, true, row)
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "instances").await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/instances/{id}", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceView>)))]
pub async fn get(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::get_any(&rest.platform, &rest.ctx, id).await).await
}

/// Takes it away, with its container and its data disk; again changes nothing. Whose it is is told, with the reason.
#[utoipa::path(delete, path = "/api/admin/instances/{id}", tag = "instances",
    params(("id" = InstanceId, Path), StaffInstanceAct),
    responses((status = 200, body = Envelope<InstanceView>), (status = 400, description = "1000: no reason")))]
pub async fn delete(rest: Rest, Part(id): Part<InstanceId>, Params(why): Params<StaffInstanceAct>) -> Response {
    rest.answer(instances::act_on_any(&rest.platform, &rest.ctx, id, InstanceAction::Delete, why).await).await
}

/// Starts it; one that runs runs. Whose it is is told, with the reason.
#[utoipa::path(post, path = "/api/admin/instances/{id}/start", tag = "instances", params(("id" = InstanceId, Path)),
    request_body = StaffInstanceAct,
    responses((status = 200, body = Envelope<InstanceView>), (status = 422, description = "1402: not in its state")))]
pub async fn start(rest: Rest, Part(id): Part<InstanceId>, Body(why): Body<StaffInstanceAct>) -> Response {
    rest.answer(instances::act_on_any(&rest.platform, &rest.ctx, id, InstanceAction::Start, why).await).await
}

/// Stops it; it keeps what it holds. Whose it is is told, with the reason.
#[utoipa::path(post, path = "/api/admin/instances/{id}/stop", tag = "instances", params(("id" = InstanceId, Path)),
    request_body = StaffInstanceAct,
    responses((status = 200, body = Envelope<InstanceView>), (status = 422, description = "1402: not in its state")))]
pub async fn stop(rest: Rest, Part(id): Part<InstanceId>, Body(why): Body<StaffInstanceAct>) -> Response {
    rest.answer(instances::act_on_any(&rest.platform, &rest.ctx, id, InstanceAction::Stop, why).await).await
}

/// Stops and starts it. Whose it is is told, with the reason.
#[utoipa::path(post, path = "/api/admin/instances/{id}/restart", tag = "instances", params(("id" = InstanceId, Path)),
    request_body = StaffInstanceAct,
    responses((status = 200, body = Envelope<InstanceView>), (status = 422, description = "1402: it does not run")))]
pub async fn restart(rest: Rest, Part(id): Part<InstanceId>, Body(why): Body<StaffInstanceAct>) -> Response {
    rest.answer(instances::act_on_any(&rest.platform, &rest.ctx, id, InstanceAction::Restart, why).await).await
}

/// What happened to it, the newest first; kept after it is gone.
#[utoipa::path(get, path = "/api/admin/instances/{id}/events", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<Vec<InstanceEvent>>)))]
pub async fn events(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::events_of_any(&rest.platform, &rest.ctx, id).await).await
}

/// What it says, as for its customer, who reads in their own log who read it, and why.
#[utoipa::path(get, path = "/api/admin/instances/{id}/logs", tag = "instances",
    params(("id" = InstanceId, Path), StaffLogQuery),
    responses((status = 200, body = Envelope<InstanceLogs>),
        (status = 503, description = "1802: its machine cannot be asked")))]
pub async fn logs(rest: Rest, Part(id): Part<InstanceId>, Params(query): Params<StaffLogQuery>) -> Response {
    rest.answer(instances::logs_of_any(&rest.platform, &rest.ctx, id, query).await).await
}

/// What it uses now; it is looked at twice, half a second apart.
#[utoipa::path(get, path = "/api/admin/instances/{id}/stats", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceStats>), (status = 422, description = "1402: it does not run"),
        (status = 503, description = "1802: its machine cannot be asked")))]
pub async fn stats(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::stats_of_any(&rest.platform, &rest.ctx, id).await).await
}

/// Uses a link up that somebody made who has a shell there, or comes back: a ticket for one socket of
/// `/ws/instances/{id}/terminal/watch?ticket=…`. Its customer reads the reason.
#[utoipa::path(post, path = "/api/admin/instances/{id}/terminal/watch", tag = "instances",
    params(("id" = InstanceId, Path)), request_body = StaffWatchCreate,
    responses((status = 200, body = Envelope<TerminalWatchTicket>), (status = 404, description = "1300: no such link")))]
pub async fn watch_terminal(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<StaffWatchCreate>) -> Response {
    rest.answer(instances::keep_watch_ticket_of_staff(&rest.platform, &rest.ctx, id, body).await).await
}
