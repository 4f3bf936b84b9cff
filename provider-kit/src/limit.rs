//! Rate limits: how long to stay away, and staying away.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::{Fault, Response};

use crate::{
    service::Service,
    skew::{date, http_date},
};

/// How a service tells that a limit is reached. `Retry-After` is always looked at first, in seconds or as a date.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The wait when the service does not say how long.
    pub untold: Duration,
    /// The longest wait. More is a damaged header, and must not shut the plugin up for good.
    pub longest: Duration,
    /// The header that says when the limit ends: in seconds since 1970, or in seconds from now.
    pub reset: Option<&'static str>,
    /// The header that says how many requests are left: 403 with `0` is a limit, and `reset` is believed only then.
    pub remaining: Option<&'static str>,
}

impl Default for Rules {
    /// A minute when nothing is told, an hour at most, no other headers than `Retry-After`.
    fn default() -> Self {
        Self {
            untold: Duration::from_secs(60),
            longest: Duration::from_secs(3600),
            reset: None,
            remaining: None,
        }
    }
}

/// Until when a service is not to be asked, by the host's clock. One for each thing that the service counts: usually the
/// credentials.
///
/// Before each request [`check`](Self::check); after each, `if limit.is_reached(…) { return Err(limit.reached(…)) }`.
#[derive(Debug, Default)]
pub struct Limit {
    rules: Rules,
    until: AtomicI64,
}

impl Limit {
    /// Nothing is reached yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            until: AtomicI64::new(0),
        }
    }

    /// # Errors
    /// A `transient` fault while the service wants to be left alone.
    pub fn check(&self, service: &Service, now: Timestamp) -> Result<(), Fault> {
        let left = self.until.load(Ordering::Relaxed) - now.as_second();
        // More than the longest wait can only mean that the clock was set back.
        if (1..=seconds(self.rules.longest)).contains(&left) {
            Err(fault(service, left))
        } else {
            Ok(())
        }
    }

    /// Whether an answer is about a rate limit: every 429, and a 403 with `Retry-After`, with nothing remaining, or with a
    /// `message` (the service's own) that says so. A service that tells it in another way has a row in the plugin.
    #[must_use]
    pub fn is_reached(&self, response: &Response, message: &str) -> bool {
        response.status() == 429
            || (response.status() == 403
                && (response.header("retry-after").is_some()
                    || self.used_up(response) == Some(true)
                    || message.to_ascii_lowercase().contains("rate limit")))
    }

    /// Notes the wait that an answer asks for, and puts it into a `transient` fault. `now` is by the host's clock.
    pub fn reached(&self, service: &Service, response: &Response, now: Timestamp) -> Fault {
        let seconds = self.wait(response, now);
        self.until
            .store(now.as_second() + seconds, Ordering::Relaxed);
        tracing::warn!(
            service = service.name(),
            seconds,
            "the rate limit is reached; not asking until it is over"
        );
        fault(service, seconds)
    }

    /// Seconds to wait, at least one.
    fn wait(&self, response: &Response, now: Timestamp) -> i64 {
        told_wait(response, Some(now))
            .or_else(|| self.until_reset(response, now))
            .unwrap_or(seconds(self.rules.untold))
            .clamp(1, seconds(self.rules.longest))
    }

    fn until_reset(&self, response: &Response, now: Timestamp) -> Option<i64> {
        if self.used_up(response) == Some(false) {
            return None;
        }
        let reset = whole(response.header(self.rules.reset?)?)?;
        if reset < EARLIEST_TIME {
            return Some(reset);
        }
        Some(reset - date(response).unwrap_or(now).as_second())
    }

    /// None when the service does not count aloud.
    fn used_up(&self, response: &Response) -> Option<bool> {
        let remaining = self.rules.remaining?;
        Some(response.header(remaining).map(str::trim) == Some("0"))
    }
}

/// A smaller number is no time of a service's but a distance: nobody waits for years.
const EARLIEST_TIME: i64 = 1_000_000_000;

/// The seconds that `Retry-After` asks for. A date there is compared with the answer's own, which is of the same clock, or
/// else with `now`.
pub(crate) fn told_wait(response: &Response, now: Option<Timestamp>) -> Option<i64> {
    let told = response.header("retry-after")?;
    whole(told).filter(|seconds| *seconds >= 0).or_else(|| {
        let then = http_date(told)?;
        let now = date(response).or(now)?;
        Some((then.as_second() - now.as_second()).max(0))
    })
}

fn whole(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn fault(service: &Service, seconds: i64) -> Fault {
    Fault::transient(format!(
        "the rate limit of {} is reached; it will be asked again in {seconds} s. If this happens often, find out what else \
         uses the same credentials",
        service.name()
    ))
    .retry_after(Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTOLD: i64 = 60;
    const LONGEST: i64 = 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn service() -> Service {
        Service::new("Example", "https://api.example.com")
    }

    fn limit() -> Limit {
        Limit::new(Rules {
            reset: Some("reset"),
            remaining: Some("remaining"),
            ..Rules::default()
        })
    }

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Response::new(status, headers.iter().map(owned), "")
    }

    #[test]
    fn the_wait_is_what_the_headers_say() {
        let now = at(784_111_777);
        let date = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let later = ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT");
        let used_up = ("remaining", "0");
        let expectations: [(&[(&str, &str)], i64); 12] = [
            (&[("Retry-After", "17"), used_up, ("reset", "300")], 17),
            (&[used_up, ("reset", "300")], 300),
            (&[used_up, ("reset", "2000000000"), date], LONGEST),
            (&[("remaining", "7"), ("reset", "300")], UNTOLD),
            (&[], UNTOLD),
            (&[("retry-after", "soon")], UNTOLD),
            (&[("retry-after", "-5")], UNTOLD),
            (&[("retry-after", "0")], 1),
            (&[("retry-after", "999999999999")], LONGEST),
            (&[later, date], 30),
            (&[later], 30),
            (&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), date], 1),
        ];
        for (headers, seconds) in expectations {
            let found = limit().wait(&response(403, headers), now);
            assert_eq!(found, seconds, "{headers:?}");
        }
    }

    #[test]
    fn a_date_is_taken_by_the_clock_that_wrote_it() {
        let headers = [
            ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        assert_eq!(limit().wait(&response(429, &headers), at(0)), 30);
        let headers = [
            ("remaining", "0"),
            ("reset", "1000000100"),
            ("date", "Sun, 09 Sep 2001 01:46:40 GMT"),
        ];
        assert_eq!(limit().wait(&response(429, &headers), at(0)), 100);
    }

    #[test]
    fn a_reset_counts_for_services_that_do_not_count_aloud() {
        let limit = Limit::new(Rules {
            reset: Some("ratelimit-reset"),
            ..Rules::default()
        });
        let found = limit.wait(&response(429, &[("ratelimit-reset", "45")]), at(1000));
        assert_eq!(found, 45);
    }

    #[test]
    fn a_limit_is_told_from_other_refusals() {
        let is_reached =
            |status, headers, message| limit().is_reached(&response(status, headers), message);
        assert!(is_reached(429, &[], ""));
        assert!(is_reached(403, &[], "You have exceeded a Rate Limit."));
        assert!(is_reached(403, &[("remaining", "0")], ""));
        assert!(is_reached(403, &[("retry-after", "0")], ""));
        assert!(!is_reached(403, &[("remaining", "5")], "Forbidden"));
        assert!(!is_reached(401, &[("retry-after", "5")], ""));
        assert!(!Limit::default().is_reached(&response(403, &[("remaining", "0")]), ""));
    }

    #[test]
    fn nothing_is_asked_until_the_wait_is_over() {
        let (limit, service) = (limit(), service());
        limit.check(&service, at(1000)).unwrap();
        limit.reached(&service, &response(429, &[("retry-after", "10")]), at(1000));
        let fault = limit.check(&service, at(1003)).unwrap_err();
        assert_eq!(fault.retry_delay(), Some(Duration::from_secs(7)));
        assert!(
            fault
                .message()
                .starts_with("the rate limit of Example is reached")
        );
        limit.check(&service, at(1010)).unwrap();
        limit.check(&service, at(-9000)).unwrap();
    }
}
