//! What can go wrong with a workspace, in two tellings: a kind for callers, a cause for the log.

use std::error::Error;

use crate::{
    fault::FaultKind,
    provision::{Problem, Reason},
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
