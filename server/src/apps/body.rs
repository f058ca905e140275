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
    /// None when it has ended: nothing passes any more.
    ends: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _holds: T,
}

impl<T: Send + Unpin + 'static> Passing<T> {
    pub(super) fn new(
        body: Body,
        progress: Progress,
        over: WaitForCancellationFutureOwned,
        patience: Duration,
        holds: T,
    ) -> Self {
        let watched = progress.clone();
        let ends = async move {
            tokio::select! {
                () = over => {}
                () = watched.stalled(patience) => {}
            }
        };
        Self { body, progress, ends: Some(Box::pin(ends)), _holds: holds }
    }
}

impl<T: Send + Unpin + 'static> HttpBody for Passing<T> {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(ends) = self.ends.as_mut() else { return Poll::Ready(None) };
        if ends.as_mut().poll(cx).is_ready() {
            self.ends = None;
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
        self.ends.is_some() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio_util::sync::CancellationToken;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn next<T: Send + Unpin + 'static>(body: &mut Passing<T>) -> Option<Result<Frame<Bytes>, axum::BoxError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
    }

    /// A body of which a piece comes every so often, without end.
    fn dripping(every: Duration) -> Body {
        Body::from_stream(futures_util::stream::unfold((), move |()| async move {
            tokio::time::sleep(every).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), ()))
        }))
    }

    fn passing<T: Send + Unpin + 'static>(every: Duration, over: &CancellationToken, holds: T) -> Passing<T> {
        Passing::new(dripping(every), Progress::new(), over.clone().cancelled_owned(), PATIENCE, holds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_breaks_off_with_the_right_to_it_and_stays_so() {
        let over = CancellationToken::new();
        let mut body = passing(Duration::from_secs(1), &over, ());
        assert!(next(&mut body).await.is_some_and(|frame| frame.is_ok()));
        over.cancel();
        assert!(next(&mut body).await.is_some_and(|frame| frame.is_err()), "nobody takes it for the whole");
        // Asked again, as some do after an error.
        assert!(next(&mut body).await.is_none() && !body.is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_still_ends_and_what_goes_on_does_not() {
        let over = CancellationToken::new();
        let mut slow = passing(PATIENCE - Duration::from_secs(1), &over, ());
        for _ in 0..5 {
            assert!(next(&mut slow).await.is_some_and(|frame| frame.is_ok()));
        }
        let held = Arc::new(());
        let mut still = passing(PATIENCE * 2, &over, held.clone());
        assert!(next(&mut still).await.is_some_and(|frame| frame.is_err()));
        drop(still);
        assert_eq!(Arc::strong_count(&held), 1, "what it held is free");
    }
}
