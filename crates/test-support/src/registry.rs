//! A registry (HTTP API V2) with one small image in it, which engines pull from without TLS because it is on this host; and
//! the same image as an archive.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tar;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Something with a name made of its content.
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: format!("sha256:{}", hex::encode(Sha256::digest(&bytes))), bytes }
    }
}

/// A layer and the configuration that names it.
pub(crate) fn image() -> [Blob; 2] {
    image_of(tar(&[("hello", &vec![b'x'; 100_000])]))
}

fn image_of(layer: Vec<u8>) -> [Blob; 2] {
    let layer = Blob::new(layer);
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({
        "architecture": architecture, "os": "linux", "config": { "Cmd": ["/hello"] },
        "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
    });
    [layer, Blob::new(config.to_string().into_bytes())]
}

/// What names the two.
pub(crate) fn manifest(layer: &Blob, config: &Blob) -> Blob {
    let named = |blob: &Blob, kind: &str| json!({ "mediaType": kind, "digest": blob.digest, "size": blob.bytes.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": named(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [named(layer, "application/vnd.oci.image.layer.v1.tar")],
    });
    Blob::new(manifest.to_string().into_bytes())
}

/// The image as `docker save` writes it, under this name.
pub fn loadable_archive(name: &str) -> Vec<u8> {
    archive_of(image(), &[name])
}

/// An image with busybox and these files as `docker save` writes it, under these names.
///
/// # Panics
/// When busybox is not here, as for [`crate::DockerEngine::import_busybox`].
pub fn runnable_archive(names: &[&str], files: &[(String, Vec<u8>)]) -> Vec<u8> {
    archive_of(image_of(crate::engine::layer(files)), names)
}

fn archive_of([layer, config]: [Blob; 2], names: &[&str]) -> Vec<u8> {
    let manifest = json!([{ "Config": "config.json", "RepoTags": names, "Layers": ["layer.tar"] }]).to_string();
    tar(&[("layer.tar", &layer.bytes), ("config.json", &config.bytes), ("manifest.json", manifest.as_bytes())])
}

/// The registry; it ends with this value.
pub struct Registry {
    address: SocketAddr,
    _running: DropGuard,
}

type Blobs = Arc<HashMap<String, Vec<u8>>>;

impl Registry {
    /// One that has `small:1`.
    ///
    /// # Panics
    /// When no port is free, as everything here.
    pub async fn start() -> Self {
        let [layer, config] = image();
        let manifest = manifest(&layer, &config);
        let mut blobs = HashMap::from([("1".to_owned(), manifest.bytes.clone())]);
        blobs.extend([layer, config, manifest].map(|blob| (blob.digest, blob.bytes)));
        let routes = Router::new()
            .route("/v2/", get(|| async { "{}" }))
            .route("/v2/small/manifests/{name}", get(given))
            .route("/v2/small/blobs/{name}", get(given))
            .with_state(Arc::new(blobs));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let running = CancellationToken::new();
        let end = running.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, routes).with_graceful_shutdown(end).await });
        Self { address, _running: running.drop_guard() }
    }

    /// The address of an image here.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

async fn given(State(blobs): State<Blobs>, Path(name): Path<String>) -> Response {
    let Some(bytes) = blobs.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    let kind = if bytes.starts_with(b"{") && String::from_utf8_lossy(bytes).contains("schemaVersion") {
        MANIFEST
    } else {
        "application/octet-stream"
    };
    let digest_header = header::HeaderName::from_static("docker-content-digest");
    ([(header::CONTENT_TYPE, kind.to_owned()), (digest_header, digest)], Body::from(bytes.clone())).into_response()
}
