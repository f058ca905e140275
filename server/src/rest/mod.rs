//! The REST door: envelope, extractors, translation of errors. One file per side and noun.

pub mod admin;
pub mod auth;
pub mod avatar;
mod billing_sheets;
pub mod customer;
pub mod files;
pub mod idempotency;
pub(crate) mod images;
pub(crate) mod imports;
mod instance_sheets;
mod recordings;
pub mod sso;
mod upload;
pub(crate) use upload::bytes as upload_bytes;
pub(crate) mod workbook;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::{ApiError, Envelope, ErrorCode};
use platform::{Error, OpContext, Platform};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Largest JSON body.
const MAX_BODY: usize = 1 << 20;

/// What a handler needs: the platform and who asks.
#[derive(Clone)]
pub struct Rest {
    pub platform: Platform,
    pub ctx: OpContext,
}

impl<S: Send + Sync> FromRequestParts<S> for Rest {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        let platform = parts.extensions.get::<Platform>().cloned();
        let ctx = parts.extensions.get::<OpContext>().cloned();
        match (platform, ctx) {
            (Some(platform), Some(ctx)) => Ok(Self { platform, ctx }),
            // A route outside of the identifying layer: a mistake of ours, never the client's.
            _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl Rest {
    /// 200 with the data, or the error.
    pub async fn answer<T: Serialize>(&self, result: platform::Result<T>) -> Response {
        match result {
            Ok(data) => self.success(StatusCode::OK, data),
            Err(error) => refuse(&self.platform, &self.ctx, error).await,
        }
    }

    /// 201 with the data and where it lies from now on.
    pub async fn created<T: Serialize>(
        &self,
        result: platform::Result<T>,
        location: impl FnOnce(&T) -> String,
    ) -> Response {
        match result {
            Ok(data) => {
                let location = HeaderValue::from_str(&location(&data));
                let mut response = self.success(StatusCode::CREATED, data);
                if let Ok(location) = location {
                    response.headers_mut().insert(header::LOCATION, location);
                }
                response
            }
            Err(error) => refuse(&self.platform, &self.ctx, error).await,
        }
    }

    fn success<T: Serialize>(&self, status: StatusCode, data: T) -> Response {
        let envelope =
            Envelope { code: 0, message: "success".to_owned(), data, trace_id: self.ctx.request_id().to_owned() };
        (status, Json(envelope)).into_response()
    }
}

/// An error in the envelope, in the caller's language; the cause is logged, never sent.
pub async fn refuse(platform: &Platform, ctx: &OpContext, error: Error) -> Response {
    let retry_after = retry_after(&error);
    let api = app::door::to_api_error(platform, ctx, error).await;
    let mut response = envelope_of(&api, ctx.request_id());
    guide(&mut response, &api, retry_after);
    response
}

/// Seconds to wait, where the error knows them.
pub(crate) fn retry_after(error: &Error) -> Option<String> {
    error.args.iter().find(|(name, _)| *name == "seconds").map(|(_, value)| value.clone())
}

/// Headers that tell programs what to do about an error.
pub(crate) fn guide(response: &mut Response, api: &ApiError, retry_after: Option<String>) {
    if api.code == ErrorCode::RateLimited
        && let Some(Ok(value)) = retry_after.map(|seconds| HeaderValue::from_str(&seconds))
    {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    if api.code.http_status() == 401 {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

fn envelope_of(api: &ApiError, request_id: &str) -> Response {
    let data =
        if api.fields.is_empty() { serde_json::Value::Null } else { serde_json::json!({ "fields": api.fields }) };
    let envelope =
        Envelope { code: api.code.number(), message: api.message.clone(), data, trace_id: request_id.to_owned() };
    let status = StatusCode::from_u16(api.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(envelope)).into_response()
}

/// What is under /api and does not exist.
pub async fn missing(rest: Rest) -> Response {
    rest.answer::<()>(Err(Error::not_found())).await
}

/// A method this path does not have.
pub async fn wrong_method(rest: Rest) -> Response {
    let mut response = rest.answer::<()>(Err(Error::new(ErrorCode::NotFound).with_key("error-method"))).await;
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// Query parameters; unknown ones are refused, empty ones count as absent.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match read_query(parts.uri.query().unwrap_or_default()) {
            Ok(value) => Ok(Self(value)),
            Err((path, why)) => Err(malformed(parts, state, &path, &why, ErrorCode::UnknownParameter).await),
        }
    }
}

pub(crate) fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, (String, String)> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let kept: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let text = serde_urlencoded::to_string(&kept).unwrap_or_default();
    let parser = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(text.as_bytes()));
    serde_path_to_error::deserialize(parser).map_err(|error| (error.path().to_string(), error.inner().to_string()))
}

/// A JSON body; unknown fields are refused and named.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let json = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/json"));
        if !json {
            return Err(malformed(&mut parts, state, "", "not application/json", ErrorCode::Validation).await);
        }
        let bytes = whole(&mut parts, body, state).await?;
        match read_json(&bytes) {
            Ok(value) => Ok(Self(value)),
            Err((path, why)) => Err(malformed(&mut parts, state, &path, &why, ErrorCode::Validation).await),
        }
    }
}

/// A JSON body that may be left out where nothing needs to be said. What is sent counts, not what the headers say of it: over
/// HTTP/2 a body may come without a length.
pub struct MaybeBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default + Send> FromRequest<S> for MaybeBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let bytes = whole(&mut parts, body, state).await?;
        // `null` is how the description says that there is none.
        if bytes.is_empty() || *bytes == *b"null" {
            return Ok(Self(T::default()));
        }
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        Body::from_request(request, state).await.map(|Body(value)| Self(value))
    }
}

/// What operations without a body take.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Goes before operations that take no body: whoever says something there meant something by it, and is told that nobody reads
/// it. An empty object says nothing.
pub async fn without_body(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let bytes = match whole(&mut parts, body, &()).await {
        Ok(bytes) => bytes,
        Err(refused) => return refused,
    };
    let says_nothing = bytes.is_empty() || *bytes == *b"null";
    match read_json::<Nothing>(&bytes) {
        Err((path, why)) if !says_nothing => malformed(&mut parts, &(), &path, &why, ErrorCode::Validation).await,
        _ => next.run(Request::from_parts(parts, axum::body::Body::empty())).await,
    }
}

/// All of a body that is not longer than a JSON body may be.
async fn whole<S: Send + Sync>(parts: &mut Parts, body: axum::body::Body, state: &S) -> Result<Bytes, Response> {
    if let Ok(bytes) = axum::body::to_bytes(body, MAX_BODY).await {
        return Ok(bytes);
    }
    let rest = Rest::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
    let error = turned_away(parts, &rest.ctx).unwrap_or_else(|| Error::new(ErrorCode::TooLarge));
    Err(rest.answer::<()>(Err(error)).await)
}

pub(crate) fn read_json<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, (String, String)> {
    // serde would take a list for the fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err((String::new(), "not a JSON object".to_owned()));
    }
    let parser = &mut serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut *parser)
        .map_err(|error| (error.path().to_string(), error.inner().to_string()))?;
    // What follows would silently be ignored.
    parser.end().map_err(|error| (String::new(), error.to_string()))?;
    Ok(value)
}

/// A part of the path; one that does not read names nothing.
pub struct Part<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Part<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        if let Ok(axum::extract::Path(value)) = axum::extract::Path::from_request_parts(parts, state).await {
            return Ok(Self(value));
        }
        let rest = Rest::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        Err(missing(rest).await)
    }
}

/// Who may not be here at all hears that first, whatever their input looks like: what an operation takes is not told to
/// those for whom it does not exist.
fn turned_away(parts: &Parts, ctx: &OpContext) -> Option<Error> {
    let path = parts.uri.path();
    let without_identity = [
        "/api/auth/login",
        "/api/auth/captcha",
        "/api/auth/oidc/start",
        "/api/auth/oidc/callback",
        "/api/auth/refresh",
        "/api/auth/password-reset/request",
        "/api/auth/password-reset/confirm",
        "/api/auth/register/request",
        "/api/auth/register",
        "/api/auth/email-change/confirm",
        "/api/auth/invitation/accept",
    ];
    if without_identity.contains(&path) {
        return None;
    }
    match ctx.principal() {
        platform::Principal::Anonymous => Some(Error::new(ErrorCode::Unauthenticated)),
        _ if ctx.must_enroll() && !path.starts_with("/api/auth/") => Some(Error::new(ErrorCode::EnrollmentRequired)),
        _ if path.starts_with("/api/admin/") && !ctx.is_staff() => Some(Error::not_found()),
        _ => None,
    }
}

/// Names the field that does not read. serde's words are English and for developers; ours are translated.
async fn malformed<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    path: &str,
    why: &str,
    unknown_code: ErrorCode,
) -> Response {
    let rest = match Rest::from_request_parts(parts, state).await {
        Ok(rest) => rest,
        Err(status) => return status.into_response(),
    };
    if let Some(error) = turned_away(parts, &rest.ctx) {
        return rest.answer::<()>(Err(error)).await;
    }
    let named = |what: &str| why.strip_prefix(what).and_then(|rest| rest.split('`').next());
    let (code, key, field) = match (named("unknown field `"), named("missing field `")) {
        (Some(name), _) => (unknown_code, "field-unknown", within(path, name)),
        (None, Some(name)) => (ErrorCode::Validation, "field-required", within(path, name)),
        (None, None) => (ErrorCode::Validation, "field-malformed", path.trim_matches('.').to_owned()),
    };
    let (key, args) = match choices(why) {
        Some(choices) => ("field-choices", vec![("choices", choices)]),
        None => (key, Vec::new()),
    };
    let mut api = app::door::to_api_error(&rest.platform, &rest.ctx, Error::new(code)).await;
    let field = if field.is_empty() || field == "?" { "body".to_owned() } else { field };
    api.fields.insert(field, texts::message(rest.ctx.language(), key, &args));
    tracing::debug!(request_id = rest.ctx.request_id(), why, "malformed input");
    envelope_of(&api, rest.ctx.request_id())
}

/// The words that could stand where another one does, with commas: they are the API's, and are not translated.
fn choices(why: &str) -> Option<String> {
    let (_, known) = why.strip_prefix("unknown variant `")?.rsplit_once("`, expected ")?;
    // Behind it stands where in the body that was.
    let words: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// A field that nobody knows, or that is not there, under what it is a part of: the path ends there, or with the field itself.
fn within(path: &str, name: &str) -> String {
    let around = path.trim_matches(['.', '?']);
    let around = match around.strip_suffix(name) {
        Some(before) if before.is_empty() || before.ends_with('.') => before.trim_end_matches('.'),
        _ => around,
    };
    if around.is_empty() { name.to_owned() } else { format!("{around}.{name}") }
}

#[cfg(test)]
mod tests {
    use contract::machines::ServiceChange;

    use super::*;

    #[test]
    fn what_could_stand_there_is_named() {
        let several = "unknown variant `on`, expected one of `running`, `stopped` at line 1 column 9";
        assert_eq!(choices(several).as_deref(), Some("running, stopped"));
        assert_eq!(choices("unknown variant `x`, expected `a` or `b`").as_deref(), Some("a, b"));
        for other in ["unknown variant `x`, there are no variants", "unknown field `x`, expected `a`", "EOF"] {
            assert_eq!(choices(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn what_is_sent_counts_and_not_what_the_headers_say_of_it() {
        let note = async |json: bool, body: &'static str| {
            let mut request = Request::new(axum::body::Body::from(body));
            if json {
                request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            let read = MaybeBody::<ServiceChange>::from_request(request, &()).await;
            read.map(|MaybeBody(change)| change.note).map_err(|refused| refused.status())
        };
        for (json, body) in [(false, ""), (true, ""), (true, "null"), (true, "{}")] {
            assert_eq!(note(json, body).await, Ok(None), "{json} {body}");
        }
        let said = r#"{"note":"New fans"}"#;
        assert_eq!(note(true, said).await, Ok(Some("New fans".to_owned())));
        // As over HTTP/2, without a length: refused because nothing says that it is JSON, and never overlooked.
        assert!(note(false, said).await.is_err());
    }
}
