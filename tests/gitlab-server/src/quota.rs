//! What is left of the minute, as the `RateLimit-…` headers tell it, and the answer when nothing is.

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use server_kit::Clock;

use crate::tokens::until_next;

#[derive(Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) authenticated: bool,
    pub(crate) limit: u64,
    pub(crate) observed: u64,
}

impl Quota {
    pub(crate) fn is_exceeded(self) -> bool {
        self.observed > self.limit
    }

    /// Every answer has these, unless a fault already told otherwise.
    pub(crate) fn stamp(self, headers: &mut HeaderMap, now: Timestamp) {
        let name = if self.authenticated {
            "throttle_authenticated_api"
        } else {
            "throttle_unauthenticated_api"
        };
        let reset = now.as_second() + until_next(now, SignedDuration::from_mins(1));
        let values = [
            ("ratelimit-limit", HeaderValue::from(self.limit)),
            ("ratelimit-name", HeaderValue::from_static(name)),
            ("ratelimit-observed", HeaderValue::from(self.observed)),
            (
                "ratelimit-remaining",
                HeaderValue::from(self.limit.saturating_sub(self.observed)),
            ),
            ("ratelimit-reset", HeaderValue::from(reset)),
        ];
        for (name, value) in values {
            headers
                .entry(HeaderName::from_static(name))
                .or_insert(value);
        }
    }

    /// 429 until the minute is over.
    pub(crate) fn refusal(self, now: Timestamp) -> Response {
        let wait = until_next(now, SignedDuration::from_mins(1));
        throttled(Some(wait), now)
    }
}

/// The same for a fault: it says how long, or leaves the header out.
pub(crate) fn rate_limited(wait: Option<Duration>, clock: &Clock) -> Response {
    let wait = wait.map(|wait| i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
    throttled(wait, clock.now())
}

/// Plain text, as the documentation says.
fn throttled(wait: Option<i64>, now: Timestamp) -> Response {
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "Retry later\n").into_response();
    let Some(wait) = wait else {
        return response;
    };
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    headers.insert("ratelimit-remaining", HeaderValue::from(0));
    headers.insert("ratelimit-reset", HeaderValue::from(now.as_second() + wait));
    let reset = now.saturating_add(SignedDuration::from_secs(wait));
    let date = reset.ok().and_then(|reset| {
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&reset)
            .ok()
    });
    if let Some(date) = date.and_then(|date| HeaderValue::try_from(date).ok()) {
        headers.insert("ratelimit-resettime", date);
    }
    response
}
