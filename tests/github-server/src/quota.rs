//! The primary rate limit, which every request uses up.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

const WINDOW_SECONDS: i64 = 3600;

/// What is left of the hour's requests, as the `x-ratelimit-…` headers tell it.
#[derive(Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) limit: u32,
    pub(crate) used: u32,
    pub(crate) reset: i64,
}

impl Quota {
    pub(crate) fn remaining(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }

    pub(crate) fn exceeded(self) -> bool {
        self.used > self.limit
    }
}

/// Counts the hour's requests.
pub(crate) struct Hour {
    limit: u32,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    start: i64,
    used: u32,
}

impl Hour {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            window: Mutex::default(),
        }
    }

    /// Counts a request.
    pub(crate) fn spend(&self, now: Timestamp) -> Quota {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.as_second();
        if now >= window.start.saturating_add(WINDOW_SECONDS) || now < window.start {
            *window = Window {
                start: now,
                used: 0,
            };
        }
        window.used = window.used.saturating_add(1);
        Quota {
            limit: self.limit,
            used: window.used,
            reset: window.start.saturating_add(WINDOW_SECONDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_s_requests_come_back_when_it_is_over() {
        let hour = Hour::new(2);
        let start = Timestamp::from_second(1_000_000).unwrap();
        let quotas: Vec<_> = (0..3).map(|_| hour.spend(start)).collect();
        assert_eq!(
            quotas
                .iter()
                .map(|quota| quota.remaining())
                .collect::<Vec<_>>(),
            [1, 0, 0]
        );
        assert_eq!(
            quotas
                .iter()
                .map(|quota| quota.exceeded())
                .collect::<Vec<_>>(),
            [false, false, true]
        );
        let next_hour = Timestamp::from_second(quotas[0].reset).unwrap();
        assert!(!hour.spend(next_hour).exceeded());
    }
}
