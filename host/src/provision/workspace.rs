//! A workspace as callers see it: its record, and what its last provision did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EXPIRED, OUT_OF_MEMORY, UNSEEN};
use crate::{fault::FaultKind, store::WorkspaceRecord};

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
    /// The files that plugins have put, in the order in which they were put first.
    #[serde(default)]
    pub files: Vec<File>,
    /// What each plugin did, in order: first those that set variables, then those that put files.
    pub steps: Vec<Step>,
}

/// One file of a plugin in a workspace, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WorkspaceFile")]
pub struct File {
    /// Its path beneath the workspace's home.
    pub path: String,
    /// Its permission bits, in octal.
    pub mode: String,
    /// Whether its bytes must not be shown. Then it is removed when the workspace ends.
    pub secret: bool,
    /// How many bytes it has.
    pub size: u64,
    /// What is in it, in lower-case hex; not of a secret one, and not while it is being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Who put it: `plugin NAME`.
    pub set_by: String,
    /// Those whose file that replaced, oldest first.
    #[serde(default)]
    pub overrode: Vec<String>,
}

/// One variable of a workspace, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ProvisionStep")]
pub struct Step {
    /// Its name.
    pub plugin: String,
    /// What it was called for: `mutate` (its variables) or `contribute` (its files).
    #[serde(default = "mutate")]
    #[schemars(extend("enum" = Self::CALLS))]
    pub call: String,
    /// What became of it.
    #[schemars(extend("enum" = Self::OUTCOMES))]
    pub outcome: String,
    /// The kind of its fault, if it had one. What the fault says is in the log.
    #[schemars(extend("enum" = FaultKind::ALL.map(FaultKind::as_str)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How long it took, in milliseconds, to within a tick of the kernel.
    pub took_ms: u64,
}

impl Step {
    /// Its variables were asked for.
    pub(super) const MUTATE: &'static str = "mutate";
    /// Its files were asked for.
    pub(super) const CONTRIBUTE: &'static str = "contribute";
    /// What a plugin may be called for.
    const CALLS: [&'static str; 2] = [Self::MUTATE, Self::CONTRIBUTE];
    /// What it did was kept.
    pub(super) const APPLIED: &'static str = "applied";
    /// It was not called: its selector does not apply to this workspace.
    pub(super) const NOT_SELECTED: &'static str = "not_selected";
    /// It failed, and the provision went on without it.
    pub(super) const SKIPPED: &'static str = "skipped";
    /// It failed, and with it the provision.
    pub(super) const FAILED: &'static str = "failed";
    /// What may become of a call.
    const OUTCOMES: [&'static str; 4] = [
        Self::APPLIED,
        Self::NOT_SELECTED,
        Self::SKIPPED,
        Self::FAILED,
    ];
}

/// The only call there was when records did not name it.
fn mutate() -> String {
    Step::MUTATE.to_owned()
}

/// Every word that a record may give for its state.
pub(crate) fn reasons() -> Vec<&'static str> {
    let of_failed = Reason::ALL.map(Reason::as_str).into_iter();
    of_failed.chain([EXPIRED, OUT_OF_MEMORY, UNSEEN]).collect()
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
    /// Command and environment are larger than a process can be given, or than the runtime can hand over.
    TooLarge,
    /// Its image is not there and cannot be pulled.
    ImageUnavailable,
    /// The container engine or the cluster could not be reached.
    RuntimeUnavailable,
    /// There is no room for its files.
    DiskFull,
    /// The runtime could not start it.
    StartFailed,
    /// The platform ended, or could not record anything any more, while it was being provisioned.
    Interrupted,
    /// It was recorded as running, and the runtime knows nothing of it.
    Lost,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 12] = [
        Self::PluginFailed,
        Self::TimedOut,
        Self::CommandNotFound,
        Self::NotExecutable,
        Self::Unstartable,
        Self::TooLarge,
        Self::ImageUnavailable,
        Self::RuntimeUnavailable,
        Self::DiskFull,
        Self::StartFailed,
        Self::Interrupted,
        Self::Lost,
    ];

    /// The reason of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// What it is called in records, answers, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PluginFailed => "plugin_failed",
            Self::TimedOut => "timed_out",
            Self::CommandNotFound => "command_not_found",
            Self::NotExecutable => "not_executable",
            Self::Unstartable => "unstartable",
            Self::TooLarge => "too_large",
            Self::ImageUnavailable => "image_unavailable",
            Self::RuntimeUnavailable => "runtime_unavailable",
            Self::DiskFull => "disk_full",
            Self::StartFailed => "start_failed",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_name() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{reason:?}");
            assert_eq!(Reason::from_name(reason.as_str()), Some(reason));
        }
        assert_eq!(Reason::Lost as usize + 1, Reason::ALL.len());
    }
}
