//! What the daemon's errors mean for a workspace.

use std::path::Path;

use bollard::errors::Error;
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, causes, quoted},
    workspace_id::WorkspaceId,
};

/// The status of an answer that was no success.
pub(crate) fn status(error: &Error) -> Option<u16> {
    if let Error::DockerResponseServerError { status_code, .. } = error {
        return Some(*status_code);
    }
    None
}

/// The daemons have no status for a full disk. These are the words of Go for `ENOSPC` and `EDQUOT`, in every locale.
const FULL: [&str; 2] = ["no space left on device", "disk quota exceeded"];

/// Whether the daemon says that it has no room left.
pub(crate) fn is_full(error: &Error) -> bool {
    let (Error::DockerResponseServerError { message: words, .. }
    | Error::DockerStreamError { error: words }) = error
    else {
        return false;
    };
    FULL.iter().any(|full| words.contains(full))
}

/// An error of the daemon at `socket`, which keeps what it makes under `disk`, while it was to do `what`.
pub(crate) fn engine(
    id: Option<&WorkspaceId>,
    what: &str,
    socket: &Path,
    disk: &str,
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
        Error::DockerResponseServerError { message, .. }
        | Error::DockerStreamError { error: message }
            if is_full(error) =>
        {
            let message = format!(
                "cannot {what}: expected room on the daemon's disk ({disk}), found: {}; see what takes it with `docker system df`, make room, for example with `docker system prune`, and try again",
                quoted(message)
            );
            made(RuntimeErrorKind::DiskFull, message)
        }
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
                "cannot {what}: expected a daemon at {}, found: {}; start it, or correct `docker.socket`",
                socket.display(),
                quoted(&causes(other))
            ),
        ),
    }
}
