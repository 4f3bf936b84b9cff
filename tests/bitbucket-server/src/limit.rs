//! The hour's requests, in a window that rolls.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use server_kit::Clock;

const WINDOW: SignedDuration = SignedDuration::from_hours(1);

pub(crate) struct Limit {
    most: usize,
    taken: Mutex<VecDeque<Timestamp>>,
}

impl Limit {
    pub(crate) fn new(most: usize) -> Self {
        let taken = Mutex::default();
        Self { most, taken }
    }

    /// Counts a request; false if there have been too many.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_sub(WINDOW).unwrap_or(now);
        taken.retain(|time| *time > since);
        let allowed = taken.len() < self.most;
        if allowed {
            taken.push_back(now);
        }
        allowed
    }
}

/// Plain text, and as a rule not a word about how long.
pub(crate) fn rate_limited(wait: Option<Duration>, _: &Clock) -> Response {
    let text = "Rate limit for this resource has been exceeded";
    let mut response = (StatusCode::TOO_MANY_REQUESTS, text).into_response();
    if let Some(wait) = wait {
        response
            .headers_mut()
            .insert(RETRY_AFTER, wait.as_secs().into());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_rolls() {
        let limit = Limit::new(2);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(limit.take(at(0)) && limit.take(at(1800)) && !limit.take(at(3599)));
        assert!(limit.take(at(3601)) && !limit.take(at(3602)));
    }
}
