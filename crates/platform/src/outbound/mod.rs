//! Requests to addresses that people typed: guarded, so that nobody reaches through the server what they could not reach
//! themselves.
//!
//! Invariants: the name is looked up once, every address it has must be allowed, and the connection goes to those very
//! addresses (a second look-up could answer otherwise); no redirect is followed and no proxy asked; encrypted, except
//! within ranges that an admin named; bounded in time and in what is read of the answer.
//! What is the installation's own has rules of its own (`own`).

mod addresses;
pub(crate) mod fuzzing;
pub(crate) mod own;

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnetwork::IpNetwork;
use tokio::time::timeout;
use url::{Host, Url};

use addresses::Reach;
pub(crate) use addresses::{may_be_a_host, read_ranges, unwrapped};

/// For looking the name up, and for connecting.
const PATIENCE: Duration = Duration::from_secs(5);
/// For everything, from the first byte to the end of the answer.
const WHOLE: Duration = Duration::from_secs(10);
/// Most that is read of an answer, bytes; the rest is left.
const MAX_ANSWER: usize = 16 * 1024;
/// Longest address, bytes.
const MAX_URL: usize = 2048;
/// Longest text of another end that is kept, characters.
const MAX_DETAIL: usize = 200;

/// Where a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The channel is switched off, or nobody is there for it.
    Off,
    /// The name has no address.
    Name,
    /// The address is not public, and no admin opened its range.
    Forbidden,
    /// No admin can open it.
    Closed,
    /// Not encrypted.
    Plain,
    /// Nobody listens there.
    Connect,
    /// No encryption, or not with a certificate one can trust.
    Tls,
    /// No answer in time.
    Timeout,
    /// It is elsewhere now.
    Redirect,
    /// An answer that is no yes.
    Status,
    /// The robot's vendor says why not.
    Refused,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 11] = [
        Step::Off,
        Step::Name,
        Step::Forbidden,
        Step::Closed,
        Step::Plain,
        Step::Connect,
        Step::Tls,
        Step::Timeout,
        Step::Redirect,
        Step::Status,
        Step::Refused,
    ];

    /// Word on the wire; with `channel-test-` the key of what it means.
    pub fn code(self) -> &'static str {
        match self {
            Step::Off => "off",
            Step::Name => "name",
            Step::Forbidden => "forbidden",
            Step::Closed => "closed",
            Step::Plain => "plain",
            Step::Connect => "connect",
            Step::Tls => "tls",
            Step::Timeout => "timeout",
            Step::Redirect => "redirect",
            Step::Status => "status",
            Step::Refused => "refused",
        }
    }
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What the other end or the network said.
    pub detail: String,
}

impl Failure {
    pub(crate) fn new(step: Step, detail: impl ToString) -> Self {
        // Words of another's server: it is stored, and PostgreSQL takes no zero byte.
        let detail = detail.to_string().chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect();
        Self { step, status: None, detail }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.step.code(), self.detail)
    }
}

impl StdError for Failure {}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    /// Its beginning.
    pub body: Vec<u8>,
}

/// An address as somebody typed it; `None` for what cannot be one we would send to.
pub(crate) fn read_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "https" | "http") && url.has_host() && plain).then_some(url)
}

/// Posts JSON.
pub(crate) async fn post(
    named: &[IpNetwork],
    url: &Url,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<Answer, Failure> {
    let work = async {
        let client = client(named, url).await?;
        let mut request = client.post(url.clone()).header("content-type", "application/json; charset=utf-8");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut response = request.body(body).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - body.len())]);
            if body.len() == MAX_ANSWER {
                break;
            }
        }
        Ok(Answer { status, body })
    };
    let late = |_| Failure::new(Step::Timeout, format!("no answer within {} s", WHOLE.as_secs()));
    timeout(WHOLE, work).await.map_err(late)?
}

/// Whether an address is encrypted, or need not be, because all of it lies in private networks. What those allow is found
/// when something is sent.
pub(crate) async fn is_kept_private(url: &Url) -> bool {
    url.scheme() == "https"
        || look_up(url).await.is_ok_and(|found| {
            !found.is_empty() && found.iter().all(|address| addresses::reach(*address, &[]) != Reach::Public)
        })
}

/// Why nothing can ever be sent to an address that is written out, as a request would end: a name may mean another by then.
pub(crate) fn never_reached(url: &Url, named: &[IpNetwork]) -> Option<Step> {
    let address: IpAddr = match url.host()? {
        Host::Ipv4(address) => address.into(),
        Host::Ipv6(address) => address.into(),
        Host::Domain(_) => return None,
    };
    match addresses::reach(address, named) {
        Reach::Closed => Some(Step::Closed),
        Reach::Forbidden => Some(Step::Forbidden),
        Reach::Public | Reach::Named => None,
    }
}

/// Every address of the host.
async fn look_up(url: &Url) -> Result<Vec<IpAddr>, Failure> {
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(vec![address.into()]),
        Some(Host::Ipv6(address)) => Ok(vec![address.into()]),
        Some(Host::Domain(name)) => {
            let late = |_| Failure::new(Step::Name, "the name server does not answer");
            let found = timeout(PATIENCE, tokio::net::lookup_host((name, port_of(url)))).await.map_err(late)?;
            let found = found.map_err(|error| Failure::new(Step::Name, error))?;
            Ok(found.map(|place| place.ip()).collect())
        }
        None => Err(Failure::new(Step::Name, "no host")),
    }
}

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(443)
}

/// A client that knows one way only: to the addresses that were looked at.
async fn client(named: &[IpNetwork], url: &Url) -> Result<reqwest::Client, Failure> {
    let found = look_up(url).await?;
    let reaches: Vec<Reach> = found.iter().map(|address| addresses::reach(*address, named)).collect();
    if reaches.is_empty() {
        return Err(Failure::new(Step::Name, "the name has no address"));
    }
    // One public address does not make up for a private one: which of them is taken is not ours to say.
    if reaches.contains(&Reach::Closed) {
        return Err(Failure::new(Step::Closed, "not an address to send to"));
    }
    if reaches.contains(&Reach::Forbidden) {
        return Err(Failure::new(Step::Forbidden, "not a public address"));
    }
    if url.scheme() != "https" && reaches.contains(&Reach::Public) {
        return Err(Failure::new(Step::Plain, "https only"));
    }
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(PATIENCE)
        .timeout(WHOLE)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("RemoteGPU/", env!("CARGO_PKG_VERSION")));
    if let Some(name) = url.domain() {
        let places: Vec<SocketAddr> = found.into_iter().map(|address| SocketAddr::new(address, port_of(url))).collect();
        builder = builder.resolve_to_addrs(name, &places);
    }
    builder.build().map_err(|error| Failure::new(Step::Connect, error))
}

/// The host's own certificates, read once.
pub(crate) fn tls() -> Result<rustls::ClientConfig, Failure> {
    static TLS: OnceLock<rustls::ClientConfig> = OnceLock::new();
    if let Some(config) = TLS.get() {
        return Ok(config.clone());
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(Step::Tls, error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TLS.get_or_init(|| config).clone())
}

/// Whether it is, or is about, an error of the encryption: what wraps one does not name it as its source.
fn is_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || inner.is_some_and(|inner| is_of_tls(inner))
}

pub(crate) fn failed(error: reqwest::Error) -> Failure {
    // Its own words hold the address, which may be secret.
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    let tls = causes.iter().any(|cause| is_of_tls(*cause));
    let words = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    let step = match () {
        () if error.is_timeout() => Step::Timeout,
        () if tls => Step::Tls,
        () => Step::Connect,
    };
    Failure::new(step, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_be_something_else_are_none() {
        for good in ["https://example.org/hook?key=1", "http://10.0.0.1:8080/", "https://[::1]/x"] {
            assert!(read_url(good).is_some(), "{good}");
        }
        let long = format!("https://example.org/{}", "x".repeat(MAX_URL));
        for bad in
            ["", "example.org", "ftp://example.org/", "https://a:b@example.org/", "https://a@b/", "https://a/#b", &long]
        {
            assert!(read_url(bad).is_none(), "{bad}");
        }
    }

    #[tokio::test]
    async fn only_a_private_network_goes_without_encryption() {
        let mut kept = Vec::new();
        for url in
            ["https://8.8.8.8/", "http://10.0.0.1/", "http://localhost:1/", "http://8.8.8.8/", "http://[2606::1]/"]
        {
            kept.push(is_kept_private(&read_url(url).expect(url)).await);
        }
        assert_eq!(kept, [true, true, true, false, false]);
    }

    #[tokio::test]
    async fn every_way_of_writing_a_private_address_is_forbidden() {
        for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
            let url = read_url(&format!("http://{host}:1/")).expect(host);
            let failure = post(&[], &url, &[], Vec::new()).await.expect_err(host);
            assert_eq!(failure.step, Step::Forbidden, "{host}: {failure}");
        }
    }
}
