//! A workspace as callers see it: its record, and what its last provision did.

use serde::{Deserialize, Serialize};

use crate::store::WorkspaceRecord;

/// A workspace. Holds no value that a plugin set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// What was asked, and what became of it.
    pub record: WorkspaceRecord,
    /// What its last provision did.
    pub provision: Provision,
}

/// What one provision did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// The variables that somebody set or removed, by name.
    pub environment: Vec<Variable>,
    /// What each plugin did, in order.
    pub steps: Vec<Step>,
}

/// One variable of a workspace, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub key: String,
    /// Who set it last: `platform`, `workspace` (its user), or `plugin NAME`.
    pub set_by: String,
    /// Those whose value that replaced, oldest first.
    #[serde(default)]
    pub overrode: Vec<String>,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// Whether it was removed: then the workspace does not have it.
    #[serde(default)]
    pub removed: bool,
}

/// What one plugin did in a provision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub plugin: String,
    /// `applied`, `not_selected`, `skipped`, or `failed`.
    pub outcome: String,
    /// The kind of its fault, if it had one. What the fault says is in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How long it took, in milliseconds, to within a tick of the kernel.
    pub took_ms: u64,
}

/// Why a workspace failed: what a caller outside may know. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The chain failed.
    PluginFailed,
    /// The chain, or the start, took longer than its budget.
    TimedOut,
    /// There is no such command in the workspace.
    CommandNotFound,
    /// The command cannot be executed.
    NotExecutable,
    /// Command and environment cannot be given to a process.
    Unstartable,
    /// Its image is not there and cannot be pulled.
    ImageUnavailable,
    /// The container engine or the cluster could not be reached.
    RuntimeUnavailable,
    /// The runtime could not start it.
    StartFailed,
    /// The platform ended while it was being provisioned.
    Interrupted,
    /// It was recorded as running, and the runtime knows nothing of it.
    Lost,
}

impl Reason {
    /// What it is called in records, answers, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PluginFailed => "plugin_failed",
            Self::TimedOut => "timed_out",
            Self::CommandNotFound => "command_not_found",
            Self::NotExecutable => "not_executable",
            Self::Unstartable => "unstartable",
            Self::ImageUnavailable => "image_unavailable",
            Self::RuntimeUnavailable => "runtime_unavailable",
            Self::StartFailed => "start_failed",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
        }
    }
}
