//! The log as it grows, without loss and without double.

use std::collections::VecDeque;

use tokio::sync::watch;

use super::Filter;
use crate::store::{Event, Kept, Store, StoreError};

/// How many events are read at once: some 50 KB.
const PAGE: u32 = 256;

/// Reads the log from a place on, and waits at its end.
pub struct Follower {
    store: Store,
    filter: Filter,
    last: watch::Receiver<i64>,
    /// INVARIANT: all events up to this one have been given or do not pass, but for those of `page`.
    read: i64,
    page: VecDeque<Event>,
}

/// There is no way on.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// What follows is not kept any more, or the log is not the one that the place belongs to.
    #[error(
        "expected the number of an event from {} to {}, found {after}: what followed it is not kept any more",
        kept.first - 1, kept.last
    )]
    Lost {
        /// Where it went on.
        after: i64,
        /// What there is.
        kept: Kept,
    },
    /// The log cannot be read.
    #[error("the log of events cannot be read")]
    Store(#[from] StoreError),
}

impl Follower {
    pub(super) fn new(store: Store, filter: Filter, after: i64) -> Self {
        let last = store.last_event();
        Self {
            store,
            filter,
            last,
            read: after,
            page: VecDeque::new(),
        }
    }

    /// The next event that passes the filter, when there is one. A future that is dropped has lost nothing.
    pub async fn next(&mut self) -> Result<Event, FollowError> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Ok(event);
            }
            // Before the log is read, so that an event that comes meanwhile is not slept through.
            let last = *self.last.borrow_and_update();
            let after = self.read;
            let of = self.filter.workspace();
            let page = self.store.events(of, after, PAGE).await?;
            if !page.kept.follows(after) {
                let kept = page.kept;
                return Err(FollowError::Lost { after, kept });
            }
            let passing = page.events.into_iter();
            self.page = passing.filter(|event| self.filter.passes(event)).collect();
            self.read = page.next;
            if self.page.is_empty() && self.read >= last {
                // Only a closed store has no more to say, and reading it says so.
                drop(self.last.changed().await);
            }
        }
    }

    /// How far the log is known to whoever has had all events so far: where to go on.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.page.front().map_or(self.read, |next| next.seq - 1)
    }
}
