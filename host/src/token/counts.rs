//! How often the cache had a token, and how often a provider had to be asked.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A reading. The figures may be some requests apart from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Requests that the cache answered.
    pub hits: u64,
    /// Requests that waited for a provider, or for its last failure to be over.
    pub misses: u64,
    /// Times that a provider was asked.
    pub refreshes: u64,
    /// Those of them that came to no token.
    pub failures: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) refreshes: AtomicU64,
    pub(super) failures: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> TokenCounts {
        TokenCounts {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            refreshes: self.refreshes.load(Relaxed),
            failures: self.failures.load(Relaxed),
        }
    }
}
