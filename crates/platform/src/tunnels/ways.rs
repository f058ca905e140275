//! How far the two ways of a tunnel are, for whoever carries its bytes in one task.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// See the module.
#[derive(Default)]
pub struct Ways {
    /// Bytes so far, both ways together; what counts is that it moves.
    moved: AtomicU64,
    /// All that the near side says is sent.
    sent: AtomicBool,
    /// The far side has said everything, or nobody here hears it any more.
    heard: AtomicBool,
    changed: Notify,
}

impl Ways {
    /// Notes bytes that were carried, whichever way.
    pub fn count(&self, bytes: usize) {
        self.moved.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Bytes so far.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// The near side has said everything, and that is sent.
    pub fn end_sending(&self) {
        self.end(&self.sent);
    }

    /// The far side has said everything, or nobody here hears it any more.
    pub fn end_hearing(&self) {
        self.end(&self.heard);
    }

    fn end(&self, way: &AtomicBool) {
        way.store(true, Ordering::Release);
        // Everything here is one task: nobody waits who has not said so yet.
        self.changed.notify_waiters();
    }

    /// When all that the near side says is sent.
    pub async fn all_sent(&self) {
        while !self.sent.load(Ordering::Acquire) {
            self.changed.notified().await;
        }
    }

    /// When both ways have ended.
    pub async fn both_ended(&self) {
        while !(self.sent.load(Ordering::Acquire) && self.heard.load(Ordering::Acquire)) {
            self.changed.notified().await;
        }
    }
}
