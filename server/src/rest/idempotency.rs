//! `Idempotency-Key`, for every change of the REST door: the same request again gets the answer of the first.
//!
//! Left out: `/api/auth`, where a key would keep credentials alive. Other answers with a secret in them (a new person's
//! password, a join token) are kept sealed, as every answer is, and given to the person alone who got them first.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::ErrorCode;
use contract::files::MAX_FORM_FILE_BYTES;
use contract::imports::MAX_IMPORT_BYTES;
use platform::idempotency::{self, Answer, Begun, Run};
use platform::{Error, OpContext, Platform};

use super::{MAX_BODY, refuse, turned_away};

/// The caller's name for its request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// See the module. What carries no key goes through as it is.
pub async fn once(request: Request, next: Next) -> Response {
    let (Some(platform), Some(ctx), Some(key)) = (
        request.extensions().get::<Platform>().cloned(),
        request.extensions().get::<OpContext>().cloned(),
        request.headers().get(KEY).cloned(),
    ) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    if !is_change(&parts) || turned_away(&parts, &ctx).is_some() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let Ok(bytes) = axum::body::to_bytes(body, most(parts.uri.path())).await else {
        return refuse(&platform, &ctx, Error::new(ErrorCode::TooLarge)).await;
    };
    let key = key.to_str().unwrap_or_default().to_owned();
    match idempotency::begin(&platform, &ctx, &key, &all_of(&parts, &bytes)).await {
        Ok(Begun::Answered(answer)) => replay(answer),
        Ok(Begun::Run(run)) => {
            let request = Request::from_parts(parts, Body::from(bytes));
            // Apart from the connection: a caller that hangs up and asks again is who the key is for.
            let running = tokio::spawn(async move { keep(&platform, &ctx, &run, next.run(request).await).await });
            match running.await {
                Ok(response) => response,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
        Err(error) => {
            let running = error.code == ErrorCode::Conflict;
            let mut response = refuse(&platform, &ctx, error).await;
            if running {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}

fn is_change(parts: &Parts) -> bool {
    let path = parts.uri.path();
    let changes = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    // A chunk is by itself what it is however often it comes, and is not to lie in memory.
    let chunk = path.starts_with("/api/files/uploads/") && path.contains("/chunks/");
    changes && path.starts_with("/api/") && !path.starts_with("/api/auth/") && !chunk
}

/// Most bytes of a body: what its handler takes, with the form around a file.
fn most(path: &str) -> usize {
    if path.ends_with("/import/preview") {
        MAX_IMPORT_BYTES + MAX_BODY
    } else if path == "/api/files" || path.ends_with("/images/upload") {
        MAX_FORM_FILE_BYTES + MAX_BODY
    } else {
        MAX_BODY
    }
}

/// Everything that makes the request what it is.
fn all_of(parts: &Parts, body: &Bytes) -> Vec<u8> {
    let kind = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let address = parts.uri.path_and_query().map_or("/", |all| all.as_str());
    let head = [parts.method.as_str().as_bytes(), address.as_bytes(), kind];
    let mut all = Vec::with_capacity(body.len() + address.len() + 64);
    for part in head {
        all.extend_from_slice(part);
        // No header or address holds a line end.
        all.push(b'\n');
    }
    all.extend_from_slice(body);
    all
}

/// Keeps the answer, when it is one that asking again would not better.
async fn keep(platform: &Platform, ctx: &OpContext, run: &Run, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let status = parts.status.as_u16();
    let passing = status >= 500 || status == StatusCode::TOO_MANY_REQUESTS.as_u16();
    let kept = match std::str::from_utf8(&bytes) {
        Ok(text) if !passing => {
            let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
            idempotency::finish(platform, ctx, run, &Answer { status, location, body: text.to_owned() }).await
        }
        _ => idempotency::abandon(platform, ctx, run).await,
    };
    if let Err(error) = kept {
        tracing::warn!(request_id = ctx.request_id(), %error, "the answer of an idempotent request could not be kept");
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(Ok(location)) = answer.location.map(|location| HeaderValue::from_str(&location)) {
        headers.insert(header::LOCATION, location);
    }
    response
}
