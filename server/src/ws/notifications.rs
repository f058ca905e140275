//! `/ws/notifications`: what one is told, for programs: a snapshot, then deltas.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use contract::live::NOTIFICATIONS_TOPIC;
use platform::{OpContext, notifications};

use super::live::single;
use crate::AppState;

/// Refused before the upgrade for who is not signed in.
pub async fn open(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let watch = notifications::watch_bell(&state.platform, &ctx).await;
    single(state, ctx, upgrade, NOTIFICATIONS_TOPIC.to_owned(), watch).await
}
