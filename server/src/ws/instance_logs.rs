//! `/ws/instances/{id}/logs`: what one of one's own instances says: the end of it, then what comes, and a close when it is
//! gone.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use contract::InstanceId;
use contract::instances::InstanceLogQuery;
use platform::{OpContext, instances};

use super::live::single;
use crate::AppState;
use crate::rest::{Params, Part};

/// Refused before the upgrade when it is none of one's own.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    Part(id): Part<InstanceId>,
    Params(query): Params<InstanceLogQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let watch = instances::watch_logs(&state.platform, &ctx, id, &query).await;
    single(state, ctx, upgrade, format!("instance/{id}/logs"), watch).await
}
