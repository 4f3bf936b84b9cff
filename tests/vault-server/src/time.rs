//! Times and lengths, as Vault counts and shows them.

use std::time::Duration;

use jiff::Timestamp;

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
    fn what_is_left_is_rounded_and_never_negative() {
        let now = Timestamp::UNIX_EPOCH;
        let end = after(now, Duration::from_millis(3_599_600));
        assert_eq!(shown(left(now, end)), 3600);
        assert_eq!(left(end, now), Duration::ZERO);
    }
}
