//! What can go wrong between a complete start specification and a running workspace.

use std::io;

use serde::{Deserialize, Serialize};

use crate::workspace_id::WorkspaceId;

/// A runtime could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", if id.is_empty() { String::new() } else { format!("workspace {id}: ") })]
pub struct RuntimeError {
    kind: RuntimeErrorKind,
    /// Empty if it is about no single workspace.
    id: String,
    message: String,
    source: Option<io::Error>,
}

impl RuntimeError {
    /// An error about one workspace. `message` says what was expected, what was found and what to do.
    #[must_use]
    pub fn new(id: &WorkspaceId, kind: RuntimeErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.to_string(),
            message: message.into(),
            source: None,
        }
    }

    /// That a workspace does not run, which has to for `purpose`: an infinitive.
    #[must_use]
    pub fn not_running(id: &WorkspaceId, purpose: &str) -> Self {
        let message =
            format!("expected a workspace that runs, found none: start it to {purpose} it");
        Self::new(id, RuntimeErrorKind::NotRunning, message)
    }

    /// That nothing is there of a workspace; `what` should have been: "a container".
    #[must_use]
    pub fn absent(id: &WorkspaceId, what: &str) -> Self {
        let message = format!("expected {what}, found none");
        Self::new(id, RuntimeErrorKind::NotFound, message)
    }

    /// That a workspace runs, which has to have ended.
    #[must_use]
    pub fn still_running(id: &WorkspaceId) -> Self {
        let message = "expected a workspace that has ended, found it running: stop it first";
        Self::new(id, RuntimeErrorKind::StillRunning, message)
    }

    /// An error about the runtime as a whole.
    #[must_use]
    pub fn of_all(kind: RuntimeErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            id: String::new(),
            message: message.into(),
            source: None,
        }
    }

    /// An error of the file system. The kind follows from the cause.
    #[must_use]
    pub fn io(id: &str, message: impl Into<String>, source: io::Error) -> Self {
        Self {
            kind: RuntimeErrorKind::of_io(&source),
            id: id.to_owned(),
            message: message.into(),
            source: Some(source),
        }
    }

    /// An error of a supervisor process, unless it is the machine that has nothing left to give.
    #[must_use]
    pub(crate) fn supervisor(
        id: &WorkspaceId,
        message: impl Into<String>,
        source: io::Error,
    ) -> Self {
        let kind = RuntimeErrorKind::of_io(&source);
        let machine = matches!(
            kind,
            RuntimeErrorKind::OutOfResources | RuntimeErrorKind::DiskFull
        );
        let kind = if machine {
            kind
        } else {
            RuntimeErrorKind::Supervisor
        };
        Self {
            kind,
            id: id.to_string(),
            message: message.into(),
            source: Some(source),
        }
    }

    /// What it says, without the workspace that it is about.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What kind of error it is, for code that decides.
    #[must_use]
    pub fn kind(&self) -> RuntimeErrorKind {
        self.kind
    }
}

/// The kinds of [`RuntimeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeErrorKind {
    /// The start specification cannot be given to any process: an empty command, a NUL, a key with `=`.
    Invalid,
    /// Command and environment are larger than the kernel accepts.
    TooLarge,
    /// There is no such command, or its interpreter is missing.
    CommandNotFound,
    /// The command is there, but may not or cannot be executed.
    NotExecutable,
    /// A directory or file of the runtime may not be written.
    Directory,
    /// The workspace has something of its own where a file of a plugin belongs.
    Obstructed,
    /// No room is left on the disk.
    DiskFull,
    /// The machine has no more processes, memory or file descriptors to give.
    OutOfResources,
    /// No workspace of this id was ever started.
    NotFound,
    /// It has to be stopped first.
    StillRunning,
    /// It has to be started first.
    NotRunning,
    /// This runtime cannot do it to any workspace.
    Unsupported,
    /// The supervisor process failed or does not answer.
    Supervisor,
    /// The image is not there and cannot be pulled.
    Image,
    /// The container engine or the cluster cannot be reached.
    Unavailable,
    /// The container engine or the cluster refused.
    Engine,
    /// Another error of the operating system.
    Io,
}

impl RuntimeErrorKind {
    /// The kind that an error of the file system amounts to.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind as E;

        let too_many_files = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
        if too_many_files
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
        {
            return Self::OutOfResources;
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "io::ErrorKind is open, and all others are alike to us"
        )]
        match error.kind() {
            E::StorageFull | E::QuotaExceeded => Self::DiskFull,
            E::PermissionDenied | E::ReadOnlyFilesystem | E::NotADirectory | E::NotFound => {
                Self::Directory
            }
            E::WouldBlock | E::OutOfMemory => Self::OutOfResources,
            _ => Self::Io,
        }
    }
}
