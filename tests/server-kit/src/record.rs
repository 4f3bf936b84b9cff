//! The record of requests.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One request, recorded on arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// The method, such as `POST`.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query, without the question mark; empty for none.
    pub query: String,
    /// The status of the answer; none while there is none, or when the client went away first.
    pub status: Option<u16>,
}

impl RequestRecord {
    /// `METHOD /path`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

#[derive(Default)]
pub(crate) struct Records(Mutex<Vec<RequestRecord>>);

impl Records {
    /// Records a request; the number is for [`close`](Self::close).
    pub(crate) fn open(&self, record: RequestRecord) -> usize {
        let mut records = self.locked();
        records.push(record);
        records.len() - 1
    }

    pub(crate) fn close(&self, number: usize, status: u16) {
        if let Some(record) = self.locked().get_mut(number) {
            record.status = Some(status);
        }
    }

    pub(crate) fn all(&self) -> Vec<RequestRecord> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<RequestRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
