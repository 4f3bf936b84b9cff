//! Workspaces that stand still, and go on.
//!
//! The record comes first, and it wins: what the runtime does is brought in line with it when the platform starts, and whenever
//! the same is asked for again. While a workspace is paused its token stays valid, its plugins go on renewing what they hold for it, and
//! their files are put, so that it goes on with what is fresh.

use std::sync::Arc;

use crate::{
    provision::{Inner, Outcome, ProvisionError, ProvisionErrorKind, Provisioner, Workspace},
    runtime::{RuntimeError, RuntimeErrorKind},
    store::{self, WorkspaceRecord, WorkspaceState},
    workspace_id::WorkspaceId,
};

impl Provisioner {
    /// Lets nothing of a running workspace go on until it is resumed. Does nothing to a paused one.
    ///
    /// # Errors
    /// When there is none, it does not run, or the runtime cannot pause. Then it goes on.
    pub async fn pause(&self, id: &WorkspaceId) -> Outcome<Workspace> {
        self.set_paused(id, WorkspaceState::Paused).await
    }

    /// Lets a paused workspace go on. Does nothing to a running one.
    ///
    /// # Errors
    /// When there is none, it has not been paused, or the runtime cannot let it go on. Then it stays paused.
    pub async fn resume(&self, id: &WorkspaceId) -> Outcome<Workspace> {
        self.set_paused(id, WorkspaceState::Running).await
    }

    async fn set_paused(&self, id: &WorkspaceId, wanted: WorkspaceState) -> Outcome<Workspace> {
        let id = id.clone();
        self.operate(id.clone(), move |inner| async move {
            let before = inner.records.get(&id).await?;
            let from = before.state;
            if !matches!(from, WorkspaceState::Running | WorkspaceState::Paused) {
                return Err(ProvisionError::new(
                    &id,
                    ProvisionErrorKind::NotRunning(from),
                ));
            }
            let record = inner.recorded(before, wanted).await?;
            if let Err(error) = inner.follow(&record).await {
                inner.recorded(record, from).await?;
                let refused = refused(&id, error);
                if refused.kind == ProvisionErrorKind::RuntimeUnavailable {
                    // It may have been done, and not been said any more.
                    inner.finish_later(&id);
                }
                return Err(refused);
            }
            tracing::info!(workspace = %id, state = %wanted, "workspace paused or resumed");
            inner.records.with_provision(record).await
        })
        .await
    }
}

impl Inner {
    /// Brings a workspace that was found in the runtime in line with its record.
    pub(super) async fn bring_in_line(self: &Arc<Self>, record: &WorkspaceRecord, is_paused: bool) {
        if (record.state == WorkspaceState::Paused) == is_paused {
            return;
        }
        match self.follow(record).await {
            Ok(()) => {
                tracing::info!(workspace = %record.id, state = %record.state, "paused or resumed, as it is recorded");
            }
            Err(error) => {
                tracing::error!(workspace = %record.id, state = %record.state, %error, "the workspace could not be paused or resumed, as it is recorded; ask for it again");
            }
        }
    }

    async fn recorded(
        &self,
        record: WorkspaceRecord,
        state: WorkspaceState,
    ) -> Outcome<WorkspaceRecord> {
        if record.state == state {
            return Ok(record);
        }
        self.records
            .advance(record, state, store::Outcome::default())
            .await
    }

    /// Has the runtime do what the record says.
    pub(super) async fn follow(&self, record: &WorkspaceRecord) -> Result<(), RuntimeError> {
        if record.state == WorkspaceState::Paused {
            self.runtime.pause(&record.id).await
        } else {
            self.runtime.resume(&record.id).await
        }
    }
}

fn refused(id: &WorkspaceId, error: RuntimeError) -> ProvisionError {
    let of_kind = |kind| ProvisionError::new(id, kind);
    let refused = if error.kind() == RuntimeErrorKind::Unsupported {
        of_kind(ProvisionErrorKind::Unsupported)
    } else if error.kind() == RuntimeErrorKind::NotRunning {
        // It has ended just now, and that is about to be recorded.
        of_kind(ProvisionErrorKind::NotRunning(WorkspaceState::Stopped))
    } else {
        return ProvisionError::of_runtime(id, "pausing or resuming the workspace", error);
    };
    refused.because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runtime_refuses_is_told_apart() {
        let id: WorkspaceId = "ws".parse().unwrap();
        let stopped = ProvisionErrorKind::NotRunning(WorkspaceState::Stopped);
        let failed = ProvisionErrorKind::Platform("pausing or resuming the workspace");
        for (kind, expected) in [
            (
                RuntimeErrorKind::Unsupported,
                ProvisionErrorKind::Unsupported,
            ),
            (RuntimeErrorKind::NotRunning, stopped),
            (
                RuntimeErrorKind::Unavailable,
                ProvisionErrorKind::RuntimeUnavailable,
            ),
            (RuntimeErrorKind::Supervisor, failed),
        ] {
            let error = refused(&id, RuntimeError::new(&id, kind, "so it is"));
            assert_eq!(error.kind, expected);
            assert!(error.causes().ends_with("so it is"));
        }
    }
}
