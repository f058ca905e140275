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
mod patient;
mod people;
mod says;
mod tunnel;
mod visits;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use platform::context::network_of;
use platform::instances::{AppName, AppsAddress};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::patient::Patient;
use self::people::People;
use self::visits::Visits;
use crate::AppState;
use crate::config::Config;

/// Where it listens, beside the portal, when nobody said otherwise.
pub const PORT: u16 = 3001;
/// Connections at once; what is beyond waits to be taken.
const MOST: usize = 4096;
/// Those of one client that comes without a proxy; what is beyond is closed at once.
const MOST_OF_CLIENT: usize = 512;
/// How long a client may take for the head of a request, and say nothing between two.
const HEAD: Duration = Duration::from_secs(75);
/// How long a client may leave unread what it asked for: a film that is paused is such a one.
const UNREAD: Duration = Duration::from_secs(600);
/// What connections have to end in when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// The door.
pub(crate) struct Door {
    state: AppState,
    address: AppsAddress,
    visits: Visits,
    people: People,
}

/// How many connections each client has.
type Clients = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A connection's place at the door; given back when it is dropped.
struct Seat {
    _of_all: OwnedSemaphorePermit,
    of_client: Option<(Clients, IpAddr)>,
}

impl Seat {
    /// None for a client that has as many as may be. Behind a proxy, clients are not told apart before they have asked.
    fn take(of_all: OwnedSemaphorePermit, clients: &Clients, (peer, proxies): (IpAddr, usize)) -> Option<Self> {
        if proxies > 0 {
            return Some(Self { _of_all: of_all, of_client: None });
        }
        let network = network_of(peer);
        let mut all = clients.lock().expect("nobody panics holding this lock");
        let count = all.entry(network).or_default();
        if *count >= MOST_OF_CLIENT {
            return None;
        }
        *count += 1;
        Some(Self { _of_all: of_all, of_client: Some((clients.clone(), network)) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((clients, network)) = &self.of_client else { return };
        let mut all = clients.lock().expect("nobody panics holding this lock");
        if let Some(count) = all.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                all.remove(network);
            }
        }
    }
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

/// For the fuzz targets: how a request for an application is read.
#[doc(hidden)]
pub struct AppHeads {
    /// For which link.
    pub name: AppName,
    pub origin: String,
    pub authority: String,
    pub is_ambiguous: bool,
    pub is_from_elsewhere: bool,
    pub wants_socket: bool,
    /// Its head as the application gets it.
    pub inwards: HeaderMap,
    /// The same fields as the browser gets them in an answer.
    pub outwards: HeaderMap,
}

/// For the fuzz targets: see [`crate::fuzzing::app_heads`].
pub(crate) fn heads_of(address: &AppsAddress, (method, uri, head): (&Method, &Uri, &HeaderMap)) -> Option<AppHeads> {
    let host = head.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = address.named_by(host)?;
    let place = headers::Place::new(address, &name)?;
    Some(AppHeads {
        is_ambiguous: headers::is_ambiguous(method, uri, head),
        is_from_elsewhere: headers::is_from_elsewhere(method, head, &place),
        wants_socket: headers::wants_socket(method, head),
        inwards: headers::inwards(head.clone(), &place, (8888, None), false),
        outwards: headers::outwards(StatusCode::OK, head.clone(), &place, 8888),
        origin: place.origin,
        authority: place.authority,
        name,
    })
}

/// For the fuzz targets: see [`crate::fuzzing::app_cookies`].
pub(crate) fn cookies_of(headers: &HeaderMap, place: Option<u16>) -> (Option<HeaderValue>, Vec<HeaderValue>) {
    let jar = cookies::Jar::at(place);
    let set = headers.get(http::header::COOKIE).map(|value| jar.set_by_app(value));
    (jar.handed_on(headers), set.unwrap_or_default())
}

/// Serves applications until the server begins to stop.
pub async fn serve(state: AppState, address: AppsAddress, listener: TcpListener) {
    let stop = state.draining.clone();
    let door = Arc::new(Door { state, address, visits: Visits::default(), people: People::default() });
    let (clients, proxies) = (Clients::default(), door.state.config.trusted_proxies);
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
                if let Some(seat) = Seat::take(place, &clients, (peer.ip(), proxies)) {
                    door.state.sockets.spawn(connection(door.clone(), stream, peer, seat));
                }
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

async fn connection(door: Arc<Door>, stream: TcpStream, peer: SocketAddr, _seat: Seat) {
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
    // What is a little too long is answered here, where it is known what it asks for.
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(2 * headers::HEAD_BYTES);
    let stream = TokioIo::new(Patient::new(stream, UNREAD));
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service).with_upgrades());
    tokio::select! {
        // A client that goes away, or speaks something else.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(DRAIN, connection).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_client_takes_no_more_than_its_part() {
        let (clients, all) = (Clients::default(), Arc::new(Semaphore::new(MOST)));
        let come = |text: &str, proxies| {
            let of_all = all.clone().try_acquire_owned().expect("there is room");
            Seat::take(of_all, &clients, (text.parse().unwrap(), proxies))
        };
        let mut there: Vec<_> = (0..MOST_OF_CLIENT).map(|_| come("198.51.100.7", 0).expect("its part")).collect();
        assert!(come("198.51.100.7", 0).is_none() && come("198.51.100.8", 0).is_some());
        assert!(come("198.51.100.7", 1).is_some(), "a proxy is everybody");
        there.pop();
        assert!(come("198.51.100.7", 0).is_some());
        // Whoever has a line has all of its addresses.
        let line: Vec<_> = (0..MOST_OF_CLIENT).map(|n| come(&format!("2001:db8::{n:x}"), 0)).collect();
        assert!(line.iter().all(Option::is_some) && come("2001:db8::ffff:1", 0).is_none());
        drop((there, line));
        assert!(clients.lock().unwrap().is_empty() && all.available_permits() == MOST);
    }
}
