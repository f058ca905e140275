//! `/ws/admin/monitoring`: the wall, for programs: a snapshot, then deltas.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::{IntoResponse, Response};
use contract::live::{MAX_CLIENT_MESSAGE_BYTES, WALL_TOPIC};
use platform::{OpContext, metrics};

use super::live::{Connection, small_buffers};
use crate::{AppState, rest};

/// Refused before the upgrade when the wall may not be seen.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(error) = metrics::may_watch(&state.platform, &ctx, WALL_TOPIC).await {
        return rest::refuse(&state.platform, &ctx, error).await;
    }
    small_buffers(upgrade)
        .max_message_size(MAX_CLIENT_MESSAGE_BYTES)
        .on_upgrade(move |socket| {
            let sockets = state.sockets.clone();
            sockets.track_future(Connection::new(state, ctx, socket).run(Some(WALL_TOPIC.to_owned())))
        })
        .into_response()
}
