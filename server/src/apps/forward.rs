//! A request of somebody who was let in, on its way to the application and back.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use contract::ErrorCode;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri, Version};
use platform::OpContext;

use super::body::{Passing, Progress};
use super::dial::Listening;
use super::headers::{self, Place};
use super::people::Turn;
use super::says::{Say, Told, answer};
use super::visits::Active;
use super::{Door, tunnel};

/// How long nothing may pass of a request, nor of the beginning of its answer: some applications think for long.
const THINKS: Duration = Duration::from_secs(600);
/// How long nothing may pass of an answer that has begun.
const QUIET: Duration = Duration::from_secs(1800);

/// Hands it on, and the answer back.
pub(super) async fn forward(
    door: &Door,
    active: &Arc<Active>,
    place: &Place,
    request: Request,
    ctx: &OpContext,
) -> Response {
    let portal = door.state.config.public_base();
    let (visit, looked_at) = (&active.visit, headers::is_looked_at(request.method(), request.headers()));
    let language = visit.ctx(&door.state.platform).language();
    let told = Told { language, app: Some((visit.name(), visit.port())), looked_at, stays: true, portal: &portal };
    let Some(turn) = active.turns.take().await else { return answer(Say::Busy, &told) };
    match hand_on(door, active, place, (request, ctx), turn).await {
        Ok(response) => response,
        Err(say) => answer(say, &told),
    }
}

async fn hand_on(
    door: &Door,
    active: &Arc<Active>,
    place: &Place,
    (mut request, ctx): (Request, &OpContext),
    turn: Turn,
) -> Result<Response, Say> {
    let port = active.visit.port();
    let socket = headers::wants_socket(request.method(), request.headers());
    let browser = socket.then(|| hyper::upgrade::on(&mut request));
    let progress = Progress::new();
    // Until the answer and all of the request went by: an application may answer before it has heard all.
    let turn = Arc::new(turn);
    let held = (progress.clone(), turn.clone());
    let outgoing = outgoing(request, (active, place), (ctx, socket), held).ok_or(Say::Refused)?;
    let mut response = tokio::select! {
        answered = active.client.request(outgoing) => answered.map_err(|error| why(active, &error))?,
        () = progress.stalled(THINKS) => return Err(Say::Late),
        () = active.over.cancelled() => return Err(Say::SignIn),
    };
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        // Nobody asked for it, or for another protocol.
        let fits = response.headers().get(http::header::UPGRADE);
        let fits = fits.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        let Some(browser) = browser.filter(|_| fits) else { return Err(Say::Broken) };
        let app = hyper::upgrade::on(&mut response);
        door.state.sockets.spawn(tunnel::carry((browser, app), active.over.clone(), turn));
        let mut switched = Response::new(Body::empty());
        *switched.status_mut() = status;
        *switched.headers_mut() = headers::outwards(status, std::mem::take(response.headers_mut()), place, port);
        return Ok(switched);
    }
    let (parts, body) = response.into_parts();
    let over = active.over.clone().cancelled_owned();
    let body = Passing::new(Body::new(body), Progress::new(), over, QUIET, turn);
    let mut answered = Response::new(Body::new(body));
    *answered.status_mut() = status;
    *answered.headers_mut() = headers::outwards(status, parts.headers, place, port);
    Ok(answered)
}

/// The request as the application gets it. Its path and query stay as they are; where it goes, the visit says.
fn outgoing(
    request: Request,
    (active, place): (&Active, &Place),
    (ctx, socket): (&OpContext, bool),
    (progress, turn): (Progress, Arc<Turn>),
) -> Option<http::Request<Body>> {
    let (parts, body) = request.into_parts();
    let port = active.visit.port();
    let way = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri = Uri::builder().scheme("http").authority(format!("localhost:{port}")).path_and_query(way).build().ok()?;
    let body = match socket {
        true => Body::empty(),
        false => {
            let over = active.over.clone().cancelled_owned();
            Body::new(Passing::new(body, progress, over, THINKS, turn))
        }
    };
    let mut outgoing = http::Request::new(body);
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = uri;
    *outgoing.version_mut() = Version::HTTP_11;
    *outgoing.headers_mut() = headers::inwards(parts.headers, place, (port, ctx.address()), socket);
    Some(outgoing)
}

/// What kept the answer away.
fn why(active: &Active, error: &hyper_util::client::legacy::Error) -> Say {
    tracing::debug!(?error, "an application was not reached");
    if active.over.is_cancelled() {
        return Say::SignIn;
    }
    if let Some(refused) = error.source().and_then(|cause| cause.downcast_ref::<platform::Error>()) {
        return match refused.code {
            ErrorCode::WrongState | ErrorCode::NotFound => Say::Stopped,
            _ => Say::Unreachable,
        };
    }
    match active.found.get() {
        Listening::Something => Say::Broken,
        Listening::Nothing => Say::Nothing,
        Listening::NoProgram => Say::NoProgram,
    }
}
