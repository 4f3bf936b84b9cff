//! What is kept of a workspace.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AfterTtl, WorkspaceState};
use crate::container::Container;
use crate::unix_ms;
use crate::workspace_id::WorkspaceId;

/// What a user asked for: all that is needed to provision the workspace again. Nothing that a plugin adds is in it.
///
/// `Debug` shows the keys of the environment and no value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceSpec {
    /// The tenant that it belongs to.
    #[serde(default)]
    pub tenant: Option<String>,
    /// What its agent is there for.
    #[serde(default)]
    pub role: Option<String>,
    /// The name of the runtime that runs it.
    pub runtime: String,
    /// Free labels, for selectors.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The user's own environment. Its values may be secret, and a restart needs them: the file is the user's only.
    #[serde(default)]
    pub env: BTreeMap<String, Zeroizing<String>>,
    /// How long a run may last, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
    /// What becomes of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ttl: Option<AfterTtl>,
    /// Its container, if the runtime has containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

impl fmt::Debug for WorkspaceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkspaceSpec")
            .field("tenant", &self.tenant)
            .field("role", &self.role)
            .field("runtime", &self.runtime)
            .field("labels", &self.labels)
            .field("command", &self.command)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("ttl_seconds", &self.ttl_seconds)
            .field("after_ttl", &self.after_ttl)
            .field("container", &self.container)
            .finish()
    }
}

/// How the last attempt to run a workspace came out. Empty while it goes well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The canonical reason, which may be shown outside. The cause is in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exit code of its command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended its command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_signal: Option<i32>,
}

/// One workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRecord {
    /// Its id.
    pub id: WorkspaceId,
    /// What its user calls it; need not be unique.
    pub name: String,
    /// What was asked for.
    pub spec: WorkspaceSpec,
    /// Where it is in its life.
    pub state: WorkspaceState,
    /// How it came there.
    pub outcome: Outcome,
    /// When the time to live of its last run is over, in milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
    /// When it was recorded, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When its state last changed, in milliseconds since the Unix epoch.
    pub updated_at: i64,
}

impl WorkspaceRecord {
    /// A workspace at the beginning of its life.
    pub(super) fn new(id: WorkspaceId, name: String, spec: WorkspaceSpec) -> Self {
        let now = unix_ms::now();
        let state = WorkspaceState::Provisioning;
        Self {
            id,
            name,
            spec,
            state,
            outcome: Outcome::default(),
            expires_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let spec: WorkspaceSpec = serde_json::from_str(
            r#"{"runtime":"local","command":["x"],"env":{"TOKEN":"hunter2"}}"#,
        )
        .unwrap();
        let text = format!("{spec:?}");
        assert!(
            text.contains("TOKEN") && !text.contains("hunter2"),
            "{text}"
        );
    }
}
