//! Work that must not be cut off: it goes on when its caller goes away, one at a time for each workspace, and a shutdown waits for it.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedMutexGuard, watch};

use crate::{runtime::Turns, workspace_id::WorkspaceId};

/// The running operations.
pub(super) struct Tasks {
    /// How many run; `None` once no more may begin.
    running: watch::Sender<Count>,
    turns: Turns,
}

#[derive(Clone, Copy, Default)]
struct Count {
    running: usize,
    closed: bool,
}

/// Permission for one operation. Counted until dropped.
pub(super) struct Task(Arc<Tasks>);

impl Tasks {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            running: watch::Sender::new(Count::default()),
            turns: Turns::default(),
        })
    }

    /// Permission to begin, unless the platform shuts down.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Task> {
        let begun = self.running.send_if_modified(|count| {
            count.running += usize::from(!count.closed);
            !count.closed
        });
        begun.then(|| Task(Arc::clone(self)))
    }

    /// Waits for the turn of an operation on workspace `id`. The turn ends when the guard is dropped.
    pub(super) async fn turn(&self, id: &WorkspaceId) -> OwnedMutexGuard<()> {
        self.turns.of(id).await
    }

    /// Resolves once no operation may begin any more.
    pub(super) async fn closed(&self) {
        // The sender lives as long as `self`, so this does not fail.
        let _ = self
            .running
            .subscribe()
            .wait_for(|count| count.closed)
            .await;
    }

    /// Lets no operation begin from now on, and waits at most `limit` for those that run. Returns how many still do.
    pub(super) async fn drain(&self, limit: Duration) -> usize {
        self.running.send_modify(|count| count.closed = true);
        let mut running = self.running.subscribe();
        let idle = running.wait_for(|count| count.running == 0);
        match tokio::time::timeout(limit, idle).await {
            Ok(_) => 0,
            Err(_) => self.running.borrow().running,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.running.send_modify(|count| count.running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_what_runs_and_lets_nothing_begin() {
        let tasks = Tasks::new();
        let task = tasks.begin().unwrap();
        assert_eq!(tasks.drain(Duration::from_millis(1)).await, 1);
        assert!(tasks.begin().is_none());
        let draining = tokio::spawn({
            let tasks = Arc::clone(&tasks);
            async move { tasks.drain(Duration::from_secs(60)).await }
        });
        drop(task);
        assert_eq!(draining.await.unwrap(), 0);
    }
}
