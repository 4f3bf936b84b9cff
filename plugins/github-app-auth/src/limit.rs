//! GitHub's rate limits: how long to stay away, and staying away.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jiff::Timestamp;

use provisionhook_plugin_abi::sdk::Fault;

use crate::outside::Response;

/// GitHub's own word for a limit that does not say how long.
const UNTOLD: i64 = 60;
/// The primary limit's window. Longer waits are a damaged header, and must not shut the plugin up for good.
const LONGEST: i64 = 3600;

/// Until when GitHub is not to be asked, in seconds since 1970 by the host's clock.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    until: AtomicI64,
}

impl Limit {
    /// # Errors
    /// A `transient` fault while GitHub wants to be left alone.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Fault> {
        let left = self.until.load(Ordering::Relaxed) - now.as_second();
        // More than the longest wait can only mean that the clock was set back.
        if (1..=LONGEST).contains(&left) {
            Err(fault(left))
        } else {
            Ok(())
        }
    }

    /// Notes the wait that a refusal asks for, and puts it into a fault. `now` is by the host's clock, `github_now` by GitHub's.
    pub(crate) fn reached(
        &self,
        response: &Response,
        now: Timestamp,
        github_now: Timestamp,
    ) -> Fault {
        let seconds = wait(response, github_now);
        self.until
            .store(now.as_second() + seconds, Ordering::Relaxed);
        tracing::warn!(
            seconds,
            "GitHub's rate limit is reached; not asking until it is over"
        );
        fault(seconds)
    }
}

/// Whether a refusal is about a rate limit; `message` is GitHub's.
pub(crate) fn is_limit(response: &Response, message: &str) -> bool {
    response.status == 429
        || (response.status == 403
            && (response.retry_after.is_some()
                || used_up(response)
                || message.to_ascii_lowercase().contains("rate limit")))
}

fn used_up(response: &Response) -> bool {
    response.limit_remaining.as_deref() == Some("0")
}

/// Seconds to wait, at least one.
fn wait(response: &Response, github_now: Timestamp) -> i64 {
    let number = |header: &Option<String>| header.as_deref()?.trim().parse::<i64>().ok();
    let reset = || {
        let reset = number(&response.limit_reset).filter(|_| used_up(response))?;
        Some(reset - github_now.as_second())
    };
    number(&response.retry_after)
        .or_else(reset)
        .unwrap_or(UNTOLD)
        .clamp(1, LONGEST)
}

fn fault(seconds: i64) -> Fault {
    Fault::transient(format!(
        "GitHub's rate limit for this App is reached; it will be asked again in {seconds} s. If this happens often, \
         find out what else uses the App"
    ))
    .retry_after(Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        let find = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Response::new(status, find, *b"")
    }

    #[test]
    fn the_wait_is_what_the_headers_say() {
        let used_up = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1300"),
        ];
        let left = [
            ("x-ratelimit-remaining", "7"),
            ("x-ratelimit-reset", "1300"),
        ];
        let expectations: [(&[(&str, &str)], i64); 7] = [
            (&[("retry-after", "17"), used_up[0], used_up[1]], 17),
            (&used_up, 300),
            (&left, UNTOLD),
            (&[], UNTOLD),
            (&[("retry-after", "soon")], UNTOLD),
            (&[("retry-after", "0")], 1),
            (&[("retry-after", "999999999999")], LONGEST),
        ];
        for (headers, seconds) in expectations {
            assert_eq!(
                wait(&response(403, headers), at(1000)),
                seconds,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_limit_is_told_from_other_refusals() {
        assert!(is_limit(&response(429, &[]), ""));
        assert!(is_limit(
            &response(403, &[]),
            "You have exceeded a secondary rate limit."
        ));
        assert!(is_limit(
            &response(403, &[("x-ratelimit-remaining", "0")]),
            ""
        ));
        assert!(!is_limit(
            &response(403, &[("x-ratelimit-remaining", "5")]),
            "Forbidden"
        ));
        assert!(!is_limit(&response(401, &[("retry-after", "5")]), ""));
    }

    #[test]
    fn nothing_is_asked_until_the_wait_is_over() {
        let limit = Limit::default();
        limit.check(at(1000)).unwrap();
        limit.reached(&response(429, &[("retry-after", "10")]), at(1000), at(5000));
        let fault = limit.check(at(1003)).unwrap_err();
        assert_eq!(fault.retry_delay(), Some(Duration::from_secs(7)));
        limit.check(at(1010)).unwrap();
        limit.check(at(-9000)).unwrap();
    }
}
