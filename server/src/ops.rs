//! For those who run it: liveness, readiness, figures.

use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contract::Permission;
use platform::OpContext;

use crate::AppState;

/// The process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers; the schema was checked at start.
pub async fn readyz(State(state): State<AppState>) -> Response {
    if state.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    match state.platform.db().ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "database unavailable\n").into_response(),
    }
}

/// Prometheus text; for this machine, and for staff with a token.
pub async fn metrics(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    peer: Option<Extension<ConnectInfo<std::net::SocketAddr>>>,
) -> Response {
    // Behind a proxy every request comes from loopback: there only the token counts.
    let local = state.config.trusted_proxies == 0 && peer.is_some_and(|Extension(peer)| peer.0.ip().is_loopback());
    if !local && !ctx.holds(Permission::JobsView) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (size, idle) = state.platform.db().pool_size();
    metrics::gauge!("remotegpu_database_connections", "state" => "idle").set(idle as f64);
    metrics::gauge!("remotegpu_database_connections", "state" => "used").set(f64::from(size) - idle as f64);
    state.prometheus.as_ref().map(|handle| handle.render()).unwrap_or_default().into_response()
}

/// Asks the server of this configuration whether it is ready: for containers, whose images carry no HTTP client.
///
/// # Errors
/// When it does not answer within three seconds, or not with 200.
pub fn healthcheck(config: &crate::config::Config) -> anyhow::Result<()> {
    use std::io::{Read as _, Write as _};
    let wait = std::time::Duration::from_secs(3);
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let mut stream = std::net::TcpStream::connect_timeout(&address, wait)?;
    stream.set_read_timeout(Some(wait))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    anyhow::ensure!(status == "200", "not ready: {}", answer.lines().last().unwrap_or_default());
    Ok(())
}
