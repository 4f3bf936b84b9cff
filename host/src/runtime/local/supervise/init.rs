//! The first process of an isolated workspace: PID 1 of its namespace.
//!
//! It arranges what the workspace sees, gives up its rights, starts the command, and collects what ends. When the command has
//! ended it tells the supervisor how and ends itself, and the kernel kills all that is left. The same happens when the
//! supervisor dies.

mod devices;
mod loopback;
mod mounts;
mod rights;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::process::{Signal, WaitOptions, set_parent_process_death_signal, setsid, wait};
use rustix::thread::UnshareFlags;
use serde::Serialize;

use super::super::dir::WorkspaceDir;
use super::super::isolation::Network;
use super::super::protocol::{Launch, Report};
use super::command::execute;
use super::sandbox::unshare;
use super::tree::exit;
use crate::runtime::{Exit, RuntimeErrorKind};

/// Is the init of the workspace in `dir`, to the workspace's end.
pub(super) fn run(dir: &WorkspaceDir) -> Result<(), Report> {
    let command = begin(dir)?;
    let Some(pid) = command else {
        return Ok(());
    };
    // From here on only the workspace's own processes write to its output.
    let null = File::options().write(true).open("/dev/null");
    drop(null.map(rustix::stdio::dup2_stderr));
    // Nobody is left to tell if this fails; the supervisor takes it for an unknown end.
    drop(tell(&collect(pid)));
    Ok(())
}

/// Starts the command and says so, or says why not. None if there was none to start.
fn begin(dir: &WorkspaceDir) -> Result<Option<i32>, Report> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(failed("be killed with the supervisor"))?;
    // Had the supervisor died before that was said, this could not be written.
    io::stdout()
        .write_all(b"\n")
        .and_then(|()| io::stdout().flush())
        .map_err(failed("reach the supervisor"))?;
    let (launch, _) = Launch::read(io::stdin())?;
    let Some(sandbox) = &launch.sandbox else {
        return Err(Report::Failed {
            kind: RuntimeErrorKind::Supervisor,
            message: "expected an order that isolates the workspace, found none".to_owned(),
        });
    };
    setsid().map_err(failed("begin a session"))?;
    let mut namespaces = UnshareFlags::NEWNS | UnshareFlags::NEWIPC;
    if sandbox.network == Network::None {
        namespaces |= UnshareFlags::NEWNET;
    }
    unshare(namespaces).map_err(failed("make the namespaces of the workspace"))?;
    if sandbox.network == Network::None {
        loopback::up().map_err(failed("bring up the loopback interface"))?;
    }
    mounts::arrange(dir, sandbox).map_err(|error| Report::failed(&error.what, &error.source))?;
    rights::give_up().map_err(failed("give up the rights of the init"))?;
    let output = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .map_err(failed("share the pipe for the workspace's output"))?;
    let command = execute(dir, &launch, output)?;
    let is_tried = launch.command.is_empty();
    drop(launch);
    tell(&Report::Started(command)).map_err(failed("reach the supervisor"))?;
    Ok((!is_tried).then_some(command.pid))
}

/// Collects what ends, until that is the command.
fn collect(command: i32) -> Exit {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_pid() == command => return exit(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Exit::Unknown,
        }
    }
}

fn tell<T: Serialize>(what: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    io::stdout().write_all(&line)?;
    io::stdout().flush()
}

fn failed<E: Into<io::Error>>(what: &str) -> impl FnOnce(E) -> Report {
    move |error| Report::failed(what, &error.into())
}
