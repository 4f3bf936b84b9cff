//! The durable record of every workspace, in one SQLite file.
//!
//! What a method has returned survives a crash of the platform and of the machine. One thread owns the connection; what several
//! tasks ask for at the same time is committed together, so that a thousand starts do not wait for a thousand disk flushes.
//! The file is locked while it is open: a second platform over the same file is refused.

#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and the public ones share the errors of StoreErrorKind"
)]

mod backup;
mod cursors;
mod error;
mod event;
mod events;
mod log;
mod logged;
mod once;
mod open;
mod owed;
mod page;
mod record;
mod rows;
mod state;
mod token;
mod ttl;
mod worker;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::watch;

pub use self::error::{StoreError, StoreErrorKind};
pub use self::event::{Event, EventKind, NewEvent};
pub use self::events::{Kept, Page};
pub use self::once::{IdempotencyKey, Once};
pub use self::owed::Owed;
pub use self::page::{Filter, Listed, Summary};
pub use self::record::{Outcome, WorkspaceRecord, WorkspaceSpec};
pub use self::state::WorkspaceState;
pub use self::token::TokenHash;
pub use self::ttl::AfterTtl;
use self::worker::Worker;
use crate::call::Attributes;
use crate::workspace_id::WorkspaceId;

/// A handle on the open file. Clones share it; dropping the last one closes the file before it returns.
///
/// All methods may be called from any task, and fail only with the kinds of [`StoreErrorKind`] that come from the file itself.
/// A future that is dropped may or may not have had its effect.
#[derive(Clone)]
pub struct Store {
    worker: Arc<Worker>,
    last_event: watch::Receiver<i64>,
}

impl Store {
    /// Opens the file at `path`, readable by this user only; makes it if it is missing, and brings an older one up to date.
    /// Blocks for the time of a few disk flushes.
    ///
    /// # Errors
    /// Every kind of [`StoreErrorKind`] but [`Exists`](StoreErrorKind::Exists). A file that is refused is left as it was.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open::open(path)?;
        let last = events::kept(&connection).map_err(|error| StoreError::row(path, error))?;
        let (committed, last_event) = watch::channel(last.last);
        let worker = Worker::start(path.to_owned(), connection, move |connection| {
            announce(connection, &committed);
        })?;
        Ok(Self {
            worker: Arc::new(worker),
            last_event,
        })
    }

    /// Whether the file at `path` is a store that [`open`](Self::open) would take, in which version; 0 is an empty one. Changes
    /// nothing. Blocks.
    ///
    /// # Errors
    /// As for `open`.
    pub fn look(path: &Path) -> Result<usize, StoreError> {
        open::look(path)
    }

    /// Copies everything that is recorded into the empty file `to`, and returns when it is written, which is not yet when it would
    /// survive the machine. What else is asked of the store meanwhile waits.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let to = to.to_owned();
        self.worker
            .run_alone(move |connection| backup::copy(connection, &to))
            .await
    }

    /// The same of the file at `path`, which nobody has open; it is left as it is. Blocks.
    pub fn backup_at_rest(path: &Path, to: &Path) -> Result<(), StoreError> {
        backup::copy_at_rest(path, to)
    }

    /// Whether the file at `path` is a whole store that this version can open. Reads all of it. Blocks.
    pub fn check(path: &Path) -> Result<(), StoreError> {
        backup::check(path)
    }

    /// Records a new workspace in the state `provisioning`, and that it was created.
    ///
    /// # Errors
    /// [`StoreErrorKind::Exists`] if the id is taken.
    pub async fn insert(
        &self,
        id: &WorkspaceId,
        name: &str,
        spec: &WorkspaceSpec,
    ) -> Result<WorkspaceRecord, StoreError> {
        let record = WorkspaceRecord::new(id.clone(), name.to_owned(), spec.clone());
        self.run(move |connection| logged::insert(connection, &record).map(|()| record))
            .await
    }

    /// Records a new workspace in the state `provisioning`, together with the key of the request for it; unless the key is
    /// known from the last day.
    ///
    /// # Errors
    /// [`StoreErrorKind::Exists`] if the id is taken. The key is then not recorded.
    pub async fn insert_once(
        &self,
        id: &WorkspaceId,
        name: &str,
        spec: &WorkspaceSpec,
        key: IdempotencyKey,
    ) -> Result<Once, StoreError> {
        let record = WorkspaceRecord::new(id.clone(), name.to_owned(), spec.clone());
        self.run(move |connection| once::insert(connection, record, &key))
            .await
    }

    /// What is known of this key from the last day.
    pub async fn once(&self, key: IdempotencyKey) -> Result<Option<Once>, StoreError> {
        self.run(move |connection| once::known(connection, &key))
            .await
    }

    /// The workspace, if it is recorded.
    pub async fn get(&self, id: &WorkspaceId) -> Result<Option<WorkspaceRecord>, StoreError> {
        let id = id.clone();
        self.run(move |connection| rows::get(connection, &id)).await
    }

    /// Every workspace, the oldest first.
    pub async fn list(&self) -> Result<Vec<WorkspaceRecord>, StoreError> {
        self.run(rows::list).await
    }

    /// One page of the workspaces that `filter` lets through, the oldest first: at most `limit`, beginning after the place `after`
    /// that an earlier page named. Whatever is recorded or forgotten meanwhile, going from page to page neither misses nor repeats
    /// one that is there all the time.
    pub async fn page(
        &self,
        filter: Filter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        self.run(move |connection| page::read(connection, &filter, after, limit))
            .await
    }

    /// Moves the workspace to the state `to` if it is in one of `from`, replaces its outcome, and records both as an event.
    pub async fn transition(
        &self,
        id: &WorkspaceId,
        from: &[WorkspaceState],
        to: WorkspaceState,
        outcome: Outcome,
    ) -> Result<Transition, StoreError> {
        let (id, from) = (id.clone(), from.to_vec());
        self.run(move |connection| logged::transition(connection, &id, &from, to, &outcome))
            .await
    }

    /// Records when the workspace's time to live is over, in milliseconds since the Unix epoch. False if there is no such workspace.
    pub async fn set_expiry(&self, id: &WorkspaceId, at: Option<i64>) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| rows::set_expiry(connection, &id, at))
            .await
    }

    /// Records by what the workspace's token is recognised; an earlier one stops counting, and so does one that was added. False if there is no such workspace.
    pub async fn set_token_hash(
        &self,
        id: &WorkspaceId,
        hash: TokenHash,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| rows::set_token_hash(connection, &id, &hash))
            .await
    }

    /// Records by what a further token of the workspace is recognised; one that was added earlier stops counting. False if
    /// there is no such workspace.
    pub async fn add_token_hash(
        &self,
        id: &WorkspaceId,
        hash: TokenHash,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| rows::add_token_hash(connection, &id, &hash))
            .await
    }

    /// By what the workspace's further token is recognised, if it has one.
    pub async fn added_token_hash(
        &self,
        id: &WorkspaceId,
    ) -> Result<Option<TokenHash>, StoreError> {
        let id = id.clone();
        self.run(move |connection| rows::added_token_hash(connection, &id))
            .await
    }

    /// By what the workspace's token is recognised, if it has one.
    pub async fn token_hash(&self, id: &WorkspaceId) -> Result<Option<TokenHash>, StoreError> {
        let id = id.clone();
        self.run(move |connection| rows::token_hash(connection, &id))
            .await
    }

    /// Records, as JSON, what the last provision of the workspace did: names, never a value; and the events that tell of it.
    /// False if there is no such workspace.
    pub async fn set_provision(
        &self,
        id: &WorkspaceId,
        json: String,
        events: Vec<NewEvent>,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| logged::set_provision(connection, &id, &json, &events))
            .await
    }

    /// What the last provision of the workspace did, as it was recorded.
    pub async fn provision(&self, id: &WorkspaceId) -> Result<Option<String>, StoreError> {
        let id = id.clone();
        self.run(move |connection| rows::provision(connection, &id))
            .await
    }

    /// Forgets the workspace, and records that. What has happened to it stays on record. False if there is none.
    pub async fn delete(&self, id: &WorkspaceId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| logged::delete(connection, &id))
            .await
    }

    /// Records that these plugins, and those that it is recorded of already, are to hear of the end of a workspace, which has
    /// not come. Neither needs the workspace to be recorded.
    pub async fn owe(&self, attributes: &Attributes, plugins: &[String]) -> Result<(), StoreError> {
        let (attributes, plugins) = (attributes.clone(), plugins.to_vec());
        self.run(move |connection| owed::owe(connection, &attributes, &plugins))
            .await
    }

    /// Records that the workspace has ended, if plugins are to hear of it, and gives what is owed to it now.
    pub async fn fall_due(&self, id: &WorkspaceId) -> Result<Vec<Owed>, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            owed::fall_due(connection, &id)?;
            owed::of(connection, &id)
        })
        .await
    }

    /// What is owed to the plugins of one workspace, by the name of the plugin.
    pub async fn owed(&self, id: &WorkspaceId) -> Result<Vec<Owed>, StoreError> {
        let id = id.clone();
        self.run(move |connection| owed::of(connection, &id)).await
    }

    /// What is owed to plugins at all, by workspace.
    pub async fn all_owed(&self) -> Result<Vec<Owed>, StoreError> {
        self.run(owed::all).await
    }

    /// Records that the plugin has heard of the end of the workspace, or never will, and the event that tells of it.
    pub async fn settle(
        &self,
        id: &WorkspaceId,
        plugin: &str,
        event: NewEvent,
    ) -> Result<(), StoreError> {
        let (id, plugin) = (id.clone(), plugin.to_owned());
        self.run(move |connection| logged::settle(connection, &id, &plugin, event))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, rows::RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.worker.run(job).await
    }
}

/// Tells those who wait for events how many there are by now.
fn announce(connection: &Connection, committed: &watch::Sender<i64>) {
    // Whoever waits looks again at the next event, if this one cannot be counted.
    if let Ok(Kept { last, .. }) = events::kept(connection) {
        committed.send_if_modified(|known| std::mem::replace(known, last) != last);
    }
}

/// What came of a [`Store::transition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The workspace is now in the new state.
    Done,
    /// It was in this state, which the caller did not expect, and still is.
    Conflict(WorkspaceState),
    /// There is no such workspace.
    Absent,
}
