//! `/ws/instances/{id}/logs`: what one of one's own instances says: the end of it, then what comes, and a close when it is
//! gone.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use contract::InstanceId;
use contract::instances::InstanceLogQuery;
use platform::{OpContext, instances};

use super::live::single;
use crate::AppState;

/// Refused before the upgrade when it is none of one's own.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    Path(id): Path<InstanceId>,
    Query(query): Query<InstanceLogQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let watch = instances::watch_logs(&state.platform, &ctx, id, &query).await;
    single(state, ctx, upgrade, format!("instance/{id}/logs"), watch).await
}
