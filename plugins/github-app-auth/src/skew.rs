//! How far GitHub's clock is from the host's. GitHub checks the App's token by its own clock, to the second.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};

/// Less than this is left alone: the App's token has a minute to spare at either end.
const TOLERATED: i64 = 30;

/// Seconds by which GitHub's clock is ahead, as far as it is known and matters.
#[derive(Debug, Default)]
pub(crate) struct Skew(AtomicI64);

impl Skew {
    pub(crate) fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Learns from the `date` of an answer to a request that was sent and answered at these times by the host's clock.
    pub(crate) fn learn(&self, date: Option<&str>, sent: Timestamp, received: Timestamp) {
        let Some(date) = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok())
        else {
            return;
        };
        let observed = distance(date.as_second(), sent.as_second(), received.as_second());
        let known = self.seconds();
        if (observed - known).abs() <= TOLERATED {
            return;
        }
        let corrected = if observed.abs() <= TOLERATED {
            0
        } else {
            observed
        };
        self.0.store(corrected, Ordering::Relaxed);
        if corrected == 0 {
            tracing::info!("the clock agrees with GitHub's again");
        } else {
            tracing::warn!(
                github_ahead_seconds = corrected,
                "the clock differs from GitHub's, which is corrected here; set this machine's clock"
            );
        }
    }

    /// A time of the host's clock by GitHub's.
    pub(crate) fn to_github(&self, time: Timestamp) -> Timestamp {
        shifted(time, self.seconds())
    }

    /// A time of GitHub's clock by the host's.
    pub(crate) fn to_host(&self, time: Timestamp) -> Timestamp {
        shifted(time, -self.seconds())
    }
}

fn shifted(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(time)
}

/// How far `date` is outside of the time that the exchange took. A slow answer is no skew, and `date` has whole seconds.
fn distance(date: i64, sent: i64, received: i64) -> i64 {
    let (sent, received) = (sent.min(received), received.max(sent));
    date - date.clamp(sent, received)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_skew_is_learned_kept_and_forgotten() {
        let skew = Skew::default();
        // 1994-11-06 08:49:37 UTC
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        skew.learn(date, at(784_111_777), at(784_111_778));
        assert_eq!(skew.seconds(), 0);
        skew.learn(date, at(784_111_177), at(784_111_178));
        assert_eq!(skew.seconds(), 599);
        skew.learn(date, at(784_111_187), at(784_111_187));
        assert_eq!(
            skew.seconds(),
            599,
            "ten seconds more or less are left alone"
        );
        assert_eq!(skew.to_github(at(1000)), at(1599));
        assert_eq!(skew.to_host(at(1599)), at(1000));
        skew.learn(None, at(0), at(0));
        skew.learn(Some("yesterday"), at(0), at(0));
        assert_eq!(skew.seconds(), 599);
        skew.learn(date, at(784_111_777), at(784_111_777));
        assert_eq!(skew.seconds(), 0);
    }

    #[test]
    fn a_slow_answer_is_no_skew() {
        assert_eq!(distance(100, 40, 160), 0);
        assert_eq!(distance(100, 110, 160), -10);
        assert_eq!(distance(100, 40, 60), 40);
    }
}
