//! An image comes into an engine: from its registry, or from an archive that is sent.
//!
//! Whoever drops the future stops the engine's work on it; what is whole by then stays there, and the next try goes on with
//! it.

pub(crate) mod fuzzing;

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bollard::errors::Error as ClientError;
use bollard::models::ProgressDetail;
use bollard::query_parameters::{CreateImageOptions, ImportImageOptions, TagImageOptions};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderName, HeaderValue};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::line::{self, Connector};
use super::{Allowed, Endpoint, Fault, FaultKind};

/// For the beginning of the answer: an engine may ask a registry first.
const ANSWER: Duration = Duration::from_secs(60);
/// Longest time without a sign: a large layer may be unpacked without a word.
const SILENCE: Duration = Duration::from_secs(600);
/// For the beginning of the answer to an archive, which comes when all of it was taken: only silence ends that.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);
/// Most that is read of an engine's reports, bytes.
const LIMIT: u64 = 256 << 20;
/// Most layers that are counted.
const MAX_LAYERS: usize = 1000;
/// Bytes of an archive that are read and sent at a time.
const STEP: usize = 256 << 10;

/// How far it is, bytes; the total grows while the engine finds out what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// Who an engine says to a registry that it is.
#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
    /// The registry they are for, as addresses of images begin.
    pub server: String,
}

/// The password stays out of logs.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Credentials {
    /// As an engine reads them: base64 of the kind for URLs. bollard writes the other kind, of which an engine understands
    /// nothing where the two differ, and asks without a name then.
    fn header(&self) -> Result<(HeaderName, HeaderValue), Fault> {
        let said = json!({ "username": self.username, "password": self.password, "serveraddress": self.server });
        let mut value = HeaderValue::from_str(&URL_SAFE.encode(said.to_string()))
            .map_err(|error| Fault::new(FaultKind::Spec, error))?;
        value.set_sensitive(true);
        Ok((HeaderName::from_static("x-registry-auth"), value))
    }
}

/// Has the engine pull an image by its address, `registry/path:tag` or `…@sha256:…`.
///
/// # Errors
/// Why the engine was not reached, or what it or the registry said.
pub async fn pull(
    endpoint: &Endpoint,
    allowed: Allowed,
    address: &str,
    tell: impl FnMut(Progress),
) -> Result<(), Fault> {
    pull_as(endpoint, allowed, address, None, tell).await
}

/// The same as somebody whom the registry knows; the engine keeps nothing of it.
///
/// # Errors
/// As [`pull`]'s.
pub async fn pull_as(
    endpoint: &Endpoint,
    allowed: Allowed,
    address: &str,
    credentials: Option<&Credentials>,
    mut tell: impl FnMut(Progress),
) -> Result<(), Fault> {
    let header = credentials.map(Credentials::header).transpose()?;
    let client = line::over_with(Connector::new(endpoint, allowed, Some(LIMIT)), ANSWER, header)?;
    let last = address.rsplit('/').next().unwrap_or_default();
    let options = CreateImageOptions {
        from_image: Some(address.to_owned()),
        // Without one, an engine pulls every tag there is.
        tag: (!last.contains([':', '@'])).then(|| "latest".to_owned()),
        ..CreateImageOptions::default()
    };
    let reports = client.create_image(Some(options), None, None);
    let reports = reports.map(|report| report.map(|it| Report::new(it.id, it.progress_detail, it.status)));
    let mut layers = Layers::default();
    follow(&Sign::default(), reports, |report| {
        if let Some(progress) = layers.note(report) {
            tell(progress);
        }
    })
    .await
}

/// Gives an image that is there one more name, whatever was called so before.
///
/// # Errors
/// Why the engine was not reached, or what it said of either name.
pub async fn tag(endpoint: &Endpoint, allowed: Allowed, image: &str, name: &str) -> Result<(), Fault> {
    let client = line::over(Connector::new(endpoint, allowed, Some(LIMIT)), ANSWER)?;
    let (repository, tag) = match name.rsplit_once(':') {
        // What follows a colon before the last slash is a port.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    };
    let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
    client.tag_image(image, Some(options)).await.map_err(|error| fault(&error))
}

/// Sends an archive of this size into the engine.
///
/// # Errors
/// Why the engine was not reached, or what it said of the archive.
pub async fn load(
    endpoint: &Endpoint,
    allowed: Allowed,
    size: u64,
    archive: impl Read + Send + 'static,
    mut tell: impl FnMut(Progress) + Send + 'static,
) -> Result<(), Fault> {
    let client = line::over(Connector::new(endpoint, allowed, Some(LIMIT)), NO_LIMIT)?;
    let sign = Sign::default();
    let sent = sign.clone();
    let pieces = futures_util::stream::unfold((Some(archive), 0), move |(archive, done)| {
        // Who asks for the next one has taken the one before.
        sent.give();
        tell(Progress { done, total: size });
        piece(archive, done)
    });
    // It says how far the unpacking is.
    let options = ImportImageOptions { quiet: false, platform: None };
    let reports = client.import_image_stream(options, pieces, None);
    let reports = reports.map(|report| report.map(|it| Report::new(it.id, it.progress_detail, it.status)));
    follow(&sign, reports, |_| {}).await
}

/// When something was last seen to move: a report came, or a piece went.
#[derive(Clone)]
struct Sign(Arc<Mutex<Instant>>);

impl Default for Sign {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Sign {
    fn give(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Until when the next one is waited for.
    fn until(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) + SILENCE
    }
}

/// A piece of an archive, and what is left of it with how much was read.
type Piece<R> = Option<(io::Result<Bytes>, (Option<R>, u64))>;

/// The next bytes, off the threads that wait for nobody.
async fn piece<R: Read + Send + 'static>(archive: Option<R>, done: u64) -> Piece<R> {
    let mut archive = archive?;
    let read = move || {
        let mut bytes = vec![0; STEP];
        let count = archive.read(&mut bytes)?;
        bytes.truncate(count);
        Ok::<_, io::Error>((archive, bytes))
    };
    match tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten() {
        Ok((_, bytes)) if bytes.is_empty() => None,
        Ok((archive, bytes)) => {
            let done = done + bytes.len() as u64;
            Some((Ok(Bytes::from(bytes)), (Some(archive), done)))
        }
        Err(error) => Some((Err(error), (None, done))),
    }
}

/// What an engine says now and then.
struct Report {
    layer: Option<String>,
    detail: Option<ProgressDetail>,
    status: Option<String>,
}

impl Report {
    fn new(layer: Option<String>, detail: Option<ProgressDetail>, status: Option<String>) -> Self {
        Self { layer, detail, status }
    }
}

/// Until the engine has said everything; an error in between is one.
async fn follow(
    sign: &Sign,
    reports: impl Stream<Item = Result<Report, ClientError>>,
    mut note: impl FnMut(Report),
) -> Result<(), Fault> {
    let mut reports = std::pin::pin!(reports);
    loop {
        match timeout_at(sign.until(), reports.next()).await {
            Ok(Some(report)) => {
                sign.give();
                note(report.map_err(|error| fault(&error))?);
            }
            Ok(None) => return Ok(()),
            // Pieces went meanwhile.
            Err(_) if sign.until() > Instant::now() => {}
            Err(_) => {
                let words = format!("nothing was said for {} s", SILENCE.as_secs());
                return Err(Fault::new(FaultKind::Timeout, words));
            }
        }
    }
}

/// What an engine says of an image is not about the engine.
fn fault(error: &ClientError) -> Fault {
    match error {
        ClientError::DockerResponseServerError { status_code: 400 | 404 | 500, message }
        | ClientError::DockerStreamError { error: message } => Fault::new(FaultKind::Image, message),
        _ => Fault::of_client(error),
    }
}

/// Bytes by layer, as they are downloaded.
#[derive(Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    /// How far all of them are, where this report says anything of it.
    fn note(&mut self, report: Report) -> Option<Progress> {
        let layer = report.layer?;
        // Unpacking counts the same bytes again.
        let downloads = report.status.as_deref() == Some("Downloading");
        let known = self.0.contains_key(&layer);
        let size = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        match report.detail.map(|detail| (size(detail.current), size(detail.total))) {
            Some((Some(done), Some(total))) if downloads && (known || self.0.len() < MAX_LAYERS) => {
                self.0.insert(layer, (done.min(total), total));
            }
            _ if known && report.status.as_deref() == Some("Download complete") => {
                self.0.entry(layer).and_modify(|(done, total)| *done = *total);
            }
            _ => return None,
        }
        let sum = |of: fn(&(u64, u64)) -> u64| self.0.values().fold(0, |sum: u64, it| sum.saturating_add(of(it)));
        Some(Progress { done: sum(|it| it.0), total: sum(|it| it.1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(layer: &str, status: &str, numbers: Option<(i64, i64)>) -> Report {
        let detail = numbers.map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) });
        Report::new(Some(layer.to_owned()), detail, Some(status.to_owned()))
    }

    #[test]
    fn credentials_are_written_as_engines_read_them() {
        let said = Credentials {
            username: "ann".to_owned(),
            password: "pass>?~>?~>?~é".to_owned(),
            server: "registry.example.org:5000".to_owned(),
        };
        let (name, value) = said.header().expect("it is a header");
        assert_eq!((name.as_str(), value.is_sensitive()), ("x-registry-auth", true));
        let text = URL_SAFE.decode(value.as_bytes()).expect("base64 for URLs");
        let read: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        assert_eq!((&read["username"], &read["password"]), (&json!(said.username), &json!(said.password)));
        assert_eq!(read["serveraddress"], json!(said.server));
        assert!(!format!("{said:?}").contains("pass>"));
    }

    #[test]
    fn layers_add_up_and_are_counted_once() {
        let mut layers = Layers::default();
        let mut note =
            |layer, status, numbers| layers.note(report(layer, status, numbers)).map(|it| (it.done, it.total));
        assert_eq!(note("a", "Pulling fs layer", None), None);
        assert_eq!(note("a", "Downloading", Some((10, 100))), Some((10, 100)));
        assert_eq!(note("b", "Downloading", Some((5, 50))), Some((15, 150)));
        assert_eq!(note("a", "Download complete", None), Some((105, 150)));
        assert_eq!(note("a", "Extracting", Some((1, 100))), None);
        assert_eq!(note("b", "Downloading", Some((-1, 50))), None);
        assert_eq!(note("b", "Downloading", Some((500, 50))), Some((150, 150)));
        assert_eq!(note("c", "Already exists", None), None);
    }
}
