//! Where the driver's time comes from.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use sweeper_core::ids::Millis;

/// A clock that never goes back.
pub trait Clock: Send + 'static {
    /// Milliseconds since the Unix epoch; never less than it answered before.
    fn now(&mut self) -> Millis;
}

/// The machine's time of day when it was made, and from then on the time that passed: setting the machine's clock
/// ends no lease.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
    base: Millis,
}

impl SystemClock {
    /// Starts now, but not before `floor`: facts that are stored already are not in the future.
    #[must_use]
    pub fn starting_at_least(floor: Millis) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis);
        Self { started: Instant::now(), base: Millis(wall).max(floor) }
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> Millis {
        self.base.plus(millis(self.started.elapsed()))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_starts_before_the_last_fact() {
        let far = Millis(1 << 50);
        let mut clock = SystemClock::starting_at_least(far);
        let first = clock.now();
        assert!(first >= far);
        assert!(clock.now() >= first);
        assert!(SystemClock::starting_at_least(Millis(0)).now().0 > 1_700_000_000_000);
    }
}
