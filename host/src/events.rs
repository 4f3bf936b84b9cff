//! What has happened to workspaces, for those who are to hear of it: in pages, as it happens, and for a time.
//!
//! The log itself is in the [`store`](crate::store). Whoever follows it reads it from there page by page and is woken by the number of
//! the last event, so a slow reader costs neither memory nor anybody else's time.

#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too; theirs are in the error types"
)]

mod filter;
mod follow;
mod retention;

pub use self::{
    filter::{Filter, NoKind},
    follow::{FollowError, Follower},
    retention::Retention,
};
use crate::{
    store::{Kept, Page, Store, StoreError},
    workspace_id::WorkspaceId,
};

/// A handle on the log of events. Clones share it.
#[derive(Clone)]
pub struct EventLog {
    store: Store,
}

impl EventLog {
    /// The log in this store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The events of one workspace that follow `after`, the oldest first: at most `limit` of them.
    pub async fn of(
        &self,
        workspace: &WorkspaceId,
        after: i64,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.store.events(Some(workspace), after, limit).await
    }

    /// Whether anything is known of this workspace: its record, or an event.
    pub async fn knows(&self, workspace: &WorkspaceId) -> Result<bool, StoreError> {
        self.store.knows(workspace).await
    }

    /// Which events are kept.
    pub async fn kept(&self) -> Result<Kept, StoreError> {
        self.store.kept().await
    }

    /// How far webhooks of these names have come; see [`Store::webhooks`].
    pub(crate) async fn webhooks(&self, names: Vec<String>) -> Result<Vec<i64>, StoreError> {
        self.store.webhooks(names).await
    }

    /// Records how far a webhook has come.
    pub(crate) async fn webhook_passed(&self, name: &str, seq: i64) -> Result<(), StoreError> {
        self.store.webhook_passed(name, seq).await
    }

    /// Follows the events behind `after` that pass the filter.
    #[must_use]
    pub fn follow(&self, filter: Filter, after: i64) -> Follower {
        Follower::new(self.store.clone(), filter, after)
    }
}
