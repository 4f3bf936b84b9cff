//! The two limits of Rack::Attack: requests in a minute, and a ban after failed authentications.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::quota::Quota;

/// How much is borne.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests of a user in a minute.
    pub(crate) authenticated: u64,
    /// Requests without a good token in a minute.
    pub(crate) unauthenticated: u64,
    /// So many failed authentications …
    pub(crate) failures: u64,
    /// … within this time …
    pub(crate) within: Duration,
    /// … ban the address for so long.
    pub(crate) ban: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            authenticated: 2000,
            unauthenticated: 500,
            failures: 30,
            within: Duration::from_secs(3 * 60),
            ban: Duration::from_secs(60 * 60),
        }
    }
}

pub(crate) struct Throttle {
    limits: Limits,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// Requests of the current minute by user; none is everybody without a good token.
    counts: HashMap<Option<u64>, u64>,
    minute: i64,
    failures: Vec<Timestamp>,
    banned_until: Option<Timestamp>,
}

impl Throttle {
    pub(crate) fn new(limits: Limits) -> Self {
        let book = Mutex::default();
        Self { limits, book }
    }

    pub(crate) fn is_banned(&self, now: Timestamp) -> bool {
        self.book().banned_until.is_some_and(|until| now < until)
    }

    /// Counts a request.
    pub(crate) fn count(&self, user: Option<u64>, now: Timestamp) -> Quota {
        let mut book = self.book();
        let minute = now.as_second().div_euclid(60);
        if book.minute != minute {
            book.minute = minute;
            book.counts.clear();
        }
        let observed = book.counts.entry(user).or_default();
        *observed += 1;
        Quota {
            authenticated: user.is_some(),
            limit: match user {
                Some(_) => self.limits.authenticated,
                None => self.limits.unauthenticated,
            },
            observed: *observed,
        }
    }

    /// Counts a failed authentication; one that succeeds takes all failures back.
    pub(crate) fn authenticated(&self, well: bool, now: Timestamp) {
        let mut book = self.book();
        if well {
            book.failures.clear();
            return;
        }
        let since = now.saturating_sub(self.limits.within).unwrap_or(now);
        book.failures.retain(|failure| *failure > since);
        book.failures.push(now);
        if u64::try_from(book.failures.len()).is_ok_and(|count| count >= self.limits.failures) {
            book.failures.clear();
            book.banned_until = now.saturating_add(self.limits.ban).ok();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_ban_for_an_hour() {
        let throttle = Throttle::new(Limits::default());
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        for second in 0..29 {
            throttle.authenticated(false, at(second));
        }
        throttle.authenticated(true, at(29));
        throttle.authenticated(false, at(30));
        assert!(!throttle.is_banned(at(31)), "success takes failures back");
        for second in 31..60 {
            throttle.authenticated(false, at(second));
        }
        assert!(throttle.is_banned(at(60)) && throttle.is_banned(at(59 + 3599)));
        assert!(!throttle.is_banned(at(59 + 3600)));
    }
}
