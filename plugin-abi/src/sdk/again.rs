//! When a plugin wants to be called again.

use std::time::Duration;

/// When to call again while the workspace lives. The last answer counts, and the host waits for at least a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again(Option<Duration>);

impl Again {
    /// Not until the platform restarts.
    #[must_use]
    pub fn never() -> Self {
        Self(None)
    }

    /// After so long. Precise to the millisecond.
    #[must_use]
    pub fn after(delay: Duration) -> Self {
        Self(Some(delay))
    }

    /// How long to wait; `None` for [`never`](Self::never).
    #[must_use]
    pub fn delay(self) -> Option<Duration> {
        self.0
    }
}
