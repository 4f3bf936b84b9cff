//! `provisionhook supervise DIR`: what the local runtime starts for each workspace.

use std::{path::Path, process::ExitCode};

use provisionhook_host::runtime::local::supervise;

use super::CommandResult;

/// Reads what to start from standard input; returns when the workspace and all that it started have ended.
#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(super) fn run(directory: &Path) -> CommandResult {
    Ok::<ExitCode, _>(supervise(directory))
}
