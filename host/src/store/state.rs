//! The states of a workspace, as the file spells them.

use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::ToSqlOutput;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a workspace is in its life: `provisioning -> running | failed`, `running <-> paused`,
/// `stopping -> stopped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceState {
    /// Recorded; plugins run, and the runtime is about to start it.
    Provisioning,
    /// Its command was started.
    Running,
    /// Its command was started, and stands still until it is resumed.
    Paused,
    /// It was never started.
    Failed,
    /// It was told to end.
    Stopping,
    /// It has ended.
    Stopped,
}

impl WorkspaceState {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Provisioning,
        Self::Running,
        Self::Paused,
        Self::Failed,
        Self::Stopping,
        Self::Stopped,
    ];

    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// Whether its command was started and has not been told to end.
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Whether it does not run, and will not before it is started again.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped)
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl ToSql for WorkspaceState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl fmt::Display for WorkspaceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_file_spell_a_state_alike() {
        for state in WorkspaceState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(WorkspaceState::from_name(state.as_str()), Some(state));
        }
        assert_eq!(WorkspaceState::from_name("Running"), None);
    }
}
