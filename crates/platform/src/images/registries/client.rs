//! A registry as it is asked: the HTTP API V2 of distribution, with basic authentication or by a token
//! (<https://distribution.github.io/distribution/spec/auth/token/>).

use std::time::Duration;

use contract::registries::RegistryFault;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::check::DOCKER;
use crate::outbound::own::{Own, beginning, send};
use crate::outbound::{Failure, Step};

/// For all of a test.
const WHOLE: Duration = Duration::from_secs(20);
/// Most that is read of an answer, bytes: tokens are some thousand.
const MAX_ANSWER: usize = 64 * 1024;
/// Where Docker's own answers.
const DOCKER_HOST: &str = "registry-1.docker.io";
/// By this header registries say which API is theirs.
const VERSION: &str = "docker-distribution-api-version";

/// Why a registry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub fault: RegistryFault,
    /// What the other end or the network said.
    pub detail: String,
}

impl Trouble {
    pub(super) fn new(fault: RegistryFault, detail: impl ToString) -> Self {
        // Cut, and without what cannot be stored.
        Self { fault, detail: Failure::new(Step::Status, detail).detail }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let fault = match failure.step {
            Step::Name => RegistryFault::Name,
            Step::Forbidden | Step::Closed | Step::Plain => RegistryFault::Forbidden,
            Step::Connect => RegistryFault::Connect,
            Step::Tls => RegistryFault::Tls,
            Step::Timeout => RegistryFault::Timeout,
            Step::Off | Step::Redirect | Step::Status | Step::Refused => RegistryFault::Other,
        };
        Self { fault, detail: failure.detail }
    }
}

/// A registry, and who one is to it.
pub(super) struct Registry {
    own: Own,
    address: String,
    base: Url,
    login: Option<(String, String)>,
}

impl Registry {
    pub(super) fn new(
        address: &str,
        plain: bool,
        ca: Option<&str>,
        login: Option<(String, String)>,
    ) -> Result<Self, Trouble> {
        Self::with(Own::new(ca, plain)?, address, plain, login)
    }

    /// For what is sent for hours.
    pub(super) fn patient(
        address: &str,
        plain: bool,
        ca: Option<&str>,
        login: Option<(String, String)>,
    ) -> Result<Self, Trouble> {
        Self::with(Own::patient(ca, plain)?, address, plain, login)
    }

    fn with(own: Own, address: &str, plain: bool, login: Option<(String, String)>) -> Result<Self, Trouble> {
        let base = base(address, plain).ok_or_else(|| Trouble::new(RegistryFault::Name, "no address"))?;
        Ok(Self { own, address: address.to_owned(), base, login })
    }

    /// As addresses of its images begin.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Below where its API begins.
    pub(super) fn url(&self, path: &str) -> Result<Url, Trouble> {
        self.base.join(path).map_err(|error| Trouble::new(RegistryFault::Other, error))
    }

    pub(super) fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Trouble> {
        Ok(self.own.request(method, url)?)
    }

    /// Asks for nothing but who it is, and whether it takes us for who we say that we are.
    pub(super) async fn probe(&self) -> Result<(), Trouble> {
        let late = |_| Trouble::new(RegistryFault::Timeout, format!("no answer within {} s", WHOLE.as_secs()));
        timeout(WHOLE, self.asked()).await.map_err(late)?
    }

    async fn asked(&self) -> Result<(), Trouble> {
        let first = self.get(None).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return judged(first).await;
        }
        let challenge = Challenge::of(first.headers());
        let challenge =
            challenge.ok_or_else(|| Trouble::new(RegistryFault::NotRegistry, "it does not say how to sign in"))?;
        let authorization = self.authorization(&challenge).await?;
        judged(self.get(Some(authorization)).await?).await
    }

    async fn get(&self, authorization: Option<HeaderValue>) -> Result<Response, Trouble> {
        let mut request = self.own.request(Method::GET, self.base.clone())?;
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        Ok(send(request).await?)
    }

    /// What is said with the next request.
    pub(super) async fn authorization(&self, challenge: &Challenge) -> Result<HeaderValue, Trouble> {
        let text = match challenge {
            Challenge::Basic => {
                let (name, password) = self
                    .login
                    .as_ref()
                    .ok_or_else(|| Trouble::new(RegistryFault::Credentials, "it wants a name and a password"))?;
                basic(name, password)
            }
            Challenge::Bearer { realm, service, scope } => {
                let asked = [("service", service.as_deref()), ("scope", scope.as_deref())];
                let late = |_| Trouble::new(RegistryFault::Timeout, "no token came in time");
                let token = timeout(WHOLE, self.token(realm, asked)).await.map_err(late)??;
                format!("Bearer {token}")
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Trouble::new(RegistryFault::Credentials, "what it gave for a token is none"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Of the service that the registry names.
    async fn token(&self, realm: &str, asked: [(&str, Option<&str>); 2]) -> Result<String, Trouble> {
        #[derive(Deserialize)]
        struct Given {
            token: Option<String>,
            access_token: Option<String>,
        }
        let strange = || Trouble::new(RegistryFault::NotRegistry, "the service that gives its tokens has no address");
        let mut url = Url::parse(realm).map_err(|_| strange())?;
        for (name, value) in asked.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut request = self.own.request(Method::GET, url)?;
        if let Some((name, password)) = &self.login {
            let mut value = HeaderValue::from_str(&basic(name, password)).map_err(|_| strange())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = send(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                return Err(said(RegistryFault::Credentials, response).await);
            }
            _ => return Err(said(RegistryFault::Other, response).await),
        }
        let body = beginning(&mut response, MAX_ANSWER).await?;
        let given: Option<Given> = serde_json::from_slice(&body).ok();
        let token = given.and_then(|given| given.token.or(given.access_token)).filter(|token| !token.is_empty());
        token.ok_or_else(|| Trouble::new(RegistryFault::NotRegistry, "no token came"))
    }
}

fn basic(name: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}")))
}

/// Where its API begins.
fn base(address: &str, plain: bool) -> Option<Url> {
    let host = if address == DOCKER { DOCKER_HOST } else { address };
    Url::parse(&format!("{}://{host}/v2/", if plain { "http" } else { "https" })).ok()
}

/// Why an address that is written out can never be asked.
pub(super) fn refusal(address: &str, plain: bool) -> Option<Step> {
    let url = base(address, plain)?;
    let own = Own::new(None, plain).ok()?;
    own.request(Method::GET, url).err().map(|failure| failure.step)
}

/// What an answer to the first question means.
async fn judged(mut response: Response) -> Result<(), Trouble> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(said(RegistryFault::Credentials, response).await),
        StatusCode::FORBIDDEN => return Err(said(RegistryFault::Denied, response).await),
        status if status.is_server_error() => return Err(said(RegistryFault::Other, response).await),
        status => return Err(Trouble::new(RegistryFault::NotRegistry, status)),
    }
    let says = response.headers().get(VERSION).is_some_and(|value| value.as_bytes().starts_with(b"registry/2"));
    let body = beginning(&mut response, MAX_ANSWER).await?;
    let is_object = || serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body).is_ok();
    match says || is_object() {
        true => Ok(()),
        false => Err(Trouble::new(RegistryFault::NotRegistry, "the answer is none of a registry")),
    }
}

/// With the words of the other end.
pub(super) async fn said(fault: RegistryFault, mut response: Response) -> Trouble {
    let status = response.status();
    let body = timeout(WHOLE, beginning(&mut response, MAX_ANSWER)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    Trouble::new(fault, format!("{status} {}", String::from_utf8_lossy(&body)))
}

/// How a registry wants to be told who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// By a token of this service, for this.
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// The first that we know.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| Self::read(value.to_str().ok()?))
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        let named =
            |name: &str| parameters(rest).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        let realm = is_bearer.then(|| named("realm")).flatten()?;
        Some(Self::Bearer { realm, service: named("service"), scope: named("scope") })
    }
}

/// See [`Challenge`].
pub(super) fn realm_of(challenge: &str) -> Option<String> {
    match Challenge::read(challenge)? {
        Challenge::Bearer { realm, .. } => Some(realm),
        Challenge::Basic => None,
    }
}

/// `name="value"`, parted by commas; in a value may be commas.
fn parameters(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.trim_start_matches([',', ' ']).split_once('=')?;
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        rest = left;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_wants_is_read() {
        let bearer = |realm: &str, service: &str, scope: Option<&str>| {
            let (service, scope) = (Some(service.to_owned()), scope.map(str::to_owned));
            Some(Challenge::Bearer { realm: realm.to_owned(), service, scope })
        };
        for (text, expected) in [
            ("Basic realm=\"Registry Realm\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.example.org/token\",service=\"registry, ours\",scope=\"a:b:pull,push\"",
                bearer("https://auth.example.org/token", "registry, ours", Some("a:b:pull,push")),
            ),
            ("bearer realm=https://a.example/t, service=x", bearer("https://a.example/t", "x", None)),
            ("Bearer service=\"x\"", None),
            ("Bearer realm=\"unfinished", None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::read(text), expected, "{text}");
        }
    }

    #[test]
    fn docker_answers_elsewhere() {
        let base = |address, plain| base(address, plain).map(String::from);
        assert_eq!(base("docker.io", false).as_deref(), Some("https://registry-1.docker.io/v2/"));
        assert_eq!(base("10.0.0.7:5000", true).as_deref(), Some("http://10.0.0.7:5000/v2/"));
        assert_eq!(refusal("169.254.169.254", false), Some(Step::Forbidden));
        assert_eq!(refusal("registry.example.org", false), None);
    }
}
