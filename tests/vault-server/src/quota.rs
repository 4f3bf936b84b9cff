//! The rate limit quota that requests use up.

use jiff::Timestamp;

use crate::world::Quota;

/// What was used of it.
pub(crate) struct Used {
    quota: Option<Quota>,
    window_start: i64,
    requests: u32,
}

impl Used {
    pub(crate) fn new(quota: Option<Quota>) -> Self {
        Self {
            quota,
            window_start: 0,
            requests: 0,
        }
    }

    /// Uses a request up; seconds to wait when there is none left.
    pub(crate) fn spend(&mut self, now: Timestamp) -> Option<u64> {
        let quota = self.quota?;
        let now = now.as_second();
        let end = self.window_start + i64::from(quota.seconds);
        if now >= end {
            (self.window_start, self.requests) = (now, 1);
            return None;
        }
        self.requests += 1;
        (self.requests > quota.requests).then(|| (end - now).unsigned_abs())
    }
}
