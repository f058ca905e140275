//! /api/admin/machines/…: what staff do with machines; see `machines` for their data.

use axum::response::Response;
use contract::machines::{
    ConnectionUpdate, MachineAction, MachineBulk, MachineBulkOutcome, MachineTakenOut, MachineView, MaintenanceBulk,
    MaintenanceCreate, ServiceChange,
};
use contract::{BulkOutcome, Envelope, MaintenanceId};
use platform::machines;
use serde::{Deserialize, Serialize};

use crate::rest::{Body, MaybeBody, Part, Rest};

async fn act(rest: Rest, code: String, action: MachineAction, body: ServiceChange) -> Response {
    rest.answer(machines::act(&rest.platform, &rest.ctx, &code, action, body.note).await).await
}

async fn take_out(rest: Rest, code: String, action: MachineAction, body: ServiceChange) -> Response {
    rest.answer(machines::take_out(&rest.platform, &rest.ctx, &code, action, body.note).await).await
}

/// No new customers; who is there stays. Names the leases that are to begin on it: they wait until it is back.
#[utoipa::path(post, path = "/api/admin/machines/{code}/cordon", tag = "machines", params(("code" = String, Path)),
    request_body = Option<ServiceChange>,
    responses((status = 200, body = Envelope<MachineTakenOut>),
        (status = 422, description = "1402: not from this state")))]
pub async fn cordon(rest: Rest, Part(code): Part<String>, MaybeBody(body): MaybeBody<ServiceChange>) -> Response {
    take_out(rest, code, MachineAction::Cordon, body).await
}

/// Back into service.
#[utoipa::path(post, path = "/api/admin/machines/{code}/uncordon", tag = "machines", params(("code" = String, Path)),
    request_body = Option<ServiceChange>,
    responses((status = 200, body = Envelope<MachineView>), (status = 422, description = "1402: it is in service")))]
pub async fn uncordon(rest: Rest, Part(code): Part<String>, MaybeBody(body): MaybeBody<ServiceChange>) -> Response {
    act(rest, code, MachineAction::Uncordon, body).await
}

/// No new customers and no renewals. Names the leases that are to begin on it: they wait until it is back.
#[utoipa::path(post, path = "/api/admin/machines/{code}/drain", tag = "machines", params(("code" = String, Path)),
    request_body = Option<ServiceChange>,
    responses((status = 200, body = Envelope<MachineTakenOut>),
        (status = 422, description = "1402: not from this state")))]
pub async fn drain(rest: Rest, Part(code): Part<String>, MaybeBody(body): MaybeBody<ServiceChange>) -> Response {
    take_out(rest, code, MachineAction::Drain, body).await
}

/// Out for good; its agent may not connect any more.
#[utoipa::path(post, path = "/api/admin/machines/{code}/retire", tag = "machines", params(("code" = String, Path)),
    request_body = Option<ServiceChange>,
    responses((status = 200, body = Envelope<MachineView>),
        (status = 409, description = "1400: somebody has it; the message says who and until when")))]
pub async fn retire(rest: Rest, Part(code): Part<String>, MaybeBody(body): MaybeBody<ServiceChange>) -> Response {
    act(rest, code, MachineAction::Retire, body).await
}

/// Deletes a machine nobody has.
#[utoipa::path(delete, path = "/api/admin/machines/{code}", tag = "machines", params(("code" = String, Path)),
    responses((status = 200, description = "Deleted"),
        (status = 409, description = "1400: somebody has it; the message says who and until when")))]
pub async fn delete(rest: Rest, Part(code): Part<String>) -> Response {
    let deleted = machines::act(&rest.platform, &rest.ctx, &code, MachineAction::Delete, None).await;
    rest.answer(deleted.map(|_| ())).await
}

/// The same with many; each stands for itself. Of each that takes nobody new afterwards, the leases that wait for it are named.
#[utoipa::path(post, path = "/api/admin/machines/bulk", tag = "machines", request_body = MachineBulk,
    responses((status = 200, body = Envelope<Vec<MachineBulkOutcome>>)))]
pub async fn bulk(rest: Rest, Body(body): Body<MachineBulk>) -> Response {
    let result = match machines::act_on_many(&rest.platform, &rest.ctx, body).await {
        Ok(outcomes) => Ok(app::door::machine_outcomes(&rest.platform, &rest.ctx, outcomes).await),
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Plans the same maintenance for many; each stands for itself.
#[utoipa::path(post, path = "/api/admin/machines/bulk/maintenance", tag = "machines", request_body = MaintenanceBulk,
    responses((status = 200, body = Envelope<Vec<BulkOutcome>>)))]
pub async fn plan_for_many(rest: Rest, Body(body): Body<MaintenanceBulk>) -> Response {
    let result = match machines::plan_for_many(&rest.platform, &rest.ctx, body).await {
        Ok(outcomes) => Ok(app::door::outcomes(&rest.platform, &rest.ctx, outcomes).await),
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Plans maintenance; the people on the machine read about it at once.
#[utoipa::path(post, path = "/api/admin/machines/{code}/maintenance", tag = "machines", params(("code" = String, Path)),
    request_body = MaintenanceCreate,
    responses((status = 201, body = Envelope<MachineView>),
        (status = 409, description = "1400: another is planned in that time")))]
pub async fn plan(rest: Rest, Part(code): Part<String>, Body(body): Body<MaintenanceCreate>) -> Response {
    let result = machines::plan_maintenance(&rest.platform, &rest.ctx, &code, body).await;
    rest.created(result, |view| format!("/api/admin/machines/{}", view.id)).await
}

/// Calls maintenance off, or ends it.
#[utoipa::path(delete, path = "/api/admin/machines/{code}/maintenance/{id}", tag = "machines",
    params(("code" = String, Path), ("id" = MaintenanceId, Path)),
    responses((status = 200, body = Envelope<MachineView>)))]
pub async fn cancel(rest: Rest, Part((code, id)): Part<(String, MaintenanceId)>) -> Response {
    rest.answer(machines::cancel_maintenance(&rest.platform, &rest.ctx, &code, id).await).await
}

/// How the host is reached; what is stored as secret is never answered.
#[utoipa::path(put, path = "/api/admin/machines/{code}/connection", tag = "machines", params(("code" = String, Path)),
    request_body = ConnectionUpdate, responses((status = 200, body = Envelope<MachineView>)))]
pub async fn connection(rest: Rest, Part(code): Part<String>, Body(body): Body<ConnectionUpdate>) -> Response {
    rest.answer(machines::set_connection(&rest.platform, &rest.ctx, &code, body).await).await
}

/// Which machine's monitoring begins.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginMonitoring {
    /// The machine's code.
    pub id: String,
}

/// Begins monitoring.
#[utoipa::path(post, path = "/api/admin/monitoring/machines", tag = "metrics", request_body = BeginMonitoring,
    responses((status = 200, body = Envelope<MachineView>)))]
pub async fn monitor(rest: Rest, Body(body): Body<BeginMonitoring>) -> Response {
    act(rest, body.id, MachineAction::MonitoringOn, ServiceChange::default()).await
}

/// Ends monitoring; history stays.
#[utoipa::path(delete, path = "/api/admin/monitoring/machines/{code}", tag = "metrics", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<MachineView>)))]
pub async fn unmonitor(rest: Rest, Part(code): Part<String>) -> Response {
    act(rest, code, MachineAction::MonitoringOff, ServiceChange::default()).await
}
