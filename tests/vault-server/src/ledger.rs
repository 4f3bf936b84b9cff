//! The record of requests, and the rate limit quota that they use up.

use jiff::Timestamp;

use crate::world::Quota;

/// One request, recorded on arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// The method, such as `GET`.
    pub method: String,
    /// The path without `/v1/` and without its query.
    pub path: String,
    /// What the header `X-Vault-Namespace` says.
    pub namespace: String,
    /// The status of the answer; none while there is none, or when the client went away first.
    pub status: Option<u16>,
}

/// All requests.
pub(crate) struct Ledger {
    pub(crate) records: Vec<RequestRecord>,
    quota: Option<Quota>,
    window_start: i64,
    used: u32,
}

impl Ledger {
    pub(crate) fn new(quota: Option<Quota>) -> Self {
        Self {
            records: Vec::new(),
            quota,
            window_start: 0,
            used: 0,
        }
    }

    /// Records a request; the number is for [`close`](Self::close).
    pub(crate) fn open(&mut self, record: RequestRecord) -> usize {
        self.records.push(record);
        self.records.len() - 1
    }

    pub(crate) fn close(&mut self, number: usize, status: u16) {
        if let Some(record) = self.records.get_mut(number) {
            record.status = Some(status);
        }
    }

    /// Uses the quota up; seconds to wait when it is exceeded.
    pub(crate) fn spend(&mut self, now: Timestamp) -> Option<u64> {
        let quota = self.quota?;
        let now = now.as_second();
        let end = self.window_start + i64::from(quota.seconds);
        if now >= end {
            (self.window_start, self.used) = (now, 1);
            return None;
        }
        self.used += 1;
        (self.used > quota.requests).then(|| (end - now).unsigned_abs())
    }
}
