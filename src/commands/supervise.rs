//! `provisionhook supervise DIR`: what the local runtime starts for each workspace.

use std::{ffi::OsString, io, path::Path, process::ExitCode};

use provisionhook_host::runtime::local::supervise;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::CommandResult;

/// What the local runtime is to call, for workspaces that may have that many files open.
pub(super) fn command(open_files: Option<u64>) -> io::Result<Vec<OsString>> {
    let program = std::env::current_exe()?;
    let mut command = vec![program.into_os_string(), "supervise".into()];
    command.extend(open_files.map(|limit| format!("--open-files={limit}").into()));
    Ok(command)
}

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
