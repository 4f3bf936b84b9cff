//! The records of workspaces in the store, counted by state.

use std::sync::Arc;

use crate::{
    call::Attributes,
    metrics::Metrics,
    provision::{
        Outcome, Provision, ProvisionError, ProvisionErrorKind, Workspace, WorkspaceRequest,
        platform,
    },
    store::{
        self, Filter, IdempotencyKey, Listed, NewEvent, Once, Owed, Store, StoreError,
        StoreErrorKind, TokenHash, Transition, WorkspaceRecord, WorkspaceState,
    },
    workspace_id::WorkspaceId,
};

/// The records. Whoever changes one holds the workspace's turn.
pub(super) struct Records {
    store: Store,
    metrics: Arc<Metrics>,
}

impl Records {
    pub(super) const fn new(store: Store, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    /// Records a new workspace as provisioning.
    pub(super) async fn insert(
        &self,
        id: &WorkspaceId,
        request: &WorkspaceRequest,
    ) -> Outcome<WorkspaceRecord> {
        let record = self
            .store
            .insert(id, &request.name, &request.spec)
            .await
            .map_err(|error| not_inserted(id, error))?;
        self.metrics.moved(None, Some(record.state));
        Ok(record)
    }

    /// The same, if the key of the request is a new one.
    pub(super) async fn insert_once(
        &self,
        id: &WorkspaceId,
        request: &WorkspaceRequest,
        key: IdempotencyKey,
    ) -> Outcome<Once> {
        let once = self
            .store
            .insert_once(id, &request.name, &request.spec, key)
            .await
            .map_err(|error| not_inserted(id, error))?;
        if let Once::Inserted(record) = &once {
            self.metrics.moved(None, Some(record.state));
        }
        Ok(once)
    }

    pub(super) async fn once(&self, key: IdempotencyKey) -> Outcome<Option<Once>> {
        self.store
            .once(key)
            .await
            .map_err(|error| failed(None, error))
    }

    /// The record of a workspace.
    ///
    /// # Errors
    /// Also when there is none.
    pub(super) async fn get(&self, id: &WorkspaceId) -> Outcome<WorkspaceRecord> {
        self.find(id)
            .await?
            .ok_or_else(|| ProvisionError::new(id, ProvisionErrorKind::NotFound))
    }

    pub(super) async fn find(&self, id: &WorkspaceId) -> Outcome<Option<WorkspaceRecord>> {
        self.store
            .get(id)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn list(&self) -> Outcome<Vec<WorkspaceRecord>> {
        self.store.list().await.map_err(|error| failed(None, error))
    }

    pub(super) async fn page(
        &self,
        filter: Filter,
        after: Option<i64>,
        limit: usize,
    ) -> Outcome<Listed> {
        self.store
            .page(filter, after, limit)
            .await
            .map_err(|error| failed(None, error))
    }

    /// The workspace with what its last provision did.
    pub(super) async fn with_provision(&self, record: WorkspaceRecord) -> Outcome<Workspace> {
        let provision = self.provision(&record.id).await?;
        Ok(Workspace { record, provision })
    }

    /// What the last provision of a workspace did.
    pub(super) async fn provision(&self, id: &WorkspaceId) -> Outcome<Provision> {
        let stored = self
            .store
            .provision(id)
            .await
            .map_err(|error| failed(Some(id), error))?;
        // What another version wrote and this one cannot read is history: the workspace itself does not depend on it.
        Ok(stored
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default())
    }

    /// Moves a workspace on from the state of `record`, and gives the record as it is then.
    pub(super) async fn advance(
        &self,
        mut record: WorkspaceRecord,
        to: WorkspaceState,
        outcome: store::Outcome,
    ) -> Outcome<WorkspaceRecord> {
        let from = record.state;
        let moved = self
            .store
            .transition(&record.id, &[from], to, outcome.clone())
            .await;
        match moved.map_err(|error| failed(Some(&record.id), error))? {
            Transition::Done => {}
            Transition::Absent => {
                return Err(ProvisionError::new(
                    &record.id,
                    ProvisionErrorKind::NotFound,
                ));
            }
            Transition::Conflict(found) => {
                let unexpected = format!("expected it to be {from}, found it {found}");
                return Err(platform(
                    Some(&record.id),
                    "recording the state",
                    unexpected,
                ));
            }
        }
        self.metrics.moved(Some(from), Some(to));
        (record.state, record.outcome, record.updated_at) = (to, outcome, crate::unix_ms::now());
        Ok(record)
    }

    pub(super) async fn set_token(&self, id: &WorkspaceId, hash: TokenHash) -> Outcome<()> {
        self.store
            .set_token_hash(id, hash)
            .await
            .map(drop)
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn set_expiry(&self, id: &WorkspaceId, at: Option<i64>) -> Outcome<()> {
        self.store
            .set_expiry(id, at)
            .await
            .map(drop)
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn add_token(&self, id: &WorkspaceId, hash: TokenHash) -> Outcome<()> {
        self.store
            .add_token_hash(id, hash)
            .await
            .map(drop)
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn added_token(&self, id: &WorkspaceId) -> Outcome<Option<TokenHash>> {
        self.store
            .added_token_hash(id)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn token(&self, id: &WorkspaceId) -> Outcome<Option<TokenHash>> {
        self.store
            .token_hash(id)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    /// Records what the last provision of a workspace did, and the events that tell of it.
    pub(super) async fn set_provision(
        &self,
        id: &WorkspaceId,
        provision: &Provision,
        events: Vec<NewEvent>,
    ) -> Outcome<()> {
        let json = serde_json::to_string(provision)
            .map_err(|error| platform(Some(id), "recording the provision", error))?;
        self.store
            .set_provision(id, json, events)
            .await
            .map(drop)
            .map_err(|error| failed(Some(id), error))
    }

    /// Records which plugins are to hear when a workspace ends that is about to begin.
    pub(super) async fn owe(
        &self,
        id: &WorkspaceId,
        attributes: Attributes,
        plugins: Vec<String>,
    ) -> Outcome<()> {
        self.store
            .owe(&attributes, &plugins)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    /// Records that it has ended, and says how many are to hear of it.
    pub(super) async fn fall_due(&self, id: &WorkspaceId) -> Outcome<usize> {
        let owed = self.store.fall_due(id).await;
        owed.map(|owed| owed.len())
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn owed(&self, id: &WorkspaceId) -> Outcome<Vec<Owed>> {
        self.store
            .owed(id)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    /// The workspaces of which plugins are to hear, once for each plugin.
    pub(super) async fn all_owed(&self) -> Outcome<Vec<WorkspaceId>> {
        let owed = self.store.all_owed().await;
        owed.map(|owed| owed.into_iter().map(|owed| owed.id).collect())
            .map_err(|error| failed(None, error))
    }

    /// Records that a plugin has heard, or never will.
    pub(super) async fn settle(
        &self,
        id: &WorkspaceId,
        plugin: &str,
        event: NewEvent,
    ) -> Outcome<()> {
        self.store
            .settle(id, plugin, event)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    /// Records an event that goes with no other change.
    pub(super) async fn append(&self, id: &WorkspaceId, event: NewEvent) -> Outcome<()> {
        self.store
            .append(id, event)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn delete(&self, record: &WorkspaceRecord) -> Outcome<()> {
        if self
            .store
            .delete(&record.id)
            .await
            .map_err(|error| failed(Some(&record.id), error))?
        {
            self.metrics.moved(Some(record.state), None);
        }
        Ok(())
    }

    /// Counts what an earlier platform has recorded.
    pub(super) fn count(&self, records: &[WorkspaceRecord]) {
        records
            .iter()
            .for_each(|record| self.metrics.moved(None, Some(record.state)));
    }
}

fn not_inserted(id: &WorkspaceId, error: StoreError) -> ProvisionError {
    if matches!(error.kind(), StoreErrorKind::Exists(_)) {
        return ProvisionError::new(id, ProvisionErrorKind::Exists);
    }
    failed(Some(id), error)
}

fn failed(id: Option<&WorkspaceId>, error: StoreError) -> ProvisionError {
    if *error.kind() == StoreErrorKind::DiskFull {
        return ProvisionError {
            id: id.cloned(),
            kind: ProvisionErrorKind::DiskFull,
            source: Some(error.into()),
        };
    }
    platform(id, "the store", error)
}
