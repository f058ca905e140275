//! Above all doors: request id, client address, language, principal, Origin check, rate, access log.
//!
//! Invariants: a principal comes only from here; a cookie never authenticates a change that another origin asked for; the
//! log holds paths, never queries, bodies or credentials.

pub mod browser;
mod client;
mod origin;
mod session_store;

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use contract::ErrorCode;
use platform::{Error, OpContext, Principal, Via, accounts};

pub use session_store::session_layer;

use crate::limits::Kind;
use crate::router::Crashed;
use crate::{AppState, headers, rest};

/// The request id's header, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// See the module.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let request_id = client::request_id(request.headers());
    let address = client::address(&request, state.config.trusted_proxies);
    let language = app::door::language_of(request.headers());
    let language = language.unwrap_or_else(|| platform::settings::usual_language(&state.platform));
    let via = via_of(&path);
    let now = state.platform.clock().now();
    let anonymous = OpContext::new(Principal::Anonymous, now, via, &request_id, address, language);

    let asked = Asked {
        method: method.clone(),
        path: path.clone(),
        headers: request.headers().clone(),
        session: browser::secret_hash(&request),
    };
    let admitted = admit(&state, &asked, &anonymous).await;
    let mut response = match admitted {
        Ok(ctx) => {
            request.extensions_mut().insert(ctx.clone());
            request.extensions_mut().insert(state.platform.clone());
            let response = next.run(request).await;
            match response.extensions().get::<Crashed>() {
                Some(Crashed(words)) => rest::refuse(&state.platform, &ctx, Error::internal(words.as_str())).await,
                None => response,
            }
        }
        Err(error) => rest::refuse(&state.platform, &anonymous, error).await,
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    headers::secure(response.headers_mut(), state.config.is_secure());
    let status = response.status().as_u16();
    metrics::histogram!("remotegpu_request_seconds", "door" => via.code()).record(started.elapsed().as_secs_f64());
    metrics::counter!("remotegpu_requests_total", "door" => via.code(), "status" => status.to_string()).increment(1);
    tracing::debug!(request_id, %method, path, status, ms = started.elapsed().as_millis() as u64, "request");
    response
}

fn via_of(path: &str) -> Via {
    match path.split('/').nth(1) {
        Some("api") => Via::Rest,
        Some("ws") if path == node_protocol::PATH => Via::Agent,
        Some("ws") => Via::WebSocket,
        _ => Via::Page,
    }
}

/// What admission looks at; the body is not part of it.
struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
    session: Option<[u8; 32]>,
}

/// What kind of request a change is.
fn kind_of(path: &str) -> Kind {
    const LINKS: [&str; 4] =
        ["/request_password_reset", "/confirm_password_reset", "/confirm_email_change", "/accept_invitation"];
    const LINKS_BY_REST: [&str; 3] = ["/api/auth/password-reset/", "/api/auth/email-change/", "/api/auth/invitation/"];
    if path == "/api/auth/login" || path.ends_with("/sign_in") {
        Kind::SignIn
    } else if LINKS_BY_REST.iter().any(|start| path.starts_with(start)) || LINKS.iter().any(|end| path.ends_with(end)) {
        Kind::Link
    } else {
        Kind::General
    }
}

/// The context of a request that may go on.
async fn admit(state: &AppState, asked: &Asked, anonymous: &OpContext) -> platform::Result<OpContext> {
    let path = asked.path.as_str();
    let cheap = path.starts_with("/pkg/") || matches!(path, "/healthz" | "/readyz" | "/robots.txt");
    // Agents authenticate with their own key, at their own door.
    if cheap || path == node_protocol::PATH {
        return Ok(anonymous.clone());
    }
    if let Some(address) = anonymous.address() {
        let kind = if asked.method == Method::POST { kind_of(path) } else { Kind::General };
        state.rates.take(kind, address).map_err(|seconds| {
            Error::new(ErrorCode::RateLimited).with_key("error-rate-limited-wait").with_arg("seconds", seconds)
        })?;
    }
    let bearer = bearer(&asked.headers);
    let principal = match (bearer, asked.session) {
        (Some(token), _) => accounts::principal_of_bearer(&state.platform, anonymous, token).await?,
        (None, Some(hash)) => accounts::principal_of_session(&state.platform, anonymous, &hash).await?,
        (None, None) => Principal::Anonymous,
    };
    let by_cookie = bearer.is_none() && principal != Principal::Anonymous;
    origin::check(&asked.method, &asked.headers, &state.config.public_url, by_cookie)?;
    let language = principal.user().and_then(|user| user.language).unwrap_or(anonymous.language());
    Ok(OpContext::new(
        principal,
        anonymous.now(),
        anonymous.via(),
        anonymous.request_id(),
        anonymous.address(),
        language,
    ))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}
