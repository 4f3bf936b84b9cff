//! Vault's clock, which a test moves on so that lifetimes pass quickly.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// The real time, and how far it was moved on.
#[derive(Default)]
pub(crate) struct Clock {
    ahead_millis: AtomicU64,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_millis.load(Ordering::Relaxed));
        after(Timestamp::now(), ahead)
    }

    pub(crate) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
    }
}

/// `time` and a length, held at the end of time instead of overflowing.
pub(crate) fn after(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// What is left from `now` until `end`, none when it is over.
pub(crate) fn left(now: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or_default()
}

/// The number of seconds that Vault shows: rounded, because its own clock has been ticking already.
pub(crate) fn shown(length: Duration) -> u64 {
    length.as_secs() + u64::from(length.subsec_millis() >= 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_on_and_rounds() {
        let clock = Clock::default();
        let before = clock.now();
        clock.advance(Duration::from_secs(3600));
        let passed = left(before, clock.now());
        assert_eq!(shown(passed), 3600, "{passed:?}");
        assert_eq!(left(clock.now(), before), Duration::ZERO);
        assert_eq!(shown(Duration::from_millis(3_599_600)), 3600);
    }
}
