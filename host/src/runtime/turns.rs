//! One at a time for each workspace.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::workspace_id::WorkspaceId;

/// Whose turn it is, by workspace.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<WorkspaceId, Arc<AsyncMutex<()>>>>);

impl Turns {
    /// Waits for a turn on workspace `id`. It ends when the guard is dropped.
    pub async fn of(&self, id: &WorkspaceId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever holds or awaits a turn has a second reference; the others are of workspaces that rest or are gone.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(id.clone()).or_default())
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn one_workspace_takes_turns_and_others_do_not_wait() {
        let turns = Turns::default();
        let (a, b): (WorkspaceId, WorkspaceId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let first = turns.of(&a).await;
        let _other = turns.of(&b).await;
        assert!(
            timeout(Duration::from_millis(1), turns.of(&a))
                .await
                .is_err()
        );
        drop(first);
        let _second = turns.of(&a).await;
        assert_eq!(turns.0.lock().unwrap().len(), 2);
    }
}
