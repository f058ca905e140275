//! An image that a container became, on its way out of its engine.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::Stream as _;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::Containers;
use super::commit::{is_repository, is_tag};
use super::lifecycle::{done, good};
use super::refusal::{Doing, refusal};
use super::spec::{SpecFault, is_word};
use super::wire::{Ask, Flow, QUICK, json as read};
use crate::docker::{Fault, FaultKind};

/// For the beginning of an archive: an engine lays all of it out on its disk before it says a word.
const BEGIN: Duration = Duration::from_secs(1800);
/// Longest time without a byte, once it came.
const SILENCE: Duration = Duration::from_secs(120);
/// For taking an image away: its layers' files go with it.
const REMOVE: Duration = Duration::from_secs(120);

/// By this label an image is found that a container became, also where another got its name since.
pub(super) const SAVED: &str = "remotegpu.saved";

#[derive(Deserialize)]
struct RawImage {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawSize {
    #[serde(default)]
    size: i64,
}

/// The archive of an image as `docker save` writes it, as it comes. Whoever drops it ends the engine's work on it. What goes
/// wrong is an error with a [`Fault`] inside; an archive that is cut off may end without one, so it has to be read.
pub struct Export {
    flow: Flow,
    piece: Bytes,
    silence: Pin<Box<Sleep>>,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

impl AsyncRead for Export {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.piece.is_empty() {
            let next = match Pin::new(&mut this.flow).poll_next(cx) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    ready!(this.silence.as_mut().poll(cx));
                    let words = format!("nothing came for {} s", SILENCE.as_secs());
                    return Poll::Ready(Err(io::Error::other(Fault::new(FaultKind::Timeout, words))));
                }
            };
            this.silence.as_mut().reset(Instant::now() + SILENCE);
            match next {
                Some(piece) => this.piece = piece.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = this.piece.len().min(buf.remaining());
        buf.put_slice(&this.piece[..count]);
        this.piece.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl Containers {
    /// Bytes of an image as its engine counts them; its archive is about as large, and may be larger.
    ///
    /// # Errors
    /// [`FaultKind::Image`] where there is none.
    pub async fn image_size(&self, repository: &str, tag: &str) -> Result<u64, Fault> {
        let name = name(repository, tag)?;
        let answer = self.wire.ask(Ask::get(format!("/images/{name}/json")), QUICK).await?;
        let image: RawSize = read(&good(&answer).map_err(of_image)?)?;
        Ok(u64::try_from(image.size).unwrap_or_default())
    }

    /// Its archive, under this one name.
    ///
    /// # Errors
    /// [`FaultKind::Image`] where there is none, and [`FaultKind::NoSpace`] where the engine cannot lay it out.
    pub async fn export_image(&self, repository: &str, tag: &str) -> Result<Export, Fault> {
        let name = name(repository, tag)?;
        let flow = self.wire.flow_within(Ask::get(format!("/images/{name}/get")), BEGIN).await?;
        let flow = flow.map_err(|answer| of_image(refusal(Doing::Other, &answer)))?;
        Ok(Export { flow, piece: Bytes::new(), silence: Box::pin(tokio::time::sleep(SILENCE)) })
    }

    /// Takes away whatever was made under this name here, however often. What is not there is gone. True where there was
    /// something.
    ///
    /// # Errors
    /// [`FaultKind::Busy`] while a container is made of it.
    pub async fn remove_image(&self, repository: &str, tag: &str) -> Result<bool, Fault> {
        let label = json!({ "label": [format!("{SAVED}={}", name(repository, tag)?)] });
        let answer = self.wire.ask(Ask::get("/images/json").with("filters", label), QUICK).await?;
        let found: Vec<RawImage> = read(&good(&answer)?)?;
        let ids = found.iter().map(|image| image.id.trim_start_matches("sha256:")).filter(|id| is_word(id));
        let mut there = false;
        for id in ids {
            let answer = self.wire.ask(Ask::new(Method::DELETE, format!("/images/{id}")), REMOVE).await?;
            done(Doing::Other, &answer, &[200, 404])?;
            there = true;
        }
        Ok(there)
    }
}

/// What is not there, where an image was asked for, is the image.
fn of_image(fault: Fault) -> Fault {
    match fault.kind {
        FaultKind::NotFound => Fault { kind: FaultKind::Image, ..fault },
        _ => fault,
    }
}

fn name(repository: &str, tag: &str) -> Result<String, Fault> {
    SpecFault::unless(is_repository(repository), "repository", "it is none")?;
    SpecFault::unless(is_tag(tag), "tag", "it is none")?;
    Ok(format!("{repository}:{tag}"))
}
