//! How much is kept of what passes through something that was run without a terminal. Files are copied by such programs, so
//! that not all of it can be; what a person types and reads always is.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes that are kept at once.
const AT_ONCE: u64 = 1 << 20;
/// Bytes a second beyond that.
const STEADY: u64 = 16 << 10;

/// Of one way.
pub(super) struct Sieve {
    room: u64,
    filled: Instant,
    left_out: u64,
}

impl Sieve {
    pub(super) fn new(now: Instant) -> Self {
        Self { room: AT_ONCE, filled: now, left_out: 0 }
    }

    /// Whether these bytes are kept; those that are not are counted.
    pub(super) fn lets(&mut self, bytes: usize, now: Instant) -> bool {
        let whole = (now - self.filled).as_secs();
        self.filled += Duration::from_secs(whole);
        self.room = self.room.saturating_add(whole.saturating_mul(STEADY)).min(AT_ONCE);
        let bytes = bytes as u64;
        let fits = bytes <= self.room;
        match fits {
            true => self.room -= bytes,
            false => self.left_out += bytes,
        }
        fits
    }

    /// How many bytes were left out since this was asked last.
    pub(super) fn take_left_out(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.left_out)).filter(|bytes| *bytes > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_left_out_and_counted_and_what_is_typed_after_it_is_kept() {
        let begun = Instant::now();
        let mut sieve = Sieve::new(begun);
        let piece = 16 << 10;
        let kept = (0..1000).filter(|_| sieve.lets(piece, begun)).count();
        assert_eq!(kept, 64, "a megabyte");
        assert_eq!(sieve.take_left_out(), Some((1000 - 64) * (16 << 10)));
        assert_eq!(sieve.take_left_out(), None);
        assert!(!sieve.lets(1, begun + Duration::from_millis(900)));
        assert!(sieve.lets(piece, begun + Duration::from_millis(1100)), "a second later there is room again");
        assert!(!sieve.lets(1, begun + Duration::from_millis(1900)));
        let later = begun + Duration::from_secs(3600);
        assert_eq!((0..1000).filter(|_| sieve.lets(piece, later)).count(), 64, "and never more than at first");
    }
}
