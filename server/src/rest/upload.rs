//! One file from a request: the body itself, or the first file of a form.

use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::header;
use contract::ErrorCode;
use platform::Error;

/// True when a plain form of a page asks, which wants to be led on.
pub fn accepts_html(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// File name and bytes, at most so many.
///
/// # Errors
/// `TooLarge`, or `Validation` for a form that does not read or holds no file.
pub async fn file(request: Request, max: usize) -> platform::Result<(String, Vec<u8>)> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        let bytes = axum::body::to_bytes(request.into_body(), max).await;
        let bytes = bytes.map_err(|_| Error::new(ErrorCode::TooLarge))?;
        return Ok((String::new(), bytes.to_vec()));
    }
    // The extractor's own limit is for small forms; this one counts while it reads.
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(axum::extract::DefaultBodyLimit::disable());
    let malformed = |_| Error::field("file", "field-malformed");
    let mut form = Multipart::from_request(Request::from_parts(parts, body), &())
        .await
        .map_err(|_| Error::field("file", "field-malformed"))?;
    while let Some(mut field) = form.next_field().await.map_err(malformed)? {
        let Some(name) = field.file_name().map(str::to_owned) else { continue };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(malformed)? {
            if bytes.len() + chunk.len() > max {
                return Err(Error::new(ErrorCode::TooLarge));
            }
            bytes.extend_from_slice(&chunk);
        }
        return Ok((name, bytes));
    }
    Err(Error::field("file", "field-file-required"))
}
