//! The supervisor's side of an isolated workspace: it makes the user and PID namespaces, and the init in them.
//!
//! The supervisor itself stays outside, with the machine's own view of processes and files: nothing in the workspace can see
//! it, signal it, or reach the platform's files through it.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{getegid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, configure_capability_in_ambient_set,
    set_capabilities,
};

use super::super::isolation::Sandbox;
use super::super::proc;
use super::super::protocol::Report;
use crate::runtime::{Exit, RuntimeErrorKind};

/// The `argv[0]` of a workspace's init.
pub(super) const INIT: &str = "provisionhook-init";
/// What an init needs to arrange its namespaces. It gives up all but what a workspace may have before it starts the command.
const OF_INIT: [CapabilitySet; 3] = [
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::NET_ADMIN,
    CapabilitySet::SETPCAP,
];

/// The init of a workspace, and what it has to say.
pub(super) struct Init {
    child: Child,
    reports: BufReader<ChildStdout>,
}

impl Init {
    /// Makes the namespaces and the init, which waits for the document. Its output is what the workspace's processes write.
    pub(super) fn spawn(sandbox: &Sandbox) -> Result<(Self, PipeReader), Report> {
        enter(sandbox).map_err(|(what, error)| Report::failed(what, &error))?;
        let made = io::pipe().and_then(|(output, input)| {
            let mut child = Command::new("/proc/self/exe")
                .arg0(INIT)
                .args(env::args_os().skip(1))
                .env_clear()
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(input)
                .spawn()?;
            let reports = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
            let reports = BufReader::new(reports);
            Ok((Self { child, reports }, output))
        });
        made.map_err(|error| Report::failed("start the init of the workspace", &error))
    }

    /// Its process id, as the supervisor sees it.
    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(i32::MAX)
    }

    /// Hands it the document, and hears whether the command runs.
    pub(super) fn start(&mut self, document: &[u8]) -> Report {
        if let Some(mut stdin) = self.child.stdin.take() {
            // An init that fails early does not read it all, and its report says why.
            drop(stdin.write_all(document));
        }
        match self.line() {
            Ok(Report::Started(mut command)) => {
                command.pid = proc::outside(self.pid(), command.pid).unwrap_or(self.pid());
                Report::Started(command)
            }
            Ok(report) => report,
            Err(error) => Report::Failed {
                kind: RuntimeErrorKind::Supervisor,
                message: format!("expected a report of the workspace's init, found none: {error}"),
            },
        }
    }

    /// How the command ended, once the init is gone. Unknown if it was killed before it could tell.
    pub(super) fn exit(&mut self) -> Exit {
        self.line().unwrap_or(Exit::Unknown)
    }

    fn line<T: serde::de::DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut line = String::new();
        // An empty line is how it sees that this process lives.
        while line.trim().is_empty() {
            line.clear();
            if self.reports.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(serde_json::from_str(&line)?)
    }
}

/// From here on, children of this process are in a new PID namespace, the first of them as its init.
fn enter(sandbox: &Sandbox) -> Result<(), (&'static str, io::Error)> {
    if sandbox.user_namespace {
        enter_user_namespace()?;
    }
    unshare(UnshareFlags::NEWPID).map_err(|error| ("make a PID namespace", error))
}

/// One in which this user and group are what they are outside, so that files keep their owners.
fn enter_user_namespace() -> Result<(), (&'static str, io::Error)> {
    let (user, group) = (geteuid(), getegid());
    unshare(UnshareFlags::NEWUSER).map_err(|error| ("make a user namespace", error))?;
    let map = |file: &str, text: String| fs::write(format!("/proc/self/{file}"), text);
    // Whoever may change groups could drop one that a file's mode shuts out, so the kernel wants it given up first.
    map("setgroups", "deny".to_owned())
        .and_then(|()| map("uid_map", format!("{user} {user} 1")))
        .and_then(|()| map("gid_map", format!("{group} {group} 1")))
        .map_err(|error| ("map the user into the user namespace", error))?;
    hand_down_capabilities().map_err(|error| ("use the rights of the user namespace", error))
}

/// A user other than root loses its capabilities when it executes a program, unless they are ambient.
fn hand_down_capabilities() -> io::Result<()> {
    let held = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: held.permitted,
            ..held
        },
    )?;
    for capability in OF_INIT {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// Leaves namespaces behind.
#[expect(
    deprecated,
    reason = "the replacement is unsafe for the sake of one flag, FILES, and no caller sets that"
)]
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}
