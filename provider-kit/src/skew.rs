//! How far a service's clock is from the host's, learned from the `Date` of its answers.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use provisionhook_plugin_abi::sdk::Response;

use crate::service::Service;

/// Less than this is left alone: `Date` has whole seconds, and answers take their time.
const TOLERATED: i64 = 30;

/// Seconds by which the service's clock is ahead, as far as it is known and matters.
///
/// A service judges signatures and says when tokens end by its own clock. Sign with [`to_service`](Self::to_service), and
/// put what it says through [`to_host`](Self::to_host).
#[derive(Debug, Default)]
pub struct Skew(AtomicI64);

impl Skew {
    /// By how much the service's clock is ahead.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Learns from an answer to a request that was sent and answered at these times by the host's clock.
    pub fn learn(
        &self,
        service: &Service,
        response: &Response,
        sent: Timestamp,
        received: Timestamp,
    ) {
        let Some(date) = date(response) else {
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
        let service = service.name();
        if corrected == 0 {
            tracing::info!(service, "the clock agrees with the service's again");
        } else {
            tracing::warn!(
                service,
                service_ahead_seconds = corrected,
                "the clock differs from the service's, which is corrected here; set this machine's clock"
            );
        }
    }

    /// A time of the host's clock by the service's.
    #[must_use]
    pub fn to_service(&self, time: Timestamp) -> Timestamp {
        shifted(time, self.seconds())
    }

    /// A time of the service's clock by the host's.
    #[must_use]
    pub fn to_host(&self, time: Timestamp) -> Timestamp {
        shifted(time, -self.seconds())
    }
}

/// When an answer was sent, by the service's clock.
pub(crate) fn date(response: &Response) -> Option<Timestamp> {
    http_date(response.header("date")?)
}

/// An HTTP date. The obsolete forms, which nobody sends, are not read.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

fn shifted(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(time)
}

/// How far `date` is outside of the time that the exchange took. A slow answer is no skew.
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

    fn learn(skew: &Skew, date: Option<&str>, second: i64) {
        let headers = date.map(|date| ("date".to_owned(), date.to_owned()));
        let service = Service::new("Example", "https://api.example.com");
        let response = Response::new(200, headers, "");
        skew.learn(&service, &response, at(second), at(second));
    }

    #[test]
    fn a_skew_is_learned_kept_and_forgotten() {
        let skew = Skew::default();
        // 784_111_777 s after 1970
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        learn(&skew, date, 784_111_777);
        assert_eq!(skew.seconds(), 0);
        learn(&skew, date, 784_111_178);
        assert_eq!(skew.seconds(), 599);
        learn(&skew, date, 784_111_187);
        assert_eq!(
            skew.seconds(),
            599,
            "ten seconds more or less are left alone"
        );
        assert_eq!(skew.to_service(at(1000)), at(1599));
        assert_eq!(skew.to_host(at(1599)), at(1000));
        learn(&skew, None, 0);
        learn(&skew, Some("yesterday"), 0);
        assert_eq!(skew.seconds(), 599);
        learn(&skew, date, 784_111_777);
        assert_eq!(skew.seconds(), 0);
    }

    #[test]
    fn a_slow_answer_is_no_skew() {
        assert_eq!(distance(100, 40, 160), 0);
        assert_eq!(distance(100, 110, 160), -10);
        assert_eq!(distance(100, 40, 60), 40);
    }
}
