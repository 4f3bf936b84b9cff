//! Times that cannot overflow.

use std::time::Duration;

use jiff::Timestamp;

/// `time` and a length, held at the end of time instead of overflowing.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
