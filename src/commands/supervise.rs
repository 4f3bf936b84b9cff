//! `provisionhook supervise DIR`: what the local runtime starts for each workspace.

use std::{path::Path, process::ExitCode};

use provisionhook_host::runtime::local::supervise;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::CommandResult;

/// Reads what to start from standard input; returns when the workspace and all that it started have ended.
///
/// The platform has raised its own limit on open files; a workspace gets the one before, because programs that use `select`
/// break under a high one.
pub(super) fn run(directory: &Path, open_files: Option<u64>) -> CommandResult {
    if open_files.is_some() {
        let limit = Rlimit {
            current: open_files,
            ..getrlimit(Resource::Nofile)
        };
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok::<ExitCode, _>(supervise(directory))
}
