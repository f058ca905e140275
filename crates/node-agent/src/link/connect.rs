//! Opening the WebSocket: TLS, headers, and what a refusal means.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use node_protocol::limits::{MAX_FRAME_BYTES, MAX_TUNNEL_MESSAGE_BYTES};
use node_protocol::{HOST_NAME_HEADER, JOIN_TOKEN_HEADER, PATH, TUNNEL_PATH, TUNNEL_TICKET_HEADER};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, handshake::client::Request};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// An open link.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no link.
#[derive(Debug)]
pub enum Refusal {
    /// The server answered the upgrade with something else.
    Status(StatusCode),
    /// No answer that is HTTP.
    Failed(String),
}

/// Where to connect to and how; built once.
#[derive(Clone)]
pub struct Target {
    url: Url,
    connector: Connector,
}

impl Target {
    /// For `url` (`ws` or `wss`), trusting the system's roots and those in `ca`.
    ///
    /// # Errors
    /// When `ca` holds no certificate, or there is nothing to trust.
    pub fn new(url: Url, ca: Option<&Path>) -> Result<Self> {
        let connector = if url.scheme() == "wss" { tls(ca)? } else { Connector::Plain };
        Ok(Self { url, connector })
    }

    /// Connects and upgrades. `token` and `host_name` go along on first contact.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing in it is secret.
    pub async fn open(&self, key: &str, token: Option<&str>, host_name: &str) -> Result<Socket, Refusal> {
        let mut more = Vec::new();
        if let Some(token) = token {
            more.extend([(JOIN_TOKEN_HEADER, token), (HOST_NAME_HEADER, host_name)]);
        }
        self.upgrade(key, &more, MAX_FRAME_BYTES).await
    }

    /// Where tunnels are dialed: beside the link.
    pub fn of_tunnels(&self) -> Self {
        let mut url = self.url.clone();
        let base = url.path().strip_suffix(PATH).unwrap_or_default();
        url.set_path(&format!("{base}{TUNNEL_PATH}"));
        Self { url, connector: self.connector.clone() }
    }

    /// Connects and upgrades with a tunnel's ticket.
    ///
    /// # Errors
    /// As [`Target::open`].
    pub async fn open_tunnel(&self, key: &str, ticket: &str) -> Result<Socket, Refusal> {
        self.upgrade(key, &[(TUNNEL_TICKET_HEADER, ticket)], MAX_TUNNEL_MESSAGE_BYTES).await
    }

    async fn upgrade(&self, key: &str, more: &[(&'static str, &str)], most: usize) -> Result<Socket, Refusal> {
        let request = self.request(key, more).map_err(|error| Refusal::Failed(format!("{error:#}")))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(8 << 10)
            .write_buffer_size(8 << 10)
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        let connecting = connect_async_tls_with_config(request, Some(config), true, Some(self.connector.clone()));
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(tungstenite::Error::Http(answer))) => Err(Refusal::Status(answer.status())),
            Ok(Err(error)) => Err(Refusal::Failed(error.to_string())),
            Err(_) => Err(Refusal::Failed(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()))),
        }
    }

    fn request(&self, key: &str, more: &[(&'static str, &str)]) -> Result<Request> {
        let mut request = self.url.as_str().into_client_request().context("the server's address")?;
        let secret = |text: &str| -> Result<HeaderValue> {
            let mut value = HeaderValue::from_str(text).context("a secret with characters HTTP does not allow")?;
            value.set_sensitive(true);
            Ok(value)
        };
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"))?);
        for (name, value) in more {
            headers.insert(*name, secret(value)?);
        }
        Ok(request)
    }
}

fn tls(ca: Option<&Path>) -> Result<Connector> {
    // Fails only when a provider was chosen before, which is then as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = rustls::RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!("system certificates: {error}");
    }
    roots.add_parsable_certificates(system.certs);
    if let Some(file) = ca {
        let certificates = CertificateDer::pem_file_iter(file).with_context(|| format!("read {}", file.display()))?;
        let before = roots.len();
        for certificate in certificates {
            roots.add(certificate.with_context(|| format!("{}", file.display()))?)?;
        }
        if roots.len() == before {
            bail!("{}: no certificate in it", file.display());
        }
    }
    if roots.is_empty() {
        bail!("no root certificates on this system: install ca-certificates or give --ca");
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}
