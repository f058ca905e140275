//! Requests to what is the installation's own, such as a registry of images: whoever sets the installation up says where it is,
//! and it is in a private network as often as not.
//!
//! What `outbound` promises holds, but for private networks, which are open without being named. Where clouds give out
//! credentials, and what is link-local, multicast or nobody's, stays closed. Without TLS only private networks are asked.

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Method, RequestBuilder, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::addresses::{may_be_a_host, may_be_a_private_host};
use super::{Failure, PATIENCE, Step};

/// Longest time between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(60);

/// What asks one service.
#[derive(Clone)]
pub(crate) struct Own {
    client: reqwest::Client,
    /// Over HTTP alone.
    plain: bool,
}

impl Own {
    /// With a CA as PEM, nobody else's word counts; without one, whom this machine trusts.
    ///
    /// # Errors
    /// The certificates do not read.
    pub(crate) fn new(ca: Option<&str>, plain: bool) -> Result<Self, Failure> {
        Self::build(ca, plain, |client| client.read_timeout(SILENCE))
    }

    /// The same for what is sent for hours: whoever sends it sees whether it goes on.
    ///
    /// # Errors
    /// As [`Own::new`]'s.
    pub(crate) fn patient(ca: Option<&str>, plain: bool) -> Result<Self, Failure> {
        Self::build(ca, plain, |client| client)
    }

    fn build(
        ca: Option<&str>,
        plain: bool,
        bounded: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(trusting(ca)?)
            .dns_resolver(Arc::new(Checked { private: plain }))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(PATIENCE)
            .user_agent(concat!("RemoteGPU/", env!("CARGO_PKG_VERSION")));
        let client = bounded(client).build().map_err(|error| Failure::new(Step::Connect, error))?;
        Ok(Self { client, plain })
    }

    /// A request, to an address that may be asked.
    ///
    /// # Errors
    /// It may not.
    pub(crate) fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Failure> {
        let allowed = allowed(self.plain);
        let written: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(Failure::new(Step::Name, "no host")),
        };
        if written.is_some_and(|address| !allowed(address)) {
            return Err(Failure::new(Step::Forbidden, "not an address that may be asked"));
        }
        match (url.scheme(), self.plain) {
            ("https", _) | ("http", true) => Ok(self.client.request(method, url)),
            _ => Err(Failure::new(Step::Plain, "https only")),
        }
    }
}

/// Sends it, and says what went wrong on the way.
///
/// # Errors
/// Nobody was reached, or nobody who can be trusted.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    request.send().await.map_err(failed)
}

/// The beginning of an answer, no longer than this.
///
/// # Errors
/// It breaks off.
pub(crate) async fn beginning(response: &mut Response, most: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
        if body.len() == most {
            break;
        }
    }
    Ok(body)
}

/// Certificates of a PEM text; `None` when there are none or one does not read.
pub(crate) fn read_certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.ok().filter(|found| !found.is_empty())?;
    let mut store = RootCertStore::empty();
    found.iter().all(|certificate| store.add(certificate.clone()).is_ok()).then_some(found)
}

fn trusting(ca: Option<&str>) -> Result<ClientConfig, Failure> {
    let Some(pem) = ca else { return super::tls() };
    let entered = read_certificates(pem).ok_or_else(|| Failure::new(Step::Tls, "the certificates do not read"))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(entered);
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let config = config.map_err(|error| Failure::new(Step::Tls, error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn allowed(private: bool) -> fn(IpAddr) -> bool {
    if private { may_be_a_private_host } else { may_be_a_host }
}

/// Looked up once for each connection; what is connected to is what was looked at.
struct Checked {
    private: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = allowed(self.private);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| boxed(Failure::new(Step::Name, error)))?;
            let kept: Vec<SocketAddr> = found.filter(|address| allowed(address.ip())).collect();
            if kept.is_empty() {
                return Err(boxed(Failure::new(Step::Forbidden, "no address of this name may be asked")));
            }
            let addresses: Addrs = Box::new(kept.into_iter());
            Ok(addresses)
        })
    }
}

fn boxed(failure: Failure) -> Box<dyn StdError + Send + Sync> {
    failure.into()
}

fn failed(error: reqwest::Error) -> Failure {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.clone();
        }
        next = cause.source();
    }
    super::failed(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_asked_is_asked() {
        let asks = |plain: bool, url: &str| {
            let own = Own::new(None, plain).expect("a client can be made");
            own.request(Method::GET, Url::parse(url).expect("an address")).err().map(|failure| failure.step)
        };
        for good in ["https://registry.example.org/v2/", "https://10.0.0.7:5000/", "https://127.0.0.1/"] {
            assert_eq!(asks(false, good), None, "{good}");
        }
        assert_eq!(asks(false, "http://10.0.0.7/"), Some(Step::Plain));
        assert_eq!(asks(true, "http://10.0.0.7:5000/"), None);
        assert_eq!(asks(true, "http://8.8.8.8/"), Some(Step::Forbidden), "not without TLS");
        assert_eq!(asks(true, "ftp://10.0.0.7/"), Some(Step::Plain));
        for closed in ["https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://100.100.100.200/"] {
            assert_eq!(asks(false, closed), Some(Step::Forbidden), "{closed}");
            assert_eq!(asks(true, closed), Some(Step::Forbidden), "{closed}");
        }
        assert!(Own::new(Some("no certificate"), false).is_err());
    }

    #[tokio::test]
    async fn a_name_of_this_host_may_be_asked() {
        let own = Own::new(None, true).expect("a client can be made");
        let url = Url::parse("http://localhost:1/v2/").expect("an address");
        let failure = send(own.request(Method::GET, url).expect("it may be asked")).await.expect_err("nobody listens");
        assert_eq!(failure.step, Step::Connect, "{failure}");
    }
}
