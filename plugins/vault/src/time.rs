//! Times and lengths that do not overflow.

use std::time::Duration;

use jiff::Timestamp;

/// `time` and a length.
pub(crate) fn after(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// `time` less a length.
pub(crate) fn before(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// What is left until `end`; nothing when it is over.
pub(crate) fn left(now: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or_default()
}

/// A time for people.
pub(crate) fn shown(time: Timestamp) -> impl std::fmt::Display {
    time.round(jiff::Unit::Second).unwrap_or(time)
}
