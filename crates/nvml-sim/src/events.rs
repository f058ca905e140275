//! Event sets: who waits for what, and what happened.
//!
//! Invariants: an event reaches every set that had registered for it when it happened, once; a set holds at most
//! [`LONGEST`] undelivered events, the oldest going first; the lock is never held while waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings as nvml;

use crate::scenario::Event;

/// Undelivered events a set keeps.
pub const LONGEST: usize = 1024;

/// How often a waiting thread looks for events that became due.
const LOOK: Duration = Duration::from_millis(20);

/// Something an event set can deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happening {
    /// Index.
    pub gpu: usize,
    /// One of NVML's event type bits.
    pub kind: u64,
    /// The Xid for an Xid event, otherwise 0.
    pub data: u64,
}

impl Happening {
    /// A critical Xid.
    pub fn xid(gpu: usize, xid: u64) -> Self {
        Self { gpu, kind: u64::from(nvml::nvmlEventTypeXidCriticalError), data: xid }
    }
}

/// Why a wait ended without an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEvent {
    /// Nothing happened in time.
    Timeout,
    /// The set was freed, or never was.
    NoSuchSet,
    /// The library was shut down.
    Closed,
}

#[derive(Debug, Default)]
struct Set {
    /// Event type bits by GPU.
    wanted: HashMap<usize, u64>,
    queue: VecDeque<Happening>,
}

#[derive(Debug, Default)]
struct Inner {
    sets: HashMap<usize, Set>,
    made: usize,
    /// Scenario second up to which events were delivered.
    upto: f64,
    closed: bool,
}

/// All event sets of a session.
#[derive(Debug, Default)]
pub struct Hub {
    inner: Mutex<Inner>,
    bell: Condvar,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in between leaves a queue that is at worst one event short.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new, empty set.
    pub fn create(&self) -> usize {
        let mut inner = self.lock();
        inner.made += 1;
        let id = inner.made;
        inner.sets.insert(id, Set::default());
        id
    }

    /// Whether the set existed.
    pub fn free(&self, id: usize) -> bool {
        let existed = self.lock().sets.remove(&id).is_some();
        self.bell.notify_all();
        existed
    }

    /// Adds event types of a GPU to a set; `false` if there is no such set.
    pub fn register(&self, id: usize, gpu: usize, kinds: u64) -> bool {
        match self.lock().sets.get_mut(&id) {
            Some(set) => {
                *set.wanted.entry(gpu).or_default() |= kinds;
                true
            }
            None => false,
        }
    }

    /// Ends every wait.
    pub fn close(&self) {
        self.lock().closed = true;
        self.bell.notify_all();
    }

    /// Something happened now.
    pub fn push(&self, happening: Happening) {
        self.lock().deliver(happening);
        self.bell.notify_all();
    }

    /// Delivers the scenario's events that became due since the last call.
    pub fn advance(&self, events: &[Event], second: f64) {
        let mut inner = self.lock();
        let due = |at: f64, inner: &Inner| at > inner.upto && at <= second;
        for event in events {
            match event {
                Event::Xid { gpu, at, xid } if due(*at, &inner) => inner.deliver(Happening::xid(*gpu, *xid)),
                Event::Ecc { gpu, at, corrected, uncorrected } if due(*at, &inner) => {
                    let single = (*corrected > 0).then_some(nvml::nvmlEventTypeSingleBitEccError);
                    let double = (*uncorrected > 0).then_some(nvml::nvmlEventTypeDoubleBitEccError);
                    for kind in [single, double].into_iter().flatten() {
                        inner.deliver(Happening { gpu: *gpu, kind: u64::from(kind), data: 0 });
                    }
                }
                _ => {}
            }
        }
        inner.upto = inner.upto.max(second);
    }

    /// Waits for the next event of a set. `look` is called again and again and may push events.
    pub fn wait(&self, id: usize, timeout: Duration, look: impl Fn()) -> Result<Happening, NoEvent> {
        let start = Instant::now();
        loop {
            look();
            let mut inner = self.lock();
            if inner.closed {
                return Err(NoEvent::Closed);
            }
            let set = inner.sets.get_mut(&id).ok_or(NoEvent::NoSuchSet)?;
            if let Some(happening) = set.queue.pop_front() {
                return Ok(happening);
            }
            let left = timeout.checked_sub(start.elapsed()).filter(|left| !left.is_zero()).ok_or(NoEvent::Timeout)?;
            drop(self.bell.wait_timeout(inner, left.min(LOOK)));
        }
    }
}

impl Inner {
    fn deliver(&mut self, happening: Happening) {
        for set in self.sets.values_mut() {
            if set.wanted.get(&happening.gpu).is_some_and(|kinds| kinds & happening.kind != 0) {
                if set.queue.len() >= LONGEST {
                    set.queue.pop_front();
                }
                set.queue.push_back(happening);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XID: u64 = nvml::nvmlEventTypeXidCriticalError as u64;

    #[test]
    fn events_reach_the_sets_that_asked_once() {
        let hub = Hub::default();
        let (asked, other) = (hub.create(), hub.create());
        assert!(hub.register(asked, 1, XID) && hub.register(other, 2, XID) && !hub.register(99, 1, XID));
        let events =
            [Event::Xid { gpu: 1, at: 5.0, xid: 48 }, Event::Ecc { gpu: 1, at: 5.0, corrected: 1, uncorrected: 0 }];
        hub.advance(&events, 4.9);
        assert_eq!(hub.wait(asked, Duration::ZERO, || {}), Err(NoEvent::Timeout));
        hub.advance(&events, 5.0);
        hub.advance(&events, 6.0);
        assert_eq!(hub.wait(asked, Duration::ZERO, || {}), Ok(Happening::xid(1, 48)));
        assert_eq!(hub.wait(asked, Duration::ZERO, || {}), Err(NoEvent::Timeout));
        assert_eq!(hub.wait(other, Duration::ZERO, || {}), Err(NoEvent::Timeout));
    }

    #[test]
    fn a_wait_ends_when_its_set_or_the_library_goes() {
        let hub = Hub::default();
        let (freed, closed) = (hub.create(), hub.create());
        let long = Duration::from_secs(60);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| hub.wait(freed, long, || {}));
            assert!(hub.free(freed) && !hub.free(freed));
            assert_eq!(first.join().expect("no panic"), Err(NoEvent::NoSuchSet));
            let second = scope.spawn(|| hub.wait(closed, long, || {}));
            hub.close();
            assert_eq!(second.join().expect("no panic"), Err(NoEvent::Closed));
        });
    }

    #[test]
    fn a_set_nobody_reads_does_not_grow() {
        let hub = Hub::default();
        let set = hub.create();
        assert!(hub.register(set, 0, XID));
        for xid in 0..LONGEST as u64 + 10 {
            hub.push(Happening::xid(0, xid));
        }
        assert_eq!(hub.wait(set, Duration::ZERO, || {}), Ok(Happening::xid(0, 10)));
    }
}
