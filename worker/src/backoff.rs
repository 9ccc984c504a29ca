//! Waits between attempts: doubling, bounded, and spread out so that many workers do not call at once.

use crate::random;
use std::time::Duration;

/// Exponential back-off.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits `first`, then twice as long each time, up to `most`.
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The one for calls to the coordinator: 100 ms to 5 s.
    pub(crate) fn calls() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }

    /// The next wait, exactly.
    pub(crate) fn wait(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.most);
        now
    }

    /// The next wait, between half of it and all of it.
    pub(crate) fn jittered(&mut self) -> Duration {
        self.wait().mul_f64(0.5 + 0.5 * random::fraction())
    }

    /// Whether nothing was waited for since the start or the last reset.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next == self.first
    }

    /// Starts over, after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_bound_and_starts_over() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(1));
        let waits: Vec<u128> = (0..5).map(|_| backoff.wait().as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1000, 1000]);
        assert!(!backoff.is_fresh());
        backoff.reset();
        assert!(backoff.is_fresh());
        let wait = backoff.jittered();
        assert!(wait >= Duration::from_millis(100) && wait <= Duration::from_millis(200), "{wait:?}");
    }
}
