//! The record of requests, and the primary rate limit that they use up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

const WINDOW_SECONDS: i64 = 3600;

/// One request, recorded on arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// The method, such as `POST`.
    pub method: String,
    /// The path with its prefix and without its query.
    pub path: String,
    /// The status of the answer; none while there is none, or when the client went away first.
    pub status: Option<u16>,
}

impl RequestRecord {
    /// Whether it asks for an installation token.
    #[must_use]
    pub fn is_for_a_token(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/access_tokens")
    }
}

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

pub(crate) struct Ledger {
    limit: u32,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    records: Vec<RequestRecord>,
    window_start: i64,
    used: u32,
}

impl Ledger {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            book: Mutex::default(),
        }
    }

    /// Records a request and counts it; the number is for [`close`](Self::close).
    pub(crate) fn open(&self, method: &str, path: &str, now: Timestamp) -> (usize, Quota) {
        let mut book = self.locked();
        let now = now.as_second();
        if now >= book.window_start.saturating_add(WINDOW_SECONDS) || now < book.window_start {
            book.window_start = now;
            book.used = 0;
        }
        book.used = book.used.saturating_add(1);
        book.records.push(RequestRecord {
            method: method.to_owned(),
            path: path.to_owned(),
            status: None,
        });
        let quota = Quota {
            limit: self.limit,
            used: book.used,
            reset: book.window_start.saturating_add(WINDOW_SECONDS),
        };
        (book.records.len() - 1, quota)
    }

    pub(crate) fn close(&self, entry: usize, status: u16) {
        if let Some(record) = self.locked().records.get_mut(entry) {
            record.status = Some(status);
        }
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.locked().records.clone()
    }

    fn locked(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_s_requests_come_back_when_it_is_over() {
        let ledger = Ledger::new(2);
        let start = Timestamp::from_second(1_000_000).unwrap();
        let quotas: Vec<_> = (0..3)
            .map(|_| ledger.open("GET", "/app", start).1)
            .collect();
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
        assert!(!ledger.open("GET", "/app", next_hour).1.exceeded());
    }
}
