//! Orphans: what the runtime has of workspaces that no record knows, as after a database was restored from a backup, or lost.
//!
//! What runs is ended and what it ran in is removed, because nobody could ever end it: its token opens nothing, and its plugins are told
//! nothing. Its files and its log stay: they may be all that is left of it. The runtime says what is this platform's; the rest it
//! neither lists nor touches.

use crate::{provision::Inner, workspace_id::WorkspaceId};

impl Inner {
    /// Ends and removes an orphan, except for its files.
    pub(super) async fn reap(&self, id: &WorkspaceId) {
        match self.undo(id).await {
            Ok(()) => {
                tracing::warn!(workspace = %id, "nothing is recorded of a workspace that the runtime has: it does not run any more, and its files are kept; remove them if nobody needs them");
            }
            Err(error) => {
                tracing::error!(workspace = %id, error = error.causes(), "nothing is recorded of a workspace that the runtime has, and it could not be removed: it is tried again at the next start");
            }
        }
    }
}
