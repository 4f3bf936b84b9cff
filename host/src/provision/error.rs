//! What can go wrong with a workspace, in two tellings: a kind for callers, a cause for the log.

use std::error::Error;

use crate::{
    fault::FaultKind,
    provision::{Problem, Reason},
    runtime::{RuntimeError, RuntimeErrorKind},
    store::WorkspaceState,
    workspace_id::WorkspaceId,
};

/// An operation on a workspace failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", id.as_ref().map_or("workspaces", WorkspaceId::as_str))]
pub struct ProvisionError {
    /// The workspace, if there is one.
    pub id: Option<WorkspaceId>,
    /// What it was.
    pub kind: ProvisionErrorKind,
    /// What lies behind it.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of [`ProvisionError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionErrorKind {
    /// The spec cannot be right.
    #[error("expected a valid spec, found {} problems: mend them and ask again", .0.len())]
    Invalid(Vec<Problem>),
    /// There is no workspace of this id.
    #[error("expected the id of a workspace, found none of this id: list them")]
    NotFound,
    /// There is one already.
    #[error(
        "expected an id that is free, found a workspace of this id: choose another, or restart that one"
    )]
    Exists,
    /// The idempotency key of the request came with another request before. Nothing was changed.
    #[error(
        "expected the request that this idempotency key came with before, found another: use a new key for it"
    )]
    KeyReused,
    /// The request was made before, and what comes of it is not known yet.
    #[error("expected a request that has been answered, found it still running: ask again later")]
    InProgress,
    /// The request was made before, and its workspace was deleted since.
    #[error(
        "expected the workspace of this request, found it deleted: use a new idempotency key for another"
    )]
    Deleted,
    /// The platform is about to end.
    #[error(
        "expected a platform that goes on, found one that shuts down: ask again when it is back"
    )]
    ShuttingDown,
    /// As many provisions run and wait as the operator allows. Nothing was changed.
    #[error(
        "expected room for a provision, found as many waiting as may wait: ask again later, or raise `provision.queue`"
    )]
    Overloaded,
    /// It is in this state, and would have to run.
    #[error("expected a workspace that runs or is paused, found one that is {0}: restart it first")]
    NotRunning(WorkspaceState),
    /// The runtime cannot do this to any workspace. Nothing was changed.
    #[error(
        "expected a runtime that can do this, found one that cannot: stop the workspace instead"
    )]
    Unsupported,
    /// The container engine or the cluster cannot be reached. What was recorded stays, and asking again goes on from there.
    #[error("expected a runtime that answers, found none: ask again later")]
    RuntimeUnavailable,
    /// There was no room to do it. What was recorded stays, and asking again goes on from there.
    #[error("expected room on the disks of workspaces, found none: make room, and ask again")]
    DiskFull,
    /// The workspace has failed for this reason, and was recorded as failed. With the kind of the fault, if a plugin's it was.
    #[error("provisioning failed ({})", .0.as_str())]
    Failed(Reason, Option<FaultKind>),
    /// A part of the platform failed, and nothing is known about the workspace that was not known before.
    #[error("{0} failed")]
    Platform(&'static str),
}

impl ProvisionError {
    pub(super) fn new(id: &WorkspaceId, kind: ProvisionErrorKind) -> Self {
        Self {
            id: Some(id.clone()),
            kind,
            source: None,
        }
    }

    /// That the runtime could not do `what`.
    pub(super) fn of_runtime(id: &WorkspaceId, what: &'static str, error: RuntimeError) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "callers can do nothing about the others"
        )]
        let kind = match error.kind() {
            RuntimeErrorKind::Unavailable => ProvisionErrorKind::RuntimeUnavailable,
            RuntimeErrorKind::DiskFull => ProvisionErrorKind::DiskFull,
            _ => ProvisionErrorKind::Platform(what),
        };
        Self::new(id, kind).because(error)
    }

    pub(super) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The whole chain of causes on one line, for the log.
    #[must_use]
    pub fn causes(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = next {
            text.push_str(": ");
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }
}
