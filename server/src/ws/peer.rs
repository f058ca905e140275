//! `/peer/tunnel`: another server of this installation, or its SSH door as a process of its own, asks for a tunnel of an agent that
//! is linked here. What comes after the upgrade only who has the secrets key can say or read (`platform/src/tunnels`), so that no
//! proxy has to be trusted; none has to let it through either.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::ErrorCode;
use hyper_util::rt::TokioIo;
use platform::tunnels::{self, PASS_HEADER, PEER_PROTOCOL};
use platform::{Error, OpContext};

use crate::limits::Kind;
use crate::{AppState, rest};

/// 404 for everybody without a pass that counts, whatever it is for.
pub async fn open(State(state): State<AppState>, Extension(ctx): Extension<OpContext>, request: Request) -> Response {
    let pass = pass_of(request.headers());
    let call = match tunnels::admit_peer(&state.platform, &ctx, &pass).await {
        Ok(call) => call,
        Err(error) => return rest::refuse(&state.platform, &ctx, limited(&state, &ctx, error)).await,
    };
    let upgraded = hyper::upgrade::on(request);
    let sockets = state.sockets.clone();
    sockets.spawn(async move {
        match upgraded.await {
            Ok(connection) => tokio::select! {
                () = call.serve(&state.platform, TokioIo::new(connection)) => {}
                () = state.draining.cancelled() => {}
            },
            Err(error) => tracing::debug!(%error, "a server that asked for a tunnel is gone"),
        }
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, PEER_PROTOCOL)];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// What is no upgrade uses no pass up.
fn pass_of(headers: &HeaderMap) -> String {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if said(header::UPGRADE.as_str()) == PEER_PROTOCOL { said(PASS_HEADER).to_owned() } else { String::new() }
}

/// Who is refused is counted as anybody who asks for something; servers are never, however many tunnels they need.
fn limited(state: &AppState, ctx: &OpContext, error: Error) -> Error {
    let spent = ctx.address().and_then(|address| state.rates.take(Kind::General, address).err());
    match spent {
        Some(seconds) => {
            Error::new(ErrorCode::RateLimited).with_key("error-rate-limited-wait").with_arg("seconds", seconds)
        }
        None => error,
    }
}
