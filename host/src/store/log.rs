//! The log of events, as the rest of the platform reads and keeps it. What the store itself changes it records itself.

use tokio::sync::watch;

use super::{Kept, NewEvent, Page, Store, StoreError, events};
use crate::workspace_id::WorkspaceId;

impl Store {
    /// Records an event that goes with no other change. Nothing if there is no such workspace.
    pub async fn append(&self, id: &WorkspaceId, event: NewEvent) -> Result<(), StoreError> {
        let id = id.clone();
        self.run(move |connection| events::append(connection, &id, &[event]))
            .await
    }

    /// The events that follow `after`, of one workspace or of all, the oldest first: at most `limit` of them.
    pub async fn events(
        &self,
        workspace: Option<&WorkspaceId>,
        after: i64,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let workspace = workspace.cloned();
        self.run(move |connection| events::page(connection, workspace.as_ref(), after, limit))
            .await
    }

    /// Which events are kept.
    pub async fn kept(&self) -> Result<Kept, StoreError> {
        self.run(events::kept).await
    }

    /// Whether there is a workspace of this id, or an event of one that there was.
    pub async fn knows(&self, id: &WorkspaceId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| events::knows(connection, &id))
            .await
    }

    /// Forgets the oldest events that are older than `before`, in milliseconds since the Unix epoch, or that have more than `most`
    /// newer ones: at most `limit` of them. Says how many.
    pub async fn prune_events(
        &self,
        before: i64,
        most: i64,
        limit: u32,
    ) -> Result<usize, StoreError> {
        self.run(move |connection| events::prune(connection, before, most, limit))
            .await
    }

    /// The number of the last event that was committed, now and whenever there is another.
    #[must_use]
    pub fn last_event(&self) -> watch::Receiver<i64> {
        self.last_event.clone()
    }
}
