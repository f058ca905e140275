//! The instants samples are taken at.
//!
//! Invariants: within one process no instant is given out twice, whatever the system clock does; instants are whole
//! multiples of the interval until the clock was set back, and then off by one millisecond per such jump, so that the
//! seconds that are lived through again are new instants.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that is behind by less than this is waited for; one that is further behind was set back.
const PATIENCE_MS: i64 = 10_000;

/// Gives out instants.
#[derive(Debug, Clone)]
pub struct TickClock {
    interval_ms: i64,
    last_ms: i64,
    rewinds: i64,
}

impl TickClock {
    /// A clock that ticks every `interval_ms`, at least 1.
    pub fn new(interval_ms: u32) -> Self {
        Self { interval_ms: i64::from(interval_ms.max(1)), last_ms: i64::MIN, rewinds: 0 }
    }

    /// Changes the interval from the next tick on.
    pub fn set_interval(&mut self, interval_ms: u32) {
        self.interval_ms = i64::from(interval_ms.max(1));
    }

    /// The interval, milliseconds.
    pub fn interval_ms(&self) -> i64 {
        self.interval_ms
    }

    /// The instant due at `now_ms`, or `None` when it was given out already.
    pub fn tick(&mut self, now_ms: i64) -> Option<i64> {
        if self.last_ms > now_ms.saturating_add(PATIENCE_MS.max(2 * self.interval_ms)) {
            self.rewinds = (self.rewinds + 1) % self.interval_ms;
            self.last_ms = i64::MIN;
        }
        let at = self.latest_at(now_ms);
        if at <= self.last_ms {
            return None;
        }
        self.last_ms = at;
        Some(at)
    }

    /// How long to wait at `now_ms` for the next instant; never more than one interval.
    pub fn wait(&self, now_ms: i64) -> Duration {
        let next = self.latest_at(now_ms) + self.interval_ms;
        Duration::from_millis(u64::try_from(next - now_ms).unwrap_or(0))
    }

    fn latest_at(&self, now_ms: i64) -> i64 {
        (now_ms - self.rewinds).div_euclid(self.interval_ms) * self.interval_ms + self.rewinds
    }
}

/// The system clock, milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ticks_are_whole_intervals_once_each() {
        let mut clock = TickClock::new(1000);
        assert_eq!(clock.tick(1_700_000_000_123), Some(1_700_000_000_000));
        assert_eq!(clock.tick(1_700_000_000_999), None);
        assert_eq!(clock.wait(1_700_000_000_999), Duration::from_millis(1));
        assert_eq!(clock.wait(1_700_000_001_000), Duration::from_millis(1000));
        assert_eq!(clock.tick(1_700_000_001_000), Some(1_700_000_001_000));
        assert_eq!(clock.tick(1_700_000_009_500), Some(1_700_000_009_000), "a pause is skipped, not caught up");
    }

    #[test]
    fn small_step_back_waits() {
        let mut clock = TickClock::new(1000);
        clock.tick(100_000);
        assert_eq!(clock.tick(97_000), None);
        assert_eq!(clock.tick(100_400), None);
        assert_eq!(clock.tick(101_000), Some(101_000));
    }

    #[test]
    fn no_instant_twice_over_repeated_rewinds() {
        let mut clock = TickClock::new(1000);
        let mut seen = HashSet::new();
        for start in [500_000, 400_000, 450_000, 300_000, 300_000, 900_000, 100_000] {
            let mut given = 0;
            for second in 0..200 {
                if let Some(at) = clock.tick(start + second * 1000 + 7) {
                    assert!(seen.insert(at), "{at} given out twice");
                    given += 1;
                }
            }
            assert!(given > 90, "starting at {start} only {given} of 200 seconds were sampled");
        }
    }
}
