//! Above all doors: rate, principal, Origin check.
//!
//! Invariants: a principal comes only from here; a cookie never authenticates a change that another origin asked for.

pub mod browser;
pub(crate) mod origin;
mod session_store;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::ErrorCode;
use platform::audit::{self, Stranger};
use platform::{Error, OpContext, Principal, accounts};

pub use session_store::session_layer;

use crate::AppState;
use crate::arrival::{self, Arrival};
use crate::limits::Kind;

/// See the module. Inside of the session layer, whose cookie it reads.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(arrival) = request.extensions().get::<Arrival>().cloned() else {
        // A route outside of the outermost layer: a mistake of ours, never the client's.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let asked = Asked {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        headers: request.headers().clone(),
        session: browser::secret_hash(&request),
    };
    let (mut response, ctx) = match admit(&state, &asked, &arrival.anonymous).await {
        Ok(ctx) => {
            request.extensions_mut().insert(ctx.clone());
            request.extensions_mut().insert(state.platform.clone());
            (next.run(request).await, ctx)
        }
        Err(error) => (arrival::refuse(&state, &arrival, &arrival.anonymous, error).await, arrival.anonymous),
    };
    response.extensions_mut().insert(ctx);
    response
}

/// What admission looks at; the body is not part of it.
struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
    session: Option<[u8; 32]>,
}

/// What kind of request it is.
fn kind_of(method: &Method, path: &str) -> Kind {
    const LINKS: [&str; 7] = [
        "/request_password_reset",
        "/confirm_password_reset",
        "/request_email_change",
        "/confirm_email_change",
        "/accept_invitation",
        "/request_sign_up",
        "/sign_up",
    ];
    const LINKS_BY_REST: [&str; 4] =
        ["/api/auth/password-reset/", "/api/auth/register", "/api/auth/email-change/", "/api/auth/invitation/"];
    if path == "/api/auth/captcha" {
        return Kind::Captcha;
    }
    // The ways to a sign-in service and back are links; each of them asks the service.
    if path.starts_with("/api/auth/oidc/") {
        return Kind::SignIn;
    }
    if *method != Method::POST {
        return Kind::General;
    }
    if path == "/api/auth/login" || path.ends_with("/sign_in") || path.ends_with("/sign_in_code") {
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
    // Agents authenticate with their own key, other servers with a pass, each at their own door.
    if arrival::is_cheap(path) || arrival::is_of_agents(path) || arrival::is_of_peers(path) {
        return Ok(anonymous.clone());
    }
    if let Some(address) = anonymous.address() {
        state.rates.take(kind_of(&asked.method, path), address).map_err(|seconds| {
            Error::new(ErrorCode::RateLimited).with_key("error-rate-limited-wait").with_arg("seconds", seconds)
        })?;
    }
    // Who signs in or renews an access token may well bring the one that has ended: what counts there is in the body.
    const BY_BODY: [&str; 2] = ["/api/auth/login", "/api/auth/refresh"];
    let bearer = bearer(&asked.headers).filter(|_| !BY_BODY.contains(&path));
    let principal = match (bearer, asked.session) {
        (Some(token), _) => accounts::principal_of_bearer(&state.platform, anonymous, token).await?,
        (None, Some(hash)) => accounts::principal_of_session(&state.platform, anonymous, &hash).await?,
        (None, None) => Principal::Anonymous,
    };
    let by_cookie = bearer.is_none() && principal != Principal::Anonymous;
    let language = principal.user().and_then(|user| user.language).unwrap_or(anonymous.language());
    let ctx = anonymous.authenticated(principal, language);
    if let Err(error) = origin::check(&asked.method, &asked.headers, &state.config.public_url, by_cookie) {
        if let Err(failure) = audit::note_stranger(&state.platform, &ctx, Stranger::ForeignOrigin).await {
            tracing::error!(request_id = ctx.request_id(), %failure, "a request of another site could not be audited");
        }
        return Err(error);
    }
    Ok(ctx)
}

/// The token as it stands there, behind the word in whatever letters (RFC 9110, 11.1); what is no text is a token that opens
/// nothing.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.as_bytes().split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| std::str::from_utf8(token).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_before_a_token_counts_in_whatever_letters() {
        let read = |text: &'static str| {
            let value = axum::http::HeaderValue::from_static(text);
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
            bearer(&headers).map(str::to_owned)
        };
        for text in ["Bearer abc", "bearer abc", "BEARER abc"] {
            assert_eq!(read(text).as_deref(), Some("abc"), "{text}");
        }
        for text in ["Bearerabc", "Basic YTpi", "bear", ""] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("bearer ").as_deref(), Some(""));
    }

    #[test]
    fn what_is_dear_has_a_rate_of_its_own() {
        let cases = [
            (Method::POST, "/api/auth/login", Kind::SignIn),
            (Method::POST, "/sfn/pages/auth/server_fns/sign_in", Kind::SignIn),
            (Method::POST, "/sfn/pages/auth/server_fns/sign_in_code", Kind::SignIn),
            (Method::GET, "/api/auth/captcha", Kind::Captcha),
            (Method::HEAD, "/api/auth/captcha", Kind::Captcha),
            (Method::POST, "/api/auth/password-reset/request", Kind::Link),
            (Method::POST, "/sfn/pages/auth/server_fns/request_password_reset", Kind::Link),
            (Method::POST, "/api/auth/invitation/accept", Kind::Link),
            (Method::POST, "/api/auth/register", Kind::Link),
            (Method::POST, "/sfn/pages/auth/server_fns/sign_up", Kind::Link),
            (Method::GET, "/login", Kind::General),
            (Method::POST, "/api/admin/machines", Kind::General),
        ];
        for (method, path, kind) in cases {
            assert_eq!(kind_of(&method, path), kind, "{method} {path}");
        }
    }
}
