//! The supervisor: one small, single-threaded process per workspace, which outlives the platform.
//!
//! It starts the command, keeps its output, adopts what the command leaves behind, ends the whole tree, and records how
//! the command ended. It has its own session and no terminal, so what happens to the platform does not happen to it. An isolated
//! workspace has an [`init`] besides.

mod boot;
mod command;
mod init;
mod sandbox;
mod still;
mod tree;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs};

use self::boot::Boot;
use super::dir::WorkspaceDir;
use super::protocol::Report;

/// The `argv[0]` of a supervisor that has already executed itself anew.
const CLEAN: &str = "provisionhook-supervisor";

/// Supervises the workspace whose directory is `dir`, until its command and all its descendants have ended.
///
/// It is the whole of a process: call it from `main`, before anything has started a thread or opened a file, in a process that
/// [`LocalRuntime`](super::LocalRuntime) has started. It reads the order from standard input and reports on standard output.
/// TERM ends the workspace, as [`Runtime::stop`](crate::runtime::Runtime::stop) does, with 10 s of grace if nobody else says so.
#[must_use]
pub fn supervise(dir: &Path) -> ExitCode {
    let dir = WorkspaceDir::new(dir.to_owned());
    let outcome = if is_called(sandbox::INIT) {
        init::run(&dir)
    } else {
        shed_inherited_files()
            .and_then(|()| Boot::new(dir))
            .and_then(Boot::run)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            // Nobody is left to hear of a failure here: the platform sees the pipe close.
            drop(send(&report));
            ExitCode::FAILURE
        }
    }
}

/// Tells the platform, then lets go of the pipes to it.
fn send(report: &Report) -> io::Result<()> {
    let mut document = serde_json::to_vec(report)?;
    document.push(b'\n');
    let told = io::stdout()
        .write_all(&document)
        .and_then(|()| io::stdout().flush());
    let null = fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    told
}

/// Closes whatever files the platform had open without close-on-exec (a plugin in C may), by executing this program
/// once more. A supervisor lives long, and must hold no foreign lock, socket or pipe; nor may the workspace get one.
fn shed_inherited_files() -> Result<(), Report> {
    if is_called(CLEAN)
        || !has_inherited_files()
            .map_err(|error| Report::failed("list the open files of the supervisor", &error))?
    {
        return Ok(());
    }
    close_fds::set_fds_cloexec(3, &[]);
    let error = Command::new("/proc/self/exe")
        .arg0(CLEAN)
        .args(env::args_os().skip(1))
        .exec();
    Err(Report::failed("execute the supervisor anew", &error))
}

/// Whether this process was given this name. The program's own arguments are its caller's.
fn is_called(name: &str) -> bool {
    env::args_os().next().as_deref() == Some(OsStr::new(name))
}

fn has_inherited_files() -> io::Result<bool> {
    let listing = format!("/proc/{}/fd", std::process::id());
    for entry in fs::read_dir(&listing)? {
        let entry = entry?;
        let standard = ["0", "1", "2"]
            .iter()
            .any(|name| entry.file_name() == *name);
        // The listing is itself an open file, and it is this process's own.
        if !standard && fs::read_link(entry.path())? != Path::new(&listing) {
            return Ok(true);
        }
    }
    Ok(false)
}
