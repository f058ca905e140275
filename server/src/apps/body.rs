//! Bodies on their way: they pass as they come, and end with the right to them, or when nothing passes for long.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// When something passed last, either way.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(super) fn made(&self) {
        *self.0.lock().expect("nobody panics holding this lock") = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().expect("nobody panics holding this lock")
    }

    /// Back when nothing passed for so long.
    pub(super) async fn stalled(&self, patience: Duration) {
        loop {
            let last = self.last();
            tokio::time::sleep_until(last + patience).await;
            if self.last() == last {
                return;
            }
        }
    }
}

/// A body that says what passes, and breaks off with what it ends with. Whatever it holds is let go with it.
pub(super) struct Passing<T> {
    body: Body,
    progress: Progress,
    ends: Pin<Box<dyn Future<Output = ()> + Send>>,
    _holds: T,
}

impl<T: Send + Unpin + 'static> Passing<T> {
    pub(super) fn new(
        body: Body,
        progress: Progress,
        over: WaitForCancellationFutureOwned,
        patience: Option<Duration>,
        holds: T,
    ) -> Self {
        let watched = progress.clone();
        let ends = Box::pin(async move {
            let stalled = async {
                match patience {
                    Some(patience) => watched.stalled(patience).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                () = stalled => {}
            }
        });
        Self { body, progress, ends, _holds: holds }
    }
}

impl<T: Send + Unpin + 'static> HttpBody for Passing<T> {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.ends.as_mut().poll(cx).is_ready() {
            // An error, so that nobody takes what came for the whole.
            return Poll::Ready(Some(Err("the connection to the application ended".into())));
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(_))) = &polled {
            self.progress.made();
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
