//! The wall clock as this crate records it: milliseconds since the Unix epoch, UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now. A clock before 1970 reads as 0.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    // A time that no calendar has cannot come from a clock.
    jiff::Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
