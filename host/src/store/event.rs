//! What the log of events is made of.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Outcome, WorkspaceState};
use crate::workspace_id::WorkspaceId;

/// What has happened to a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It was recorded.
    Created,
    /// It came into this state.
    Entered(WorkspaceState),
    /// One plugin was called for it before its start.
    ProvisionStep,
    /// The files of a plugin in it have changed while it ran.
    FilesChanged,
    /// One plugin has heard that it has ended, or never will.
    CleanupStep,
    /// It ran when the platform started, and was taken over.
    Adopted,
    /// Its record was removed.
    Deleted,
}

impl EventKind {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [
            Self::Created,
            Self::ProvisionStep,
            Self::FilesChanged,
            Self::CleanupStep,
            Self::Adopted,
            Self::Deleted,
        ];
        others
            .into_iter()
            .chain(WorkspaceState::ALL.into_iter().map(Self::Entered))
    }

    /// Its name, as subscribers know it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "workspace.created",
            Self::Entered(WorkspaceState::Provisioning) => "workspace.provisioning",
            Self::Entered(WorkspaceState::Running) => "workspace.running",
            Self::Entered(WorkspaceState::Paused) => "workspace.paused",
            Self::Entered(WorkspaceState::Failed) => "workspace.failed",
            Self::Entered(WorkspaceState::Stopping) => "workspace.stopping",
            Self::Entered(WorkspaceState::Stopped) => "workspace.stopped",
            Self::ProvisionStep => "provision.step",
            Self::FilesChanged => "workspace.files_changed",
            Self::CleanupStep => "cleanup.step",
            Self::Adopted => "workspace.adopted",
            Self::Deleted => "workspace.deleted",
        }
    }
}

/// An event that is to be recorded. Holds names and numbers: never a value of a variable, a byte of a file or a plugin's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub(super) kind: EventKind,
    /// A JSON object.
    pub(super) data: String,
}

impl NewEvent {
    /// An event of this kind; `data` makes a JSON object.
    #[must_use]
    pub fn new(kind: EventKind, data: &impl Serialize) -> Self {
        // What has names for keys always makes JSON.
        let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
        Self { kind, data }
    }

    /// A change of state, with how it came about.
    pub(super) fn entered(state: WorkspaceState, outcome: &Outcome) -> Self {
        Self::new(EventKind::Entered(state), outcome)
    }
}

/// An event on record.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Event {
    /// Its place among all events: 1 and up, never given twice, without gaps between those that are kept.
    pub seq: i64,
    /// The name of its [`EventKind`], or of one that another version knows.
    #[serde(rename = "type")]
    #[schemars(
        description = "What has happened. More types may come: skip what you do not know.",
        extend("examples" = EventKind::all().map(EventKind::as_str).collect::<Vec<_>>())
    )]
    pub kind: String,
    /// When it was recorded, in milliseconds since the Unix epoch.
    #[serde(rename = "timestamp", serialize_with = "timestamp")]
    #[schemars(with = "String", description = "When it was recorded.", extend("format" = "date-time"))]
    pub at: i64,
    /// The workspace.
    #[serde(serialize_with = "id")]
    #[schemars(with = "WorkspaceId")]
    pub workspace: WorkspaceId,
    /// The tenant of the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What there is to know of it, by kind.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub data: Value,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn timestamp<S: serde::Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::unix_ms::rfc3339(*at))
}

fn id<S: serde::Serializer>(id: &WorkspaceId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_json_with_the_names_that_webhooks_use() {
        let event = Event {
            seq: 7,
            kind: EventKind::Entered(WorkspaceState::Stopped)
                .as_str()
                .to_owned(),
            at: 1_700_000_000_123,
            workspace: "w-1".parse().unwrap(),
            tenant: None,
            data: serde_json::json!({"exit_code": 0}),
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"seq":7,"type":"workspace.stopped","timestamp":"2023-11-14T22:13:20.123Z","workspace":"w-1","data":{"exit_code":0}}"#
        );
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            EventKind::all().map(EventKind::as_str).collect();
        assert_eq!(names.len(), EventKind::all().count());
        for state in WorkspaceState::ALL {
            assert!(names.contains(&*format!("workspace.{state}")));
        }
    }
}
