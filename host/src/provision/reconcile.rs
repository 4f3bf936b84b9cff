//! After a start of the platform: compares what was recorded with what the runtime says, both ways, and finishes or fails each workspace.
//!
//! A provision that was cut off before its start is failed and not run again: a plugin that takes the whole platform
//! down would take it down at every start. [`restart`](crate::provision::Provisioner::restart) runs it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    provision::{Inner, Outcome, Provisioner, Reason, events, platform},
    runtime::{Exit, RuntimeError, RuntimeErrorKind, RuntimeState},
    store::{WorkspaceRecord, WorkspaceState},
    workspace_id::WorkspaceId,
};

/// Between two looks whether the runtime is back.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What is present, and of what there is anything left.
type Inventory = (BTreeMap<WorkspaceId, RuntimeState>, BTreeSet<WorkspaceId>);

impl Provisioner {
    /// Takes over the workspaces of the platform that ran before. Call it once, before anything else.
    ///
    /// # Errors
    /// When the store or the runtime cannot be read. A runtime that cannot be reached is waited for, and a workspace that cannot be
    /// taken over is logged and tried again in the background.
    pub async fn reconcile(&self) -> Outcome<()> {
        let inner = &self.0;
        let (mut found, mut remains) = inner.inventory().await?;
        let records = inner.records.list().await?;
        inner.records.count(&records);
        for record in records {
            let id = record.id.clone();
            let state = found.remove(&id).unwrap_or(RuntimeState::Absent);
            let left = remains.remove(&id);
            let _turn = inner.tasks.turn(&id).await;
            inner.expiries.expect(&record);
            if let Err(error) = inner.settle(record, state, left).await {
                tracing::error!(workspace = %id, error = error.causes(), "the workspace is left as it is for now: it is tried again until it is settled");
                inner.finish_later(&id);
            }
        }
        remains.extend(found.into_keys());
        for id in &remains {
            inner.reap(id, false).await?;
        }
        self.watch_leftovers(remains);
        self.watch_times();
        inner.pay_all().await
    }
}

impl Inner {
    /// What the runtime has, as soon as it can be reached.
    async fn inventory(&self) -> Outcome<Inventory> {
        let mut away = false;
        loop {
            match self.look_around().await {
                Err(error) if error.kind() == RuntimeErrorKind::Unavailable => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(%error, "the runtime of workspaces cannot be reached: the platform is ready when it can");
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                found => {
                    return found.map_err(|error| platform(None, "listing the workspaces", error));
                }
            }
        }
    }

    async fn look_around(&self) -> Result<Inventory, RuntimeError> {
        let found = self.runtime.list().await?.into_iter().collect();
        let remains = self.runtime.remains().await?.into_iter().collect();
        Ok((found, remains))
    }

    /// Brings one record and the runtime together. `left`: the runtime has something of the workspace, if only its files.
    pub(super) async fn settle(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        state: RuntimeState,
        left: bool,
    ) -> Outcome<()> {
        let id = record.id.clone();
        match (record.state, state) {
            (
                WorkspaceState::Provisioning | WorkspaceState::Running | WorkspaceState::Paused,
                RuntimeState::Running { paused, .. },
            ) => self.adopt(record, paused).await,
            (WorkspaceState::Running | WorkspaceState::Paused, RuntimeState::Exited(exited)) => {
                self.stopped(record, Some(exited)).await.map(drop)
            }
            // It has run to its end before anybody recorded that it had begun.
            (WorkspaceState::Provisioning, RuntimeState::Exited(exited))
                if exited.exit != Exit::Unknown =>
            {
                self.stopped(record, Some(exited)).await.map(drop)
            }
            (WorkspaceState::Running | WorkspaceState::Paused, RuntimeState::Absent) => {
                self.fail(record, Reason::Lost).await
            }
            (WorkspaceState::Provisioning, _) => {
                self.undo(&id).await?;
                self.fail(record, Reason::Interrupted).await
            }
            (WorkspaceState::Stopping, _) => self.end(record, Duration::ZERO).await.map(drop),
            (WorkspaceState::Failed | WorkspaceState::Stopped, RuntimeState::Running { .. }) => {
                tracing::warn!(workspace = %id, "a workspace that should not run does: stopped");
                self.halt(&id).await?;
                self.clean_up(&id).await;
                if record.state == WorkspaceState::Failed {
                    self.clear(&id).await?;
                }
                Ok(())
            }
            // What could not be removed when it failed.
            (WorkspaceState::Failed, _) if left => self.undo(&id).await,
            (WorkspaceState::Failed | WorkspaceState::Stopped, _) => Ok(()),
        }
    }

    /// Takes over a workspace that lives, and pauses it or lets it go on, as the record says.
    async fn adopt(self: &Arc<Self>, record: WorkspaceRecord, is_paused: bool) -> Outcome<()> {
        let Some(hash) = self.records.token(&record.id).await? else {
            // Recorded before the start, so this one was started by somebody else.
            tracing::warn!(workspace = %record.id, "a workspace runs that has no token: stopped");
            self.undo(&record.id).await?;
            return self.fail(record, Reason::Interrupted).await;
        };
        tracing::info!(workspace = %record.id, "workspace taken over");
        self.records.append(&record.id, events::adopted()).await?;
        let record = self.running(record, hash, None).await?;
        if let Some(added) = self.records.added_token(&record.id).await? {
            self.access.add(record.id.as_str(), added, None);
        }
        self.bring_in_line(&record, is_paused).await;
        Ok(())
    }
}
