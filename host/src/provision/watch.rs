//! Watches running workspaces and records how they end; and ends them.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    provision::{Inner, Outcome, ProvisionError, owed::FirstTry, unfinished::Pauses},
    runtime::{Exit, Exited, RuntimeErrorKind, RuntimeState},
    store::{self, TokenHash, WorkspaceRecord, WorkspaceState},
    workspace_id::WorkspaceId,
};

/// The reason on record of a workspace that ended while nobody watched.
pub(super) const UNSEEN: &str = "ended_unseen";
/// The one of a workspace that had no memory left within its limit.
pub(super) const OUT_OF_MEMORY: &str = "out_of_memory";

impl Inner {
    /// Waits in the background until the run with this token ends, and records how.
    pub(super) fn watch(self: &Arc<Self>, id: WorkspaceId, run: TokenHash) {
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let exited = tokio::select! {
                // The next platform over this store sees how it ended.
                () = inner.tasks.closed() => return,
                exited = inner.exited(&id, run) => exited,
            };
            let Some(exited) = exited else { return };
            let _turn = inner.tasks.turn(&id).await;
            if let Err(error) = inner.ended(&id, run, exited).await {
                tracing::error!(workspace = %id, error = error.causes(), "the end of the workspace was not recorded: it is tried again until it is");
                inner.finish_later(&id);
            }
        });
    }

    /// Resolves when a workspace has ended, whatever the runtime answers meanwhile; to nothing if the run with this token is not the
    /// one to wait for any more.
    async fn exited(&self, id: &WorkspaceId, run: TokenHash) -> Option<Exited> {
        let mut pauses = Pauses::new();
        loop {
            match self.runtime.wait(id).await {
                Ok(exited) => return Some(exited),
                // Somebody has removed it.
                Err(error) if error.kind() == RuntimeErrorKind::NotFound => {
                    tracing::warn!(workspace = %id, %error, "the workspace is gone");
                    return Some(Exited::UNSEEN);
                }
                Err(error) => {
                    tracing::warn!(workspace = %id, %error, "the runtime cannot say whether the workspace has ended: it is asked again");
                }
            }
            sleep(pauses.next()).await;
            // Without the store nothing can be recorded either, so the runtime is asked again.
            if let Ok(None) = self.of_run(id, run).await {
                return None;
            }
        }
    }

    /// The record of a workspace, if the run with this token is the one on record, and goes on.
    pub(super) async fn of_run(
        &self,
        id: &WorkspaceId,
        run: TokenHash,
    ) -> Outcome<Option<WorkspaceRecord>> {
        let record = self.records.find(id).await?;
        let Some(record) = record.filter(|record| record.state.is_alive()) else {
            return Ok(None);
        };
        // Each run has its own token, so the token tells the runs apart.
        let is_run = self.records.token(id).await? == Some(run);
        Ok(is_run.then_some(record))
    }

    /// Records the end of a run, unless another operation has done so, or has begun another run.
    async fn ended(
        self: &Arc<Self>,
        id: &WorkspaceId,
        run: TokenHash,
        exited: Exited,
    ) -> Outcome<()> {
        if let Some(record) = self.of_run(id, run).await? {
            self.stopped(record, Some(exited)).await?;
        }
        Ok(())
    }

    /// Ends a workspace, whatever state it is in, and gives its record afterwards. Its token opens nothing from now on.
    /// Waits for the plugins to clean up, but not longer than `patience`.
    pub(super) async fn end(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        patience: Duration,
    ) -> Outcome<WorkspaceRecord> {
        self.end_for(record, None, patience).await
    }

    /// The same, with the reason that stays on record.
    pub(super) async fn end_for(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        reason: Option<&str>,
        patience: Duration,
    ) -> Outcome<WorkspaceRecord> {
        let id = record.id.clone();
        if record.state.has_ended() {
            self.close(&id);
            return Ok(record);
        }
        // On record first: a workspace that cannot be stopped for want of room for that goes on as if nothing had been asked.
        let record = if record.state == WorkspaceState::Stopping {
            record
        } else {
            let outcome = store::Outcome {
                reason: reason.map(str::to_owned),
                ..store::Outcome::default()
            };
            self.records
                .advance(record, WorkspaceState::Stopping, outcome)
                .await?
        };
        self.close(&id);
        let exited = match self.halted(&id).await {
            Ok(exited) => exited,
            Err(error) => {
                self.finish_later(&id);
                return Err(error);
            }
        };
        match self.stopped(record, exited).await {
            Ok((record, told)) => {
                told.wait(patience).await;
                Ok(record)
            }
            Err(error) => {
                self.finish_later(&id);
                Err(error)
            }
        }
    }

    /// Stops whatever runs of a workspace, and says how it ended, if that is known.
    async fn halted(&self, id: &WorkspaceId) -> Outcome<Option<Exited>> {
        self.halt(id).await?;
        match self.runtime.state(id).await {
            Ok(RuntimeState::Exited(exited)) => Ok(Some(exited)),
            Ok(RuntimeState::Absent | RuntimeState::Running { .. }) => Ok(None),
            Err(error) => {
                let what = "asking for the workspace";
                Err(ProvisionError::of_runtime(id, what, error))
            }
        }
    }

    /// Closes a workspace: its token opens nothing from now on, what was cached for it alone is forgotten, and no plugin
    /// begins to keep it.
    pub(super) fn close(&self, id: &WorkspaceId) {
        self.access.close(id.as_str());
        self.broker.end_workspace(id.as_str());
        self.keepers.stop(id);
    }

    /// What comes after the end of a workspace, however it ended, and before that is recorded.
    pub(super) async fn clean_up(&self, id: &WorkspaceId) {
        self.close(id);
        self.keepers.stopped(id).await;
        self.remove_secret_files(id).await;
    }

    /// Stops whatever runs of a workspace.
    pub(super) async fn halt(&self, id: &WorkspaceId) -> Outcome<()> {
        self.runtime
            .stop(id, self.settings.grace)
            .await
            .map_err(|error| ProvisionError::of_runtime(id, "stopping the workspace", error))
    }

    /// Stops whatever runs of a workspace, and removes what it ran in. Its files and its log stay.
    pub(super) async fn undo(&self, id: &WorkspaceId) -> Outcome<()> {
        self.halt(id).await?;
        self.clear(id).await
    }

    /// Removes what an ended workspace ran in, so that it can be started again.
    pub(super) async fn clear(&self, id: &WorkspaceId) -> Outcome<()> {
        self.runtime
            .clear(id)
            .await
            .map_err(|error| ProvisionError::of_runtime(id, "clearing the workspace", error))
    }

    /// Records that a workspace has ended, and begins to tell the plugins.
    pub(super) async fn stopped(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        exited: Option<Exited>,
    ) -> Outcome<(WorkspaceRecord, FirstTry)> {
        self.clean_up(&record.id).await;
        let exited = exited.unwrap_or(Exited::UNSEEN);
        let Exited {
            exit,
            out_of_memory,
            ..
        } = exited;
        tracing::info!(workspace = %record.id, ?exit, out_of_memory, "workspace stopped");
        let mut outcome = outcome(&exited);
        // Why it was told to end says more than how it did. The reason of a running one is empty.
        outcome.reason = record.outcome.reason.clone().or(outcome.reason);
        let stopped = self
            .records
            .advance(record, WorkspaceState::Stopped, outcome)
            .await?;
        let told = self.pay(&stopped.id).await;
        Ok((stopped, told))
    }

    /// Removes a workspace that has ended, with its files, its log and its record.
    pub(super) async fn remove(&self, record: &WorkspaceRecord) -> Outcome<()> {
        let id = &record.id;
        self.runtime
            .remove(id)
            .await
            .map_err(|error| ProvisionError::of_runtime(id, "removing the workspace", error))?;
        self.records.delete(record).await?;
        tracing::info!(workspace = %id, "workspace deleted");
        Ok(())
    }
}

fn outcome(exited: &Exited) -> store::Outcome {
    let outcome = match exited.exit {
        Exit::Code(code) => store::Outcome {
            exit_code: Some(code),
            ..store::Outcome::default()
        },
        Exit::Signal(signal) => store::Outcome {
            exit_signal: Some(signal),
            ..store::Outcome::default()
        },
        Exit::Unknown => store::Outcome {
            reason: Some(UNSEEN.to_owned()),
            ..store::Outcome::default()
        },
    };
    // A command that gets over the loss of a child has not ended of it.
    let of_memory = exited.out_of_memory && exited.exit != Exit::Code(0);
    store::Outcome {
        reason: of_memory
            .then(|| OUT_OF_MEMORY.to_owned())
            .or(outcome.reason),
        ..outcome
    }
}
