//! The built assets: hashed names, so they never change; compressed ahead.

use std::path::{Path, PathBuf};

use app::door::SiteManifest;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::AppState;

/// Manifest and folder.
#[derive(Clone, Debug, Default)]
pub struct Site {
    pub manifest: SiteManifest,
    folder: Option<PathBuf>,
}

impl Site {
    /// Reads `manifest.json`; without a folder, pages come without style and scripts (tests of the other doors).
    pub fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        let Some(folder) = folder else { return Ok(Self::default()) };
        let path = folder.join("manifest.json");
        let text = std::fs::read_to_string(&path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        Ok(Self { manifest: serde_json::from_str(&text)?, folder: Some(folder.to_owned()) })
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// One asset, in the best encoding the browser takes.
pub async fn asset(State(state): State<AppState>, UrlPath(name): UrlPath<String>, headers: HeaderMap) -> Response {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) && !name.starts_with('.');
    let Some(folder) = state.site.folder.as_ref().filter(|_| plain) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    for (coding, suffix) in [("br", ".br"), ("gzip", ".gz"), ("", "")] {
        if !accepted.contains(coding) {
            continue;
        }
        let Ok(bytes) = tokio::fs::read(folder.join("pkg").join(format!("{name}{suffix}"))).await else { continue };
        let mut response = Body::from(bytes).into_response();
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&name)));
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if !coding.is_empty() {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        return response;
    }
    StatusCode::NOT_FOUND.into_response()
}

/// For crawlers: nothing here is theirs.
pub async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}
