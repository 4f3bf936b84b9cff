//! Time as the broker sees it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::millis;

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
