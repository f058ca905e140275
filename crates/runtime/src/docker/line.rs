//! The way to an engine: one stream of bytes per connection, however it comes about.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use super::{Allowed, CONNECT, Endpoint, Fault, FaultKind, Identity, certificates};

/// Bytes to and from an engine.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A connection that is being made.
pub type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Bytes>, Fault>> + Send>>;

/// Who makes connections to one engine. Each is an engine's alone, and bounded in time by who makes it.
pub trait Way: std::fmt::Debug + Send + Sync {
    /// A new connection.
    fn open(&self) -> Opening;
}

/// A connection.
pub(super) struct Line {
    bytes: Box<dyn Bytes>,
    /// What may still be read; `None` without a bound.
    left: Option<u64>,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == Some(0) {
            let fault = Fault::new(FaultKind::NotEngine, "the answer is too large");
            return Poll::Ready(Err(io::Error::other(fault)));
        }
        let before = buf.filled().len();
        let done = Pin::new(&mut self.bytes).poll_read(cx, buf);
        let read = u64::try_from(buf.filled().len() - before).unwrap_or(u64::MAX);
        self.left = self.left.map(|left| left.saturating_sub(read));
        done
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(cx)
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// What a connection is made with; one per client.
#[derive(Clone)]
pub(super) struct Connector {
    endpoint: Endpoint,
    allowed: Allowed,
    limit: Option<u64>,
    /// Until when the engine's own certificate is valid, as it showed it last.
    shown: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl Connector {
    pub(super) fn new(endpoint: &Endpoint, allowed: Allowed, limit: Option<u64>) -> Self {
        Self { endpoint: endpoint.clone(), allowed, limit, shown: Arc::default() }
    }

    /// See [`Connector::shown`].
    pub(super) fn certificate_expires_at(&self) -> Option<DateTime<Utc>> {
        self.shown.lock().map_or(None, |shown| *shown)
    }

    /// Connects; TLS is done when it returns.
    pub(super) async fn connect(&self) -> Result<Line, Fault> {
        let late = |_| Fault::new(FaultKind::Timeout, format!("no connection within {} s", CONNECT.as_secs()));
        let bytes: Box<dyn Bytes> = match &self.endpoint {
            Endpoint::Local { socket } => {
                let stream = timeout(CONNECT, UnixStream::connect(socket)).await.map_err(late)?;
                Box::new(stream.map_err(|error| Fault::of_connect(&error))?)
            }
            Endpoint::Tcp { host, port, identity } => {
                let addresses = self.addresses(host, *port).await?;
                Box::new(timeout(CONNECT, secure(host, &addresses, identity, &self.shown)).await.map_err(late)??)
            }
            Endpoint::Given(way) => way.open().await?,
        };
        Ok(Line { bytes, left: self.limit })
    }

    /// Looked up once; what is connected to is what was looked at.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
        let late = |_| Fault::new(FaultKind::Name, "the name server does not answer");
        let found = timeout(CONNECT, lookup_host((host, port))).await.map_err(late)?;
        let found: Vec<_> = found.map_err(|error| Fault::new(FaultKind::Name, error))?.collect();
        let kept: Vec<_> = found.iter().copied().filter(|address| (self.allowed)(address.ip())).collect();
        match (found.first(), kept.is_empty()) {
            (None, _) => Err(Fault::new(FaultKind::Name, "the name has no address")),
            (Some(closed), true) => Err(Fault::new(FaultKind::Forbidden, closed.ip())),
            (Some(_), false) => Ok(kept),
        }
    }
}

async fn secure(
    host: &str,
    addresses: &[SocketAddr],
    identity: &Identity,
    shown: &Mutex<Option<DateTime<Utc>>>,
) -> Result<impl Bytes + 'static, Fault> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Fault::new(FaultKind::Name, error))?;
    let stream = TcpStream::connect(addresses).await.map_err(|error| Fault::of_connect(&error))?;
    // An engine's answers are often small, and waited for.
    stream.set_nodelay(true).map_err(|error| Fault::of_connect(&error))?;
    let secured = tokio_rustls::TlsConnector::from(identity.config()).connect(name, stream).await;
    let secured = secured.map_err(|error| Fault::of_chain(&error).unwrap_or_else(|| Fault::of_connect(&error)))?;
    let first = secured.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    if let Ok(mut shown) = shown.lock() {
        *shown = first.and_then(certificates::end_of);
    }
    Ok(secured)
}

impl tower_service::Service<http::Uri> for Connector {
    type Response = TokioIo<Line>;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Fault>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    /// The address in the request says nothing: a client knows one engine.
    fn call(&mut self, _uri: http::Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect().await.map(TokioIo::new) })
    }
}

/// Requests over connections of this kind.
pub(super) fn client<B>(connector: Connector) -> Client<Connector, B>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(4).build(connector)
}

/// A client over connections of this kind; `answer` is for the beginning of each answer.
pub(super) fn over(connector: Connector, answer: Duration) -> Result<bollard::Docker, Fault> {
    over_with(connector, answer, None)
}

/// The same with a header for the engine in every request.
pub(super) fn over_with(
    connector: Connector,
    answer: Duration,
    header: Option<(HeaderName, HeaderValue)>,
) -> Result<bollard::Docker, Fault> {
    let client = client(connector);
    let transport = move |mut request: bollard::BollardRequest| {
        if let Some((name, value)) = &header {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let client = client.clone();
        async move { client.request(request).await.map_err(bollard::errors::Error::from) }
    };
    // A name for the `Host` header; where it leads, the connector knows.
    let made = bollard::Docker::connect_with_custom_transport(
        transport,
        Some("http://engine"),
        answer.as_secs(),
        bollard::API_DEFAULT_VERSION,
    );
    made.map_err(|error| Fault::new(FaultKind::Other, error))
}
