//! A browser sends cookies with requests that another site's page makes; the Origin header says whose page it was.
//!
//! Checked for changes and WebSockets: always when an Origin is there, and it must be there (or `Sec-Fetch-Site` must
//! say the same) when a cookie authenticates. Programs with a bearer token send neither and need neither.

use axum::http::{HeaderMap, Method, header};
use contract::ErrorCode;
use platform::{Error, Result};

pub(crate) fn check(method: &Method, headers: &HeaderMap, public_url: &url::Url, by_cookie: bool) -> Result<()> {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let socket = headers.get(header::UPGRADE).is_some();
    if reads && !socket {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fine = match text("origin") {
        Some(origin) => is_ours(origin, text("host"), public_url),
        None if by_cookie => text("sec-fetch-site") == Some("same-origin"),
        None => true,
    };
    if fine { Ok(()) } else { Err(Error::new(ErrorCode::ForeignOrigin)) }
}

/// The public address, or the very host the request was sent to: the cookie belongs to it either way.
fn is_ours(origin: &str, host: Option<&str>, public_url: &url::Url) -> bool {
    let Ok(origin_url) = url::Url::parse(origin) else { return false };
    if origin_url.origin() == public_url.origin() {
        return true;
    }
    let authority = origin.split_once("://").map(|(_, rest)| rest.trim_end_matches('/'));
    public_url.scheme() == "http" && origin_url.scheme() == "http" && host.is_some() && authority == host
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_our_own_pages() {
        let secure = url::Url::parse("https://gpu.example.org").unwrap();
        assert!(is_ours("https://gpu.example.org", None, &secure));
        for foreign in
            ["https://evil.example", "http://gpu.example.org", "null", "https://gpu.example.org.evil.example"]
        {
            assert!(!is_ours(foreign, Some("gpu.example.org"), &secure), "{foreign}");
        }
        let local = url::Url::parse("http://127.0.0.1:3000").unwrap();
        assert!(is_ours("http://localhost:3000", Some("localhost:3000"), &local));
        assert!(!is_ours("http://localhost:4000", Some("localhost:3000"), &local));
    }
}
