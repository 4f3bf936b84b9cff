//! Executes a workspace's command, and says why where that cannot be.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::io::Errno;

use super::super::dir::{CommandRecord, WorkspaceDir};
use super::super::protocol::{Launch, Report};
use crate::runtime::RuntimeErrorKind;
use crate::unix_ms;

/// Executes the command with exactly its environment, in a process group of its own, its output in one pipe. Without a
/// command, where a start is only tried, the process that would execute it stands in for it.
pub(super) fn execute(
    dir: &WorkspaceDir,
    launch: &Launch,
    output: OwnedFd,
) -> Result<CommandRecord, Report> {
    let Some((program, arguments)) = launch.command.split_first() else {
        return Ok(record(std::process::id()));
    };
    let stdout = File::from(output);
    let stderr = stdout
        .try_clone()
        .map_err(|error| Report::failed("share the pipe for the workspace's output", &error))?;
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(launch.env.iter().map(|(key, value)| (key, value.as_str())))
        .current_dir(dir.work())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .map_err(|error| cannot_execute(dir, program, &error))?;
    Ok(record(child.id()))
}

fn record(pid: u32) -> CommandRecord {
    CommandRecord {
        pid: i32::try_from(pid).unwrap_or(i32::MAX),
        started_at: unix_ms::now(),
    }
}

fn cannot_execute(dir: &WorkspaceDir, program: &str, error: &io::Error) -> Report {
    let path = dir.work().join(program);
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    let (kind, message) = match errno {
        Some(Errno::NOENT) if program.contains('/') && fs::exists(&path).unwrap_or(false) => (
            RuntimeErrorKind::CommandNotFound,
            format!("expected an interpreter for {program}, found none: install what its first line or its ELF header names"),
        ),
        Some(Errno::NOENT | Errno::NOTDIR) if program.contains('/') => (
            RuntimeErrorKind::CommandNotFound,
            format!("expected a command at {}, found nothing: install it or correct the path", path.display()),
        ),
        Some(Errno::NOENT) => (
            RuntimeErrorKind::CommandNotFound,
            format!("expected the command {program} in the PATH of the workspace, found none: install it, set PATH, or name it by its path"),
        ),
        Some(Errno::ACCESS | Errno::PERM | Errno::NOEXEC | Errno::ISDIR) => (
            RuntimeErrorKind::NotExecutable,
            format!("expected {program} to be an executable file, found one that is not ({error}): check its mode and format"),
        ),
        Some(Errno::TOOBIG) => (
            RuntimeErrorKind::TooLarge,
            "expected a command and environment that the kernel takes, found them too large: hand values over in files".into(),
        ),
        _ => (RuntimeErrorKind::of_io(error), format!("cannot execute {program}: {error}")),
    };
    Report::Failed { kind, message }
}
