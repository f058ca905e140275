//! `/ws/admin/monitoring`: the wall, for programs: a snapshot, then deltas.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use contract::live::WALL_TOPIC;
use platform::{OpContext, metrics};

use super::live::single;
use crate::AppState;

/// Refused before the upgrade when the wall may not be seen.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let watch = metrics::watch(&state.platform, &ctx, WALL_TOPIC, None).await;
    single(state, ctx, upgrade, WALL_TOPIC.to_owned(), watch).await
}
