//! What the runtime has and should not have: of workspaces that no record knows (orphans), as after a database was restored
//! from a backup, or lost; and of workspaces that failed, where it could not be removed at the time.
//!
//! What runs is ended and what it ran in is removed, because nobody could ever end it: its token opens nothing, and its plugins are told
//! nothing. Its files and its log stay: they may be all that is left of it. The runtime says what is this platform's; the rest it
//! neither lists nor touches.
//!
//! It is looked for at the start, and again from time to time: a container daemon may still be at work on what a platform asked
//! of it before it was killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    provision::{Inner, Outcome, Provisioner, platform},
    store::WorkspaceState,
    workspace_id::WorkspaceId,
};

/// When it is looked for first after a start: a daemon takes less for what it was asked before it.
const FIRST: Duration = Duration::from_secs(10);
/// And how often from then on.
const AGAIN: Duration = Duration::from_secs(5 * 60);

impl Provisioner {
    /// Looks for leftovers from time to time, until the platform shuts down. `known`: orphans whose files were left on purpose.
    pub(super) fn watch_leftovers(&self, mut known: BTreeSet<WorkspaceId>) {
        let this = self.clone();
        tokio::spawn(async move {
            let mut wait = FIRST;
            loop {
                tokio::select! {
                    () = this.0.tasks.closed() => return,
                    () = sleep(wait) => {}
                }
                if let Err(error) = this.remove_leftovers(&mut known).await {
                    tracing::debug!(error = error.causes(), "leftovers cannot be looked for");
                }
                wait = AGAIN;
            }
        });
    }

    async fn remove_leftovers(&self, known: &mut BTreeSet<WorkspaceId>) -> Outcome<()> {
        let remains = self.0.runtime.remains().await;
        let remains = remains.map_err(|error| platform(None, "looking for what is left", error))?;
        let records = self.0.records.list().await?;
        let states: BTreeMap<_, _> = records
            .into_iter()
            .map(|record| (record.id, record.state))
            .collect();
        for id in remains {
            let of = id.clone();
            match states.get(&id) {
                None => {
                    let is_known = !known.insert(id.clone());
                    let reap = |inner: Arc<Inner>| async move { inner.reap(&of, is_known).await };
                    self.operate(id, reap).await?;
                }
                Some(WorkspaceState::Failed) => {
                    let finish = |inner: Arc<Inner>| async move {
                        if let Err(error) = inner.finish(&of).await {
                            tracing::warn!(workspace = %of, error = error.causes(), "what is left of a workspace that failed could not be removed: it is tried again");
                        }
                        Ok(())
                    };
                    self.operate(id, finish).await?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Ends and removes an orphan, except for its files. `is_known`: that has been told already.
    pub(super) async fn reap(&self, id: &WorkspaceId, is_known: bool) -> Outcome<()> {
        if self.records.find(id).await?.is_some() {
            return Ok(());
        }
        match self.undo(id).await {
            Ok(()) if is_known => {}
            Ok(()) => {
                tracing::warn!(workspace = %id, "nothing is recorded of a workspace that the runtime has: it does not run any more, and its files are kept; remove them if nobody needs them");
            }
            Err(error) => {
                tracing::error!(workspace = %id, error = error.causes(), "nothing is recorded of a workspace that the runtime has, and it could not be removed: it is tried again");
            }
        }
        Ok(())
    }
}
