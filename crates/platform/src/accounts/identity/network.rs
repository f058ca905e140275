//! How providers are reached: which addresses may be asked at all.
//!
//! Whoever sets providers could otherwise have this server ask what only it can reach, such as a cloud's metadata. Private
//! networks are fine, because that is where an installation's own directory is; link-local, multicast and unspecified
//! addresses are not. What was checked is what is connected to, so that a name cannot change in between.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::certificates::{fault_key, tls};
use crate::outbound;

/// Longest wait for a connection, and for one answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer of a sign-in service that is read, bytes.
const MAX_ANSWER: usize = 512 * 1024;

/// Whether this address may be asked.
fn is_allowed(address: IpAddr) -> bool {
    /// Where a cloud keeps what its machines may know, beside the link-local one.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match outbound::unwrapped(address) {
        IpAddr::V4(v4) => !(v4.is_link_local() || v4.is_multicast() || v4.is_unspecified() || v4.is_broadcast()),
        IpAddr::V6(v6) => !(v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified() || v6 == METADATA),
    }
}

/// The addresses of a host that may be asked.
pub(super) async fn addresses(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await?.collect();
    let kept: Vec<_> = found.into_iter().filter(|address| is_allowed(address.ip())).collect();
    match kept.is_empty() {
        true => Err(std::io::Error::other("no address of this name may be asked")),
        false => Ok(kept),
    }
}

struct Checked;

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let kept = addresses(name.as_str(), 0).await;
            let kept: Result<Addrs, Box<dyn std::error::Error + Send + Sync>> = match kept {
                Ok(kept) => Ok(Box::new(kept.into_iter())),
                Err(error) => Err(error.into()),
            };
            kept
        })
    }
}

/// Whether a sign-in service may be at this address: https, or http on this very machine; no names and passwords in it.
pub(super) fn is_service_address(url: &Url) -> bool {
    let (loopback, allowed) = match url.host() {
        Some(Host::Domain(name)) => (name == "localhost", true),
        Some(Host::Ipv4(v4)) => (v4.is_loopback(), is_allowed(v4.into())),
        Some(Host::Ipv6(v6)) => (v6.is_loopback(), is_allowed(v6.into())),
        None => (false, false),
    };
    let secret = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    allowed && secret && url.username().is_empty() && url.password().is_none()
}

/// What asks sign-in services: no redirects, no proxy, no cookies, and only addresses that may be asked.
#[derive(Clone)]
pub(super) struct Http(reqwest::Client);

/// Why a service was not heard.
#[derive(Debug)]
pub(super) struct HttpFault {
    pub text: String,
    /// Of a text that says what to do, where the line could not be encrypted.
    pub key: Option<&'static str>,
    /// Of an answer that says nothing but that the service has a fault of its own.
    pub status: Option<u16>,
    /// The address itself is one that is never asked.
    pub barred: bool,
}

impl HttpFault {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), key: None, status: None, barred: false }
    }

    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { text: in_full(error), key: fault_key(error), status: None, barred: false }
    }
}

impl std::fmt::Display for HttpFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for HttpFault {}

impl Http {
    pub(super) fn new(more_certificates: Option<&str>) -> Result<Self, HttpFault> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(more_certificates).map_err(HttpFault::new)?)
            .dns_resolver(Arc::new(Checked))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(PATIENCE)
            .timeout(2 * PATIENCE);
        client.build().map(Self).map_err(|error| HttpFault::of(&error))
    }

    /// One request, as the protocol's library makes it.
    async fn ask(&self, request: openidconnect::HttpRequest) -> Result<openidconnect::HttpResponse, HttpFault> {
        let request = reqwest::Request::try_from(request).map_err(|error| HttpFault::of(&error))?;
        if !is_service_address(request.url()) {
            let fault = HttpFault::new(format!("{} is no address that may be asked", request.url()));
            return Err(HttpFault { barred: true, ..fault });
        }
        let changes = *request.method() == reqwest::Method::POST;
        let mut response = self.0.execute(request).await.map_err(|error| HttpFault::of(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| HttpFault::of(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(HttpFault::new("the answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        // A service that is broken answers with a page, or with nothing, and the library would only say that it is no JSON.
        if changes && status.is_server_error() && serde_json::from_slice::<serde_json::Value>(&body).is_err() {
            let fault = HttpFault::new(format!("it answered {status}"));
            return Err(HttpFault { status: Some(status.as_u16()), ..fault });
        }
        let mut answer = openidconnect::HttpResponse::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

/// A named future: over a closure that borrows, the compiler does not see that the library's may change threads.
impl<'c> openidconnect::AsyncHttpClient<'c> for Http {
    type Error = HttpFault;
    type Future = BoxFuture<'c, Result<openidconnect::HttpResponse, HttpFault>>;

    fn call(&'c self, request: openidconnect::HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// An error with its causes: the outermost often says nothing.
pub(super) fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_asked_over_tls_and_never_at_forbidden_addresses() {
        let fine = |text: &str| is_service_address(&Url::parse(text).expect("an address"));
        for good in ["https://sso.example.org/realms/lab", "https://10.0.0.7", "http://127.0.0.1:8080", "http://[::1]/"]
        {
            assert!(fine(good), "{good}");
        }
        for bad in [
            "http://sso.example.org",
            "https://169.254.169.254/latest",
            "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[fd00:ec2::254]/",
            "https://0.0.0.0/",
            "https://user:secret@sso.example.org",
            "ftp://127.0.0.1/",
        ] {
            assert!(!fine(bad), "{bad}");
        }
    }
}
