//! The built assets: hashed names, so they never change; compressed ahead. From the folder that is configured, else from
//! the program itself.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use app::door::SiteManifest;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::{AppState, bundle};

/// Manifest and folder.
#[derive(Clone, Debug, Default)]
pub struct Site {
    pub manifest: SiteManifest,
    folder: Option<PathBuf>,
}

impl Site {
    /// Reads `manifest.json`; with neither folder nor bundle, pages come without style and scripts (tests of the other
    /// doors).
    pub fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        let Some(folder) = folder else {
            let manifest = bundle::file("site/manifest.json").map(serde_json::from_slice).transpose()?;
            return Ok(Self { manifest: manifest.unwrap_or_default(), folder: None });
        };
        let path = folder.join("manifest.json");
        let text = std::fs::read_to_string(&path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        Ok(Self { manifest: serde_json::from_str(&text)?, folder: Some(folder.to_owned()) })
    }

    /// A file of `pkg/`.
    async fn file(&self, name: &str) -> Option<Cow<'static, [u8]>> {
        match &self.folder {
            Some(folder) => tokio::fs::read(folder.join("pkg").join(name)).await.ok().map(Cow::Owned),
            None => bundle::file(&format!("site/pkg/{name}")).map(Cow::Borrowed),
        }
    }
}

/// Bytes as a body, without a copy where they are part of the program.
pub(crate) fn body(bytes: Cow<'static, [u8]>) -> Body {
    match bytes {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
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
    if !plain {
        return StatusCode::NOT_FOUND.into_response();
    }
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    for (coding, suffix) in [("br", ".br"), ("gzip", ".gz"), ("", "")] {
        if !accepted.contains(coding) {
            continue;
        }
        let Some(bytes) = state.site.file(&format!("{name}{suffix}")).await else { continue };
        let mut response = body(bytes).into_response();
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

/// The installation's logo; its name changes with it.
pub async fn logo(State(state): State<AppState>, UrlPath(name): UrlPath<String>) -> Response {
    let tag = name.strip_prefix("logo-").and_then(|rest| rest.strip_suffix(".png")).unwrap_or_default();
    let Some(bytes) = platform::settings::logo_file(&state.platform, tag).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/png")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, bytes).into_response()
}

/// For crawlers: nothing here is theirs.
pub async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}
