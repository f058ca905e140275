//! What was sent and nobody read: it is taken in and thrown away, within bounds, before the answer goes out.
//!
//! A browser that still writes when the answer comes and the line is closed shows no answer at all, so a file that is too
//! large would look like a server that is down. Beyond the bounds the line is closed all the same.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;

/// Most bytes that are thrown away: what a proxy in front of us lets through at most.
const MOST: usize = 34 << 20;
/// For how long.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
pub async fn taken_in(request: Request, next: Next) -> Response {
    let sends = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    if !sends || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // Who waits to be asked for the body has not begun, and needs not to.
    let waits = parts.headers.contains_key(header::EXPECT);
    let (left, mut unread) = oneshot::channel();
    let watched = Watched { body: Some(body.into_data_stream()), begun: !waits, left: Some(left) };
    let response = next.run(Request::from_parts(parts, Body::from_stream(watched))).await;
    if let Ok(body) = unread.try_recv() {
        let _ = tokio::time::timeout(PATIENCE, throw_away(body)).await;
    }
    response
}

async fn throw_away(mut body: BodyDataStream) {
    let mut size = 0;
    while let Some(Ok(chunk)) = body.next().await {
        size += chunk.len();
        if size > MOST {
            return;
        }
    }
}

/// A body that, when it is dropped before its end, is handed back.
struct Watched {
    body: Option<BodyDataStream>,
    begun: bool,
    left: Option<oneshot::Sender<BodyDataStream>>,
}

impl Stream for Watched {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.begun = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let chunk = ready!(body.poll_next_unpin(cx));
        if !matches!(chunk, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(chunk)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let (true, Some(body), Some(left)) = (self.begun, self.body.take(), self.left.take()) {
            // Nobody waits any more when the connection is gone.
            let _ = left.send(body);
        }
    }
}
