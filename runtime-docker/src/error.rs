//! What the daemon's errors mean for a workspace.

use std::path::Path;

use bollard::errors::Error;
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, quoted},
    workspace_id::WorkspaceId,
};

/// The status of an answer that was no success.
pub(crate) fn status(error: &Error) -> Option<u16> {
    if let Error::DockerResponseServerError { status_code, .. } = error {
        return Some(*status_code);
    }
    None
}

/// An error of the daemon while it was to do `what`.
pub(crate) fn engine(
    id: Option<&WorkspaceId>,
    what: &str,
    socket: &Path,
    error: &Error,
) -> RuntimeError {
    let made = |kind, message: String| match id {
        Some(id) => RuntimeError::new(id, kind, message),
        None => RuntimeError::of_all(kind, message),
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all the others mean that no answer came, or none that is one"
    )]
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => {
            let message = format!(
                "cannot {what}: the daemon answers {status_code}: {}",
                quoted(message)
            );
            made(RuntimeErrorKind::Engine, message)
        }
        Error::DockerStreamError { error } => {
            let message = format!("cannot {what}: {}", quoted(error));
            made(RuntimeErrorKind::Engine, message)
        }
        other => made(
            RuntimeErrorKind::Unavailable,
            format!(
                "cannot {what}: expected a daemon at {}, found: {other}; start it, or correct `docker.socket`",
                socket.display()
            ),
        ),
    }
}
