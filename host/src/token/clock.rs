//! Time as the broker sees it, and chance.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

/// Says what time it is for the people who set `expires_at`.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Two clocks, because a token dies by the wall clock, which may be set back and forth, and grows old by the monotonic
/// one, which may not.
pub(super) struct Clock {
    start: Instant,
    wall: WallClock,
}

/// One moment on both clocks.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// Milliseconds since the broker was made.
    pub(super) age: u64,
    /// Milliseconds since 1970 UTC.
    pub(super) wall: i64,
}

impl Clock {
    pub(super) fn new(wall: WallClock) -> Self {
        Self {
            start: Instant::now(),
            wall,
        }
    }

    pub(super) fn now(&self) -> Now {
        Now {
            age: millis(self.start.elapsed()),
            wall: (self.wall)().as_millisecond(),
        }
    }

    /// The instant at which the broker has this age.
    pub(super) fn instant(&self, age: u64) -> Instant {
        self.start + Duration::from_millis(age)
    }
}

/// Whole milliseconds; the largest number for what does not fit.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A part of `whole`, drawn evenly from this range of hundredths.
pub(super) fn random_part(whole: u64, hundredths: RangeInclusive<u64>) -> u64 {
    // In 1/1024 of the range, so that tokens with a common life still differ. Without randomness the middle will do.
    let draw = getrandom::u64().unwrap_or(512) % 1024;
    let width = hundredths.end().saturating_sub(*hundredths.start());
    let part = hundredths
        .start()
        .saturating_mul(1024)
        .saturating_add(width.saturating_mul(draw));
    let product = u128::from(whole).saturating_mul(u128::from(part));
    u64::try_from(product / (100 * 1024)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_parts_stay_in_their_range_and_differ() {
        let drawn: std::collections::BTreeSet<u64> =
            (0..100).map(|_| random_part(1_000_000, 75..=90)).collect();
        assert!(
            drawn.iter().all(|part| (750_000..=900_000).contains(part)),
            "{drawn:?}"
        );
        assert!(drawn.len() > 10, "{drawn:?}");
    }
}
