//! What the daemon's errors mean for a workspace.

use std::path::Path;

use bollard::errors::Error;
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind},
    workspace_id::WorkspaceId,
};

/// The most of a daemon's own words that an error repeats.
const LONGEST_QUOTE: usize = 400;

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

/// On one line, and not endless.
pub(crate) fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(LONGEST_QUOTE).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}
