//! The outermost layer: every request gets an id and the context of nobody; every answer gets the id, the headers and a
//! line in the log. What a layer inside leaves unsaid, because a handler panicked or the session could not be stored, is
//! said here.
//!
//! Invariants: nothing leaves without having passed here; a browser that asked for a page gets a page, programs get the
//! envelope; the log holds paths, never queries, bodies or credentials.

use std::time::Instant;

use app::door::Look;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use platform::{Error, OpContext, Principal, Via};

use crate::router::Crashed;
use crate::{AppState, client, headers, pages, rest};

/// The request id's header, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known about a request before anybody looked at who it is from.
#[derive(Clone)]
pub struct Arrival {
    pub anonymous: OpContext,
    /// Language and theme for an answer that is a page; `None` for who wants data.
    page: Option<Look>,
}

impl Arrival {
    fn of(state: &AppState, request: &Request) -> Self {
        let request_id = client::request_id(request.headers());
        let address = client::address(request, state.config.trusted_proxies);
        let language = app::door::language_of(request.headers());
        let language = language.unwrap_or_else(|| platform::settings::usual_language(&state.platform));
        let via = via_of(request.uri().path());
        let now = state.platform.clock().now();
        let page = (via == Via::Page && accepts_pages(request.headers()))
            .then(|| app::door::look_of(request.headers(), None, language));
        let anonymous = OpContext::new(Principal::Anonymous, now, via, request_id, address, language)
            .with_user_agent(client::user_agent(request.headers()).as_deref());
        Self { anonymous, page }
    }
}

/// See the module.
pub async fn receive(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let arrival = Arrival::of(&state, &request);
    request.extensions_mut().insert(arrival.clone());
    let mut response = next.run(request).await;
    if let Some(error) = unsaid(&response) {
        let ctx = response.extensions().get::<OpContext>().unwrap_or(&arrival.anonymous).clone();
        response = refuse(&state, &arrival, &ctx, error).await;
    }
    let request_id = arrival.anonymous.request_id();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    headers::secure(response.headers_mut(), state.config.is_secure());
    note(&arrival, &method, &path, response.status().as_u16(), started);
    response
}

/// Figures and the log's line. Assets and looks at the health are left out of the log: they would drown the rest.
fn note(arrival: &Arrival, method: &Method, path: &str, status: u16, started: Instant) {
    let (door, request_id) = (arrival.anonymous.via().code(), arrival.anonymous.request_id());
    let took = started.elapsed();
    metrics::histogram!("remotegpu_request_seconds", "door" => door).record(took.as_secs_f64());
    metrics::counter!("remotegpu_requests_total", "door" => door, "status" => status.to_string()).increment(1);
    let ms = took.as_millis() as u64;
    if is_cheap(path) {
        tracing::debug!(request_id, %method, path, status, ms, "request");
    } else {
        tracing::info!(request_id, %method, path, status, ms, "request");
    }
}

/// Answered without asking who it is.
pub(crate) fn is_cheap(path: &str) -> bool {
    path.starts_with("/pkg/")
        || path.starts_with("/branding/")
        || matches!(path, "/healthz" | "/readyz" | "/robots.txt")
}

/// What went wrong inside, when nobody there could say it.
fn unsaid(response: &Response) -> Option<Error> {
    if let Some(Crashed(words)) = response.extensions().get::<Crashed>() {
        return Some(Error::internal(words.as_str()));
    }
    // Only the session layer answers in place of what is inside of it, and it has logged why.
    let from_inside = response.extensions().get::<OpContext>().is_some();
    (!from_inside).then(|| Error::internal("the session could not be stored"))
}

/// An error to whoever sent this request: a page to a browser that wants one, else the envelope.
pub(crate) async fn refuse(state: &AppState, arrival: &Arrival, ctx: &OpContext, error: Error) -> Response {
    let Some(look) = &arrival.page else { return rest::refuse(&state.platform, ctx, error).await };
    let retry_after = rest::retry_after(&error);
    let api = app::door::to_api_error(&state.platform, ctx, error).await;
    let look = Look { language: ctx.language(), ..look.clone() };
    let mut response = pages::failure(&state.site.manifest, &look, &api);
    rest::guide(&mut response, &api, retry_after);
    response
}

fn accepts_pages(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

/// Where agents come with keys of their own.
pub(crate) fn is_of_agents(path: &str) -> bool {
    path == node_protocol::PATH || path == node_protocol::TUNNEL_PATH
}

/// Where servers of the installation ask each other, with passes.
pub(crate) fn is_of_peers(path: &str) -> bool {
    path == platform::tunnels::PEER_PATH
}

fn via_of(path: &str) -> Via {
    match path.split('/').nth(1) {
        Some("api") => Via::Rest,
        Some("ws") if is_of_agents(path) => Via::Agent,
        Some("ws") => Via::WebSocket,
        Some("peer") if is_of_peers(path) => Via::System,
        _ => Via::Page,
    }
}
