//! Figures: live, history, processes; the contract calls the fleet's snapshot `monitoring`.

use axum::response::Response;
use contract::Envelope;
use contract::metrics::{History, HistoryQuery, MachineLive, MonitoredMachines, ProcessView, WallSnapshot};
use platform::metrics;

use crate::rest::{Params, Part, Rest};

/// The newest state of every machine.
#[utoipa::path(get, path = "/api/admin/monitoring/realtime", tag = "metrics",
    responses((status = 200, body = Envelope<WallSnapshot>)))]
pub async fn realtime(rest: Rest) -> Response {
    rest.answer(metrics::wall(&rest.platform, &rest.ctx).await).await
}

/// Every machine with whether it is monitored, and its newest figures.
#[utoipa::path(get, path = "/api/admin/monitoring/machines", tag = "metrics",
    responses((status = 200, body = Envelope<MonitoredMachines>)))]
pub async fn monitored(rest: Rest) -> Response {
    let wall = metrics::wall(&rest.platform, &rest.ctx).await;
    rest.answer(wall.map(|wall| MonitoredMachines { machines: wall.machines.iter().map(Into::into).collect() })).await
}

/// The newest figures of one machine.
#[utoipa::path(get, path = "/api/admin/machines/{code}/metrics", tag = "metrics", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<MachineLive>)))]
pub async fn live(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(metrics::machine_live(&rest.platform, &rest.ctx, &code).await).await
}

/// The processes on its GPUs.
#[utoipa::path(get, path = "/api/admin/machines/{code}/processes", tag = "metrics", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<Vec<ProcessView>>)))]
pub async fn processes(rest: Rest, Part(code): Part<String>) -> Response {
    let live = metrics::machine_live(&rest.platform, &rest.ctx, &code).await;
    rest.answer(live.map(|live| live.processes)).await
}

/// Averages, minima and maxima over a range.
#[utoipa::path(get, path = "/api/admin/machines/{code}/history", tag = "metrics",
    params(("code" = String, Path), HistoryQuery), responses((status = 200, body = Envelope<History>)))]
pub async fn history(rest: Rest, Part(code): Part<String>, Params(query): Params<HistoryQuery>) -> Response {
    rest.answer(metrics::history(&rest.platform, &rest.ctx, &code, &query).await).await
}
