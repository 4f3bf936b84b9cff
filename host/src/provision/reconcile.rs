//! After a start of the platform: compares what was recorded with what the runtime says, both ways, and finishes or fails each workspace.
//!
//! A provision that was cut off before its start is failed and not run again: a plugin that takes the whole platform
//! down would take it down at every start. [`restart`](crate::provision::Provisioner::restart) runs it again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    provision::{Inner, Outcome, Provisioner, Reason, events, platform},
    runtime::RuntimeState,
    store::{WorkspaceRecord, WorkspaceState},
    workspace_id::WorkspaceId,
};

impl Provisioner {
    /// Takes over the workspaces of the platform that ran before. Call it once, before anything else.
    ///
    /// # Errors
    /// When the store or the runtime cannot be read. A workspace that cannot be taken over is logged and left as it is.
    pub async fn reconcile(&self) -> Outcome<()> {
        let inner = &self.0;
        let found = inner
            .runtime
            .list()
            .await
            .map_err(|error| platform(None, "listing the workspaces", error))?;
        let mut found: BTreeMap<WorkspaceId, RuntimeState> = found.into_iter().collect();
        let records = inner.records.list().await?;
        inner.records.count(&records);
        for record in records {
            let id = record.id.clone();
            let state = found.remove(&id).unwrap_or(RuntimeState::Absent);
            let _turn = inner.tasks.turn(&id).await;
            if let Err(error) = inner.settle(record, state).await {
                tracing::error!(workspace = %id, error = error.causes(), "the workspace was left as it is");
            }
        }
        for (id, state) in found {
            inner.settle_unknown(&id, &state).await;
        }
        inner.pay_all().await
    }
}

impl Inner {
    /// Brings one record and the runtime together.
    async fn settle(self: &Arc<Self>, record: WorkspaceRecord, state: RuntimeState) -> Outcome<()> {
        let id = record.id.clone();
        match (record.state, state) {
            (
                WorkspaceState::Provisioning | WorkspaceState::Running | WorkspaceState::Paused,
                RuntimeState::Running { paused, .. },
            ) => self.adopt(record, paused).await,
            (WorkspaceState::Running | WorkspaceState::Paused, RuntimeState::Exited(exited)) => {
                self.stopped(record, Some(exited)).await.map(drop)
            }
            (WorkspaceState::Running | WorkspaceState::Paused, RuntimeState::Absent) => {
                self.fail(record, Reason::Lost).await
            }
            (WorkspaceState::Provisioning, _) => self.fail(record, Reason::Interrupted).await,
            (WorkspaceState::Stopping, _) => self.end(record, Duration::ZERO).await.map(drop),
            (WorkspaceState::Failed | WorkspaceState::Stopped, RuntimeState::Running { .. }) => {
                tracing::warn!(workspace = %id, "a workspace that should not run does: stopped");
                self.halt(&id).await?;
                self.clean_up(&id).await;
                Ok(())
            }
            (WorkspaceState::Failed | WorkspaceState::Stopped, _) => Ok(()),
        }
    }

    /// Takes over a workspace that lives, and pauses it or lets it go on, as the record says.
    async fn adopt(self: &Arc<Self>, record: WorkspaceRecord, is_paused: bool) -> Outcome<()> {
        let Some(hash) = self.records.token(&record.id).await? else {
            // Recorded before the start, so this one was started by somebody else.
            tracing::warn!(workspace = %record.id, "a workspace runs that has no token: stopped");
            self.halt(&record.id).await?;
            return self.fail(record, Reason::Interrupted).await;
        };
        tracing::info!(workspace = %record.id, "workspace taken over");
        self.records.append(&record.id, events::adopted()).await?;
        let record = self.running(record, hash, None).await?;
        self.bring_in_line(&record, is_paused).await;
        Ok(())
    }

    /// A workspace that the runtime has and nobody asked for. Its files are kept: they may be all that is left of a lost store.
    async fn settle_unknown(&self, id: &WorkspaceId, state: &RuntimeState) {
        if !matches!(state, RuntimeState::Running { .. }) {
            tracing::warn!(workspace = %id, "the runtime keeps a workspace that is not recorded: left as it is");
            return;
        }
        tracing::warn!(workspace = %id, "a workspace runs that is not recorded: stopped, its files are kept");
        if let Err(error) = self.halt(id).await {
            tracing::error!(workspace = %id, error = error.causes(), "it could not be stopped");
        }
    }
}
