//! `/ws/customer/machines/{code}/monitoring`: a machine one's customer has, for programs: a snapshot, then deltas, and a
//! close as soon as the machine is no longer theirs.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::response::Response;
use contract::live::machine_topic;
use platform::{OpContext, metrics};

use super::live::single;
use crate::AppState;

/// Refused before the upgrade when one's customer does not have the machine.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    Path(code): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let watch = metrics::watch_held(&state.platform, &ctx, &code).await;
    single(state, ctx, upgrade, machine_topic(&code), watch).await
}
