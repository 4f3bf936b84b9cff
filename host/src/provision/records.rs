//! The records of workspaces in the store, counted by state.

use std::sync::Arc;

use crate::{
    metrics::Metrics,
    provision::{
        Outcome, Provision, ProvisionError, ProvisionErrorKind, Workspace, WorkspaceRequest,
        platform,
    },
    store::{
        self, Store, StoreError, StoreErrorKind, TokenHash, Transition, WorkspaceRecord,
        WorkspaceState,
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
            .map_err(|error| {
                if matches!(error.kind(), StoreErrorKind::Exists(_)) {
                    return ProvisionError::new(id, ProvisionErrorKind::Exists);
                }
                failed(Some(id), error)
            })?;
        self.metrics.moved(None, Some(record.state));
        Ok(record)
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

    /// The workspace with what its last provision did.
    pub(super) async fn with_provision(&self, record: WorkspaceRecord) -> Outcome<Workspace> {
        let stored = self
            .store
            .provision(&record.id)
            .await
            .map_err(|error| failed(Some(&record.id), error))?;
        // What another version wrote and this one cannot read is history: the workspace itself does not depend on it.
        let provision = stored
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default();
        Ok(Workspace { record, provision })
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

    pub(super) async fn token(&self, id: &WorkspaceId) -> Outcome<Option<TokenHash>> {
        self.store
            .token_hash(id)
            .await
            .map_err(|error| failed(Some(id), error))
    }

    pub(super) async fn set_provision(
        &self,
        id: &WorkspaceId,
        provision: &Provision,
    ) -> Outcome<()> {
        let json = serde_json::to_string(provision)
            .map_err(|error| platform(Some(id), "recording the provision", error))?;
        self.store
            .set_provision(id, json)
            .await
            .map(drop)
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

fn failed(id: Option<&WorkspaceId>, error: StoreError) -> ProvisionError {
    platform(id, "the store", error)
}
