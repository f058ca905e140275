//! How long to wait between attempts.

use std::time::Duration;

/// Doubles from `first` to `most`, each spread by a quarter either way, so that many hosts do not come back at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts at `first`, never over `most` (before spreading).
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    /// The link was fine: start over.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.first.saturating_mul(1 << self.failures.min(16)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        let random = getrandom::u32().unwrap_or(u32::MAX / 2);
        pause.mul_f64(0.75 + 0.5 * f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_most_with_spread() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
        for middle in [500, 1000, 2000, 4000, 8000, 15_000, 15_000] {
            let pause = backoff.next_pause().as_millis();
            assert!((middle * 3 / 4..=middle * 5 / 4 + 1).contains(&pause), "{pause} around {middle}");
        }
        backoff.reset();
        assert!(backoff.next_pause() < Duration::from_millis(700));
    }
}
