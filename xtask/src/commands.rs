//! Other programs that a command of ours runs.

use std::process::Command;

use crate::Failure;

/// Runs it, with what it says for all to see.
///
/// # Errors
///
/// When the command cannot be started, or fails.
pub(crate) fn succeed(command: &mut Command, what: &str) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| format!("cannot run {what}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("expected {what} to succeed, found {status}; see above").into())
    }
}
