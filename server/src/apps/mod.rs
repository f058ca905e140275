//! The door to applications of instances: a listener of its own, at whose origins nothing of the portal is.
//!
//! Invariants: a request is for the link that its `Host` names and for no other; no cookie of the portal lets anybody in here, and
//! none is handed on; what is connected to is a port of the link's own instance, whatever a request says; nothing is gathered
//! whole, and everything ends within seconds with the right to it.

mod body;
mod cookies;
mod dial;
mod forward;
mod gate;
mod headers;
mod says;
mod tunnel;
mod visits;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use platform::instances::AppsAddress;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::visits::Visits;
use crate::AppState;
use crate::config::Config;

/// Where it listens, beside the portal, when nobody said otherwise.
pub const PORT: u16 = 3001;
/// Connections at once; what is beyond waits to be taken.
const MOST: usize = 4096;
/// How long a client may take for the head of a request, and say nothing between two.
const HEAD: Duration = Duration::from_secs(75);
/// Most bytes of a request's head.
const HEAD_BYTES: usize = 64 << 10;
/// What connections have to end in when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// The door.
pub(crate) struct Door {
    state: AppState,
    address: AppsAddress,
    visits: Visits,
}

/// Opens the listener, where the installation has a place for applications.
///
/// # Errors
/// The address cannot be listened on.
pub async fn listen(config: &Config) -> anyhow::Result<Option<(AppsAddress, TcpListener)>> {
    let Some(address) = config.apps.clone() else { return Ok(None) };
    let place = config.apps_listen.unwrap_or_else(|| SocketAddr::new(config.listen.ip(), PORT));
    let listener = TcpListener::bind(place).await;
    let listener =
        listener.with_context(|| format!("cannot listen on {place} (apps_listen), where applications are"))?;
    Ok(Some((address, listener)))
}

/// For the fuzz targets: see [`crate::fuzzing::app_cookies`].
pub(crate) fn cookies_of(headers: &HeaderMap, place: Option<u16>) -> (Option<HeaderValue>, Option<HeaderValue>) {
    let jar = cookies::Jar::at(place);
    let set = headers.get(http::header::COOKIE).and_then(|value| jar.set_by_app(value));
    (jar.handed_on(headers), set)
}

/// Serves applications until the server begins to stop.
pub async fn serve(state: AppState, address: AppsAddress, listener: TcpListener) {
    let stop = state.draining.clone();
    let door = Arc::new(Door { state, address, visits: Visits::default() });
    let places = Arc::new(Semaphore::new(MOST));
    let mut taken = None;
    loop {
        let place = match taken.take() {
            Some(place) => place,
            None => tokio::select! {
                () = stop.cancelled() => return,
                place = places.clone().acquire_owned() => match place { Ok(place) => place, Err(_) => return },
            },
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                door.state.sockets.spawn(connection(door.clone(), stream, peer, place));
            }
            Err(error) => {
                // Out of descriptors, most likely: others are closed meanwhile.
                tracing::warn!(%error, "a connection to an application was not taken");
                taken = Some(place);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(door: Arc<Door>, stream: TcpStream, peer: SocketAddr, _place: OwnedSemaphorePermit) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let stop = door.state.draining.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let door = door.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            Ok::<_, Infallible>(door.answer(request).await)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    tokio::select! {
        // A client that goes away, or speaks something else.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(DRAIN, connection).await;
}
