//! An image goes into a repository of a registry: layers first, each where it is not there yet, then its configuration, then
//! what names them. Whatever was taken before a try died is not sent again.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use contract::registries::RegistryFault;
use futures_util::Stream;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use runtime::docker::Progress;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use url::Url;

use super::client::{Challenge, Registry, Trouble, said};
use crate::images::archive::{Part, Parts};
use crate::outbound::own::send;

/// What names the parts of an image.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer as it lies in an archive.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Bytes that are read and sent at a time.
const STEP: usize = 256 << 10;
/// Bytes by which a layer says how it is packed.
const MAGIC: u64 = 4;
/// Longest time in which no piece is taken: a registry may move a large layer at its end.
const SILENCE: Duration = Duration::from_secs(600);

/// Where an image goes.
pub(super) struct Repository<'a> {
    registry: &'a Registry,
    name: String,
    /// What is said with each request, once the registry asked for it.
    authorization: Option<HeaderValue>,
    tell: &'a watch::Sender<Progress>,
}

impl<'a> Repository<'a> {
    pub(super) fn new(registry: &'a Registry, name: String, tell: &'a watch::Sender<Progress>) -> Self {
        Self { registry, name, authorization: None, tell }
    }

    /// Puts an image there; `open` gives the archive from its beginning. What it is called there, with its digest.
    pub(super) async fn put<R>(mut self, parts: Parts, open: impl Fn() -> R) -> Result<String, Trouble>
    where
        R: Read + Seek + Send + 'static,
    {
        let total = parts.layers.iter().map(|layer| layer.size).sum();
        let mut done = 0;
        self.tell.send_replace(Progress { done, total });
        let mut layers = Vec::new();
        for part in parts.layers {
            let (digest, kind) = hashed(open(), part).await?;
            if !self.has(&digest).await? {
                let pieces = pieces(self.tell.clone(), open(), part, (done, total));
                self.upload(&digest, part.size, pieces).await?;
            }
            done += part.size;
            self.tell.send_replace(Progress { done, total });
            layers.push(json!({ "mediaType": kind, "digest": digest, "size": part.size }));
        }
        let config = digest_of(&parts.config);
        let size = parts.config.len();
        if !self.has(&config).await? {
            let bytes = parts.config;
            let one = futures_util::stream::iter([Ok::<_, io::Error>(bytes)]);
            self.upload(&config, size as u64, one).await?;
        }
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": config, "size": size }, "layers": layers,
        });
        let manifest = manifest.to_string().into_bytes();
        let digest = digest_of(&manifest);
        // A name by which a registry keeps it when it tidies up.
        let tag = digest.trim_start_matches("sha256:");
        let url = self.url(&format!("manifests/{tag}"))?;
        let request = |own: RequestBuilder| own.header(CONTENT_TYPE, MANIFEST).body(manifest.clone());
        let answer = self.ask(Method::PUT, url, request).await?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::OK => Ok(format!("{}/{}@{digest}", self.registry.address(), self.name)),
            _ => Err(refused(answer).await),
        }
    }

    fn url(&self, path: &str) -> Result<Url, Trouble> {
        self.registry.url(&format!("{}/{path}", self.name))
    }

    async fn has(&mut self, digest: &str) -> Result<bool, Trouble> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let answer = self.ask(Method::HEAD, url, |request| request).await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused(answer).await),
        }
    }

    async fn upload<S>(&mut self, digest: &str, size: u64, bytes: S) -> Result<(), Trouble>
    where
        S: Stream<Item = io::Result<Vec<u8>>> + Send + 'static,
    {
        let url = self.url("blobs/uploads/")?;
        let begun = self.ask(Method::POST, url.clone(), |request| request.header(CONTENT_LENGTH, 0_u64)).await?;
        if begun.status() != StatusCode::ACCEPTED {
            return Err(refused(begun).await);
        }
        let place = begun.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let strange = || Trouble::new(RegistryFault::NotRegistry, "it does not say where a layer goes");
        let mut place = place.and_then(|place| url.join(place).ok()).ok_or_else(strange)?;
        place.query_pairs_mut().append_pair("digest", digest);
        let is_here = place.origin() == url.origin();
        let mut request = self.registry.request(Method::PUT, place)?;
        // What is known of us is for the registry, and not for wherever it keeps layers.
        if let Some(value) = self.authorization.clone().filter(|_| is_here) {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, size)
            .body(Body::wrap_stream(bytes));
        let answer = self.sent(request).await?;
        match answer.status() {
            StatusCode::CREATED => Ok(()),
            _ => Err(refused(answer).await),
        }
    }

    /// As long as pieces are taken.
    async fn sent(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let mut progress = self.tell.subscribe();
        let mut sending = std::pin::pin!(send(request));
        loop {
            tokio::select! {
                answer = &mut sending => return Ok(answer?),
                moved = tokio::time::timeout(SILENCE, progress.changed()) => if moved.is_err() {
                    let words = format!("nothing was taken for {} s", SILENCE.as_secs());
                    return Err(Trouble::new(RegistryFault::Timeout, words));
                },
            }
        }
    }

    /// Asks, and says who asks where the registry wants to know.
    async fn ask(
        &mut self,
        method: Method,
        url: Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Trouble> {
        for again in [false, true] {
            let mut request = with(self.registry.request(method.clone(), url.clone())?);
            if let Some(value) = &self.authorization {
                request = request.header(AUTHORIZATION, value.clone());
            }
            let answer = tokio::time::timeout(SILENCE, send(request));
            let late = |_| Trouble::new(RegistryFault::Timeout, format!("no answer within {} s", SILENCE.as_secs()));
            let answer = answer.await.map_err(late)??;
            // A token ends, and is for one repository.
            let challenge = (answer.status() == StatusCode::UNAUTHORIZED).then(|| Challenge::of(answer.headers()));
            match challenge.flatten() {
                Some(challenge) if !again => {
                    self.authorization = Some(self.registry.authorization(&challenge).await?);
                }
                _ => return Ok(answer),
            }
        }
        Err(Trouble::new(RegistryFault::Credentials, "it asks again and again who we are"))
    }
}

/// A layer, piece by piece; says how much of all was taken.
fn pieces<R>(
    tell: watch::Sender<Progress>,
    mut archive: R,
    part: Part,
    (before, total): (u64, u64),
) -> impl Stream<Item = io::Result<Vec<u8>>> + Send
where
    R: Read + Seek + Send + 'static,
{
    let opened = archive.seek(SeekFrom::Start(part.offset)).map(|_| archive.take(part.size));
    futures_util::stream::unfold((Some(opened), before), move |(from, done)| {
        // Who asks for the next one has taken the one before.
        tell.send_replace(Progress { done, total });
        piece(from, done)
    })
}

/// A piece, and what is left of where it came from with how much was read.
type Piece<R> = Option<(io::Result<Vec<u8>>, (Option<io::Result<R>>, u64))>;

/// The next bytes, off the threads that wait for nobody.
async fn piece<R: Read + Send + 'static>(from: Option<io::Result<R>>, done: u64) -> Piece<R> {
    let mut from = match from? {
        Ok(from) => from,
        Err(error) => return Some((Err(error), (None, done))),
    };
    let read = move || {
        let mut bytes = vec![0; STEP];
        let count = from.read(&mut bytes)?;
        bytes.truncate(count);
        Ok::<_, io::Error>((from, bytes))
    };
    match tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten() {
        Ok((_, bytes)) if bytes.is_empty() => None,
        Ok((from, bytes)) => {
            let done = done + bytes.len() as u64;
            Some((Ok(bytes), (Some(Ok(from)), done)))
        }
        Err(error) => Some((Err(error), (None, done))),
    }
}

/// Digest and kind of a layer.
async fn hashed<R: Read + Seek + Send + 'static>(mut archive: R, part: Part) -> Result<(String, String), Trouble> {
    let read = move || {
        archive.seek(SeekFrom::Start(part.offset))?;
        let mut from = archive.take(part.size);
        let (mut hash, mut bytes, mut first) = (Sha256::new(), vec![0; STEP], Vec::new());
        Read::take(&mut from, MAGIC).read_to_end(&mut first)?;
        hash.update(&first);
        loop {
            let count = from.read(&mut bytes)?;
            if count == 0 {
                break;
            }
            hash.update(&bytes[..count]);
        }
        Ok::<_, io::Error>((format!("sha256:{}", hex::encode(hash.finalize())), kind_of(&first)))
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten();
    read.map_err(|error| Trouble::new(RegistryFault::Other, error))
}

/// By the first bytes, as engines tell it.
fn kind_of(first: &[u8]) -> String {
    let packed = [(&[0x1f, 0x8b][..], "+gzip"), (&[0x28, 0xb5, 0x2f, 0xfd][..], "+zstd")];
    let suffix = packed.iter().find(|(magic, _)| first.starts_with(magic)).map_or("", |(_, suffix)| *suffix);
    format!("{LAYER}{suffix}")
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// What a refusal means.
async fn refused(answer: Response) -> Trouble {
    let fault = match answer.status() {
        StatusCode::UNAUTHORIZED => RegistryFault::Credentials,
        StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => RegistryFault::Denied,
        StatusCode::NOT_FOUND => RegistryFault::NotRegistry,
        _ => RegistryFault::Other,
    };
    said(fault, answer).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_told_apart_by_how_they_begin() {
        assert_eq!(kind_of(b"layer"), LAYER);
        assert_eq!(kind_of(&[0x1f, 0x8b, 8]), format!("{LAYER}+gzip"));
        assert_eq!(kind_of(&[0x28, 0xb5, 0x2f, 0xfd, 0]), format!("{LAYER}+zstd"));
        assert_eq!(kind_of(&[0x28]), LAYER);
    }
}
