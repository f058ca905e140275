//! Requests to an engine, and its answers as bytes.
//!
//! bollard has the words of a request; what comes back is read here. Its own readers gather a line or a piece of a log whole,
//! however long the engine says that it is, and refuse what a newer engine says in a new word. Here an answer has a size, a
//! time, and is understood by types that take what they need and nothing else (`raw`).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::header::{CONNECTION, CONTENT_TYPE, DATE, HeaderValue, UPGRADE};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::client::legacy::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::docker::line::{self, Connector};
use crate::docker::probe::api_numbers;
use crate::docker::{Allowed, Endpoint, Fault, FaultKind, MIN_API};

/// The newest API whose answers are known.
const MAX_API: (u32, u32) = (1, 47);
/// Most of an answer, bytes: a list of some thousand containers with their labels.
const MAX_ANSWER: usize = 16 << 20;
/// For questions that an engine answers from memory.
pub(super) const QUICK: Duration = Duration::from_secs(20);

/// An engine, and the API that both sides know.
pub(super) struct Wire {
    client: Client<Connector, Full<Bytes>>,
    api: OnceCell<(u32, u32)>,
}

/// A request. Path and values hold nothing that was not checked or encoded.
pub(super) struct Ask {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    /// With what it is.
    body: Option<(&'static str, Vec<u8>)>,
    /// For the connection itself, with bytes both ways from then on.
    upgrade: bool,
}

impl Ask {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, upgrade: false }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(super) fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    pub(super) fn json(mut self, body: &impl serde::Serialize) -> Self {
        self.body = serde_json::to_vec(body).ok().map(|body| ("application/json", body));
        self
    }

    pub(super) fn archive(mut self, files: Vec<u8>) -> Self {
        self.body = Some(("application/x-tar", files));
        self
    }
}

/// What came back, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    body: Bytes,
}

impl Answer {
    /// # Errors
    /// It is not what it should be.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        json(&self.body)
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.body.clone()
    }

    /// What the engine says of an error.
    pub(super) fn words(&self) -> String {
        #[derive(Deserialize)]
        struct Message {
            message: String,
        }
        let said = serde_json::from_slice::<Message>(&self.body).map(|it| it.message);
        said.unwrap_or_else(|_| String::from_utf8_lossy(&self.body[..self.body.len().min(1000)]).into_owned())
    }
}

/// Bytes that come as the engine has something to say.
pub(super) type Flow = BoxStream<'static, Result<Bytes, Fault>>;

/// # Errors
/// It is not what it should be.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::new(FaultKind::NotEngine, error))
}

impl Wire {
    pub(super) fn new(endpoint: &Endpoint, allowed: Allowed) -> Self {
        Self { client: line::client(Connector::new(endpoint, allowed, None)), api: OnceCell::new() }
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// The engine was not reached, or did not answer in time. What it refuses is an answer.
    pub(super) async fn ask(&self, ask: Ask, limit: Duration) -> Result<Answer, Fault> {
        timeout(limit, self.whole(ask)).await.map_err(|_| late(limit))?
    }

    async fn whole(&self, ask: Ask) -> Result<Answer, Fault> {
        let (status, flow) = self.send(ask).await?;
        Ok(Answer { status, body: gather(flow).await? })
    }

    /// Asks, and gives back what comes, as it comes.
    ///
    /// # Errors
    /// As [`Wire::ask`], and what the engine refuses, as an answer.
    pub(super) async fn flow(&self, ask: Ask) -> Result<Result<Flow, Answer>, Fault> {
        self.flow_within(ask, QUICK).await
    }

    /// The same, for what an engine may take so long to begin.
    ///
    /// # Errors
    /// As [`Wire::flow`].
    pub(super) async fn flow_within(&self, ask: Ask, limit: Duration) -> Result<Result<Flow, Answer>, Fault> {
        let begun = async {
            let (status, flow) = self.send(ask).await?;
            if status == 200 {
                return Ok(Ok(flow));
            }
            Ok(Err(Answer { status, body: gather(flow).await? }))
        };
        timeout(limit, begun).await.map_err(|_| late(limit))?
    }

    /// Asks for the connection: it is no other request's from then on.
    ///
    /// # Errors
    /// As [`Wire::ask`], and what the engine refuses, as an answer.
    pub(super) async fn hijack(&self, mut ask: Ask) -> Result<Result<Upgraded, Answer>, Fault> {
        ask.upgrade = true;
        let begun = async {
            let response = self.answered(ask).await?;
            let status = response.status().as_u16();
            if status == 101 {
                return hyper::upgrade::on(response).await.map(Ok).map_err(|error| Fault::of_http(&error));
            }
            Ok(Err(Answer { status, body: gather(flow(response)).await? }))
        };
        timeout(QUICK, begun).await.map_err(|_| late(QUICK))?
    }

    /// The engine's own time, to the second before.
    pub(super) async fn time(&self) -> Result<DateTime<Utc>, Fault> {
        let (date, _) = timeout(QUICK, self.ping()).await.map_err(|_| late(QUICK))??;
        DateTime::parse_from_rfc2822(&date)
            .map(|date| date.with_timezone(&Utc))
            .map_err(|_| Fault::new(FaultKind::NotEngine, "it does not say what time it is"))
    }

    /// Its date, and its newest API, as it writes them.
    async fn ping(&self) -> Result<(String, String), Fault> {
        let response = self.raw(Method::GET, "/_ping", None, false).await?;
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let header = |name: &str| response.headers().get(name).map(text).unwrap_or_default();
        let found = (header(DATE.as_str()), header("api-version"));
        // Read to its end, so that the connection serves again.
        gather(flow(response)).await?;
        Ok(found)
    }

    /// An engine refuses what is newer than itself, and a new one what is too old.
    async fn api(&self) -> Result<(u32, u32), Fault> {
        let asked = self.api.get_or_try_init(|| async {
            let (_, api) = self.ping().await?;
            let Some(newest) = api_numbers(&api) else {
                return Err(Fault::new(FaultKind::NotEngine, "it names no API version"));
            };
            if newest < MIN_API { Err(Fault::new(FaultKind::Version, api)) } else { Ok(newest.min(MAX_API)) }
        });
        asked.await.copied()
    }

    async fn send(&self, ask: Ask) -> Result<(u16, Flow), Fault> {
        let response = self.answered(ask).await?;
        Ok((response.status().as_u16(), flow(response)))
    }

    async fn answered(&self, ask: Ask) -> Result<Response<Incoming>, Fault> {
        let (major, minor) = self.api().await?;
        let query = serde_urlencoded::to_string(&ask.query).map_err(|error| Fault::new(FaultKind::Spec, error))?;
        let path = format!("/v{major}.{minor}{}?{query}", ask.path);
        self.raw(ask.method, &path, ask.body, ask.upgrade).await
    }

    async fn raw(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
        upgrade: bool,
    ) -> Result<Response<Incoming>, Fault> {
        // A name for the `Host` header; where it leads, the connector knows.
        let mut request = Request::builder().method(method).uri(format!("http://engine{path}"));
        if let Some((content, _)) = &body {
            request = request.header(CONTENT_TYPE, *content);
        }
        if upgrade {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        let request = request.body(Full::from(body.map(|(_, body)| body).unwrap_or_default()));
        let request = request.map_err(|error| Fault::new(FaultKind::Spec, error))?;
        self.client.request(request).await.map_err(|error| Fault::of_http(&error))
    }
}

fn late(limit: Duration) -> Fault {
    Fault::new(FaultKind::Timeout, format!("no answer within {} s", limit.as_secs()))
}

fn flow(response: Response<Incoming>) -> Flow {
    let bytes = response.into_body().into_data_stream();
    bytes.map(|bytes| bytes.map_err(|error| Fault::of_http(&error))).boxed()
}

async fn gather(mut flow: Flow) -> Result<Bytes, Fault> {
    let mut all = BytesMut::new();
    while let Some(bytes) = flow.next().await {
        let bytes = bytes?;
        if all.len() + bytes.len() > MAX_ANSWER {
            return Err(Fault::new(FaultKind::NotEngine, "the answer is too large"));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.freeze())
}
