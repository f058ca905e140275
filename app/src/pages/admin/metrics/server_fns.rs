//! What the wall asks for without a socket.

use contract::ApiError;
use contract::metrics::WallSnapshot;
use leptos::prelude::*;

/// The newest state of every machine.
#[server(name = ReadWall)]
pub async fn wall_snapshot() -> Result<WallSnapshot, ApiError> {
    let (platform, ctx) = crate::door::door();
    crate::door::answer(&platform, &ctx, platform::metrics::wall(&platform, &ctx).await).await
}
