//! What could not be finished because the runtime could not be reached, or could not do it, or because it could not be recorded: it is
//! tried again until it is done.
//!
//! The record says what is to be done, as after a restart of the platform. So whatever else is asked for meanwhile comes first, and may
//! leave nothing to do.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    provision::{Inner, Outcome, ProvisionError},
    runtime::RuntimeState,
    store::{WorkspaceRecord, WorkspaceState},
    workspace_id::WorkspaceId,
};

/// Before the first try; doubles with each.
const FIRST: Duration = Duration::from_millis(250);
/// Between two tries at most.
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait before one try after the other.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) const fn new() -> Self {
        Self(FIRST)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = LONGEST.min(pause * 2);
        pause
    }
}

/// The workspaces that a task is about to finish.
#[derive(Default)]
pub(super) struct Unfinished(Mutex<HashSet<WorkspaceId>>);

impl Unfinished {
    fn ids(&self) -> MutexGuard<'_, HashSet<WorkspaceId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Brings a workspace to where its record says, in the background. The caller holds its turn.
    pub(super) fn finish_later(self: &Arc<Self>, id: &WorkspaceId) {
        if !self.unfinished.ids().insert(id.clone()) {
            return;
        }
        let (inner, id) = (Arc::clone(self), id.clone());
        tokio::spawn(async move {
            let mut pauses = Pauses::new();
            loop {
                tokio::select! {
                    // The next platform over this store does it.
                    () = inner.tasks.closed() => return,
                    () = tokio::time::sleep(pauses.next()) => {}
                }
                let Some(_task) = inner.tasks.begin() else {
                    return;
                };
                let _turn = inner.tasks.turn(&id).await;
                match inner.finish(&id).await {
                    Ok(()) => {
                        tracing::info!(workspace = %id, "what was left undone of the workspace is done");
                        inner.unfinished.ids().remove(&id);
                        return;
                    }
                    Err(error) => {
                        tracing::debug!(workspace = %id, error = error.causes(), "the workspace is still left as it is");
                    }
                }
            }
        });
    }

    /// Brings a workspace to where its record says, and begins to tell the plugins if it has ended. The caller holds its turn.
    pub(super) async fn finish(self: &Arc<Self>, id: &WorkspaceId) -> Outcome<()> {
        if let Some(record) = self.records.find(id).await? {
            self.bring_about(record).await?;
        }
        self.pay_if_ended(id).await
    }

    async fn bring_about(self: &Arc<Self>, record: WorkspaceRecord) -> Outcome<()> {
        let id = &record.id;
        let failed = |what| move |error| ProvisionError::of_runtime(id, what, error);
        let state = self.runtime.state(id).await;
        let state = state.map_err(failed("asking for the workspace"))?;
        match (record.state, &state) {
            // Nobody waits for its end: it was not taken over, or that it has ended was not recorded.
            (WorkspaceState::Running | WorkspaceState::Paused, _)
                if !self.access.is_open(id.as_str()) =>
            {
                self.settle(record, state, true).await
            }
            (
                WorkspaceState::Running | WorkspaceState::Paused,
                RuntimeState::Running { paused, .. },
            ) if *paused != (record.state == WorkspaceState::Paused) => {
                let followed = self.follow(&record).await;
                followed.map_err(failed("pausing or resuming the workspace"))
            }
            // Its end is being waited for.
            (
                WorkspaceState::Running | WorkspaceState::Paused,
                RuntimeState::Running { .. } | RuntimeState::Absent,
            ) => Ok(()),
            _ => self.settle(record, state, true).await,
        }
    }
}
