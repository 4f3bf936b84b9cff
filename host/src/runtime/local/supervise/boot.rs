//! From a fresh supervisor process to a running command, or to the reason why not.

use std::fs::{File, TryLockError};
use std::io::{self, PipeReader, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::super::cgroup::Group;
use super::super::dir::{CommandRecord, SupervisorRecord, WorkspaceDir};
use super::super::isolation::Sandbox;
use super::super::log::RotatingLog;
use super::super::proc::{self, Process};
use super::super::protocol::{LOCKED, Launch, Report};
use super::command::execute;
use super::sandbox::Init;
use super::send;
use super::tree::{First, Tree};
use crate::runtime::RuntimeErrorKind;

/// A supervisor that has made sure that it is the only one, and has recorded itself.
pub(super) struct Boot {
    dir: WorkspaceDir,
    record: SupervisorRecord,
    launch: Launch,
    /// What `launch` was read from.
    document: Zeroizing<Vec<u8>>,
    /// Held until the process ends.
    _lock: File,
}

impl Boot {
    /// Takes the workspace over and reads the order.
    pub(super) fn new(dir: WorkspaceDir) -> Result<Self, Report> {
        detach()
            .map_err(|error| Report::failed("detach the supervisor from the platform", &error))?;
        if !proc::lists_children() {
            return Err(Report::Failed {
                kind: RuntimeErrorKind::Supervisor,
                message:
                    "expected a kernel that lists the children of a process in /proc, found none: \
                          use one built with CONFIG_PROC_CHILDREN"
                        .into(),
            });
        }
        let lock = lock(&dir.lock())?;
        io::stdout()
            .write_all(&[LOCKED])
            .and_then(|()| io::stdout().flush())
            .map_err(|error| Report::failed("speak to the platform", &error))?;
        let (launch, document) = Launch::read(io::stdin())?;
        let record = record(&dir)
            .map_err(|error| Report::failed("record the supervisor", &error))?
            .ok_or(Report::Present)?;
        Ok(Self {
            dir,
            record,
            launch,
            document,
            _lock: lock,
        })
    }

    /// Starts the command, reports, and supervises it to its end.
    pub(super) fn run(self) -> Result<(), Report> {
        let Self {
            dir,
            mut record,
            launch,
            document,
            _lock,
        } = self;
        let reactor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Report::failed("start the supervisor's event loop", &error))?;
        let _inside = reactor.enter();
        // Before the command starts, or its end could be missed.
        let mut tree =
            Tree::new(dir.clone()).map_err(|error| Report::failed("listen for signals", &error))?;

        let started = start(&dir, &launch, &document, &mut tree);
        drop((launch, document));
        match started {
            Ok(command) => record.command = Some(command),
            Err(report) => {
                // Nothing has run, so nothing may look as if it had.
                tree.give_up();
                drop(dir.clear());
                return Err(report);
            }
        }
        // From here on the workspace runs, whoever can be told of it.
        drop(dir.write_supervisor(&record));
        drop(
            record
                .command
                .map(|command| send(&Report::Started(command))),
        );
        reactor.block_on(tree.watch());
        Ok(())
    }
}

/// Starts the command, within its limits and its namespaces, if it has any.
fn start(
    dir: &WorkspaceDir,
    launch: &Launch,
    document: &[u8],
    tree: &mut Tree,
) -> Result<CommandRecord, Report> {
    let log = open_log(dir, launch.max_log_bytes)?;
    let group = launch
        .limits
        .clone()
        .map(|limits| Group::create(&launch.id, limits))
        .transpose()
        .map_err(|error| Report::failed("limit the workspace", &error))?;
    let group = tree.limit(group);
    let started = match &launch.sandbox {
        None => start_here(dir, launch, group),
        Some(sandbox) => start_inside(dir, sandbox, document, group),
    };
    let (command, first, output) = started?;
    tree.attach(first, log, output)?;
    Ok(command)
}

type Started = (CommandRecord, First, PipeReader);

/// As a child of this process.
fn start_here(
    dir: &WorkspaceDir,
    launch: &Launch,
    group: Option<&Group>,
) -> Result<Started, Report> {
    let (output, input) = io::pipe()
        .map_err(|error| Report::failed("make a pipe for the workspace's output", &error))?;
    let own = rustix::process::getpid().as_raw_pid();
    enter(group, own)?;
    let command = execute(dir, launch, input.into());
    leave(group, own)?;
    let command = command?;
    Ok((command, First::Command(command.pid), output))
}

/// As a child of an init, in namespaces of its own.
fn start_inside(
    dir: &WorkspaceDir,
    sandbox: &Sandbox,
    document: &[u8],
    group: Option<&Group>,
) -> Result<Started, Report> {
    dir.renew_tmp()
        .map_err(|error| Report::failed("make the workspace's /tmp", &error))?;
    let (mut init, output) = Init::spawn(sandbox)?;
    enter(group, init.pid())?;
    let report = init.start(document);
    match report {
        Report::Started(command) => {
            leave(group, init.pid())?;
            Ok((command, First::Init(init), output))
        }
        report @ (Report::Failed { .. } | Report::Present) => Err(report),
    }
}

fn enter(group: Option<&Group>, pid: i32) -> Result<(), Report> {
    group
        .map_or(Ok(()), |group| group.enter(pid))
        .map_err(|error| Report::failed("put the workspace into its control group", &error))
}

fn leave(group: Option<&Group>, pid: i32) -> Result<(), Report> {
    group
        .map_or(Ok(()), |group| group.leave(pid))
        .map_err(|error| Report::failed("leave the workspace's control group", &error))
}

fn detach() -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // A mount point of the platform's working directory must stay free to unmount.
    std::env::set_current_dir("/")
}

fn lock(path: &Path) -> Result<File, Report> {
    let file = super::super::dir::open_private(path)
        .map_err(|error| Report::failed("open the workspace's lock", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Report::Present),
        Err(TryLockError::Error(error)) => Err(Report::failed("lock the workspace", &error)),
    }
}

/// Writes `supervisor.json`, unless the workspace has already been run to its end: then None.
fn record(dir: &WorkspaceDir) -> io::Result<Option<SupervisorRecord>> {
    if dir.exit()?.is_some() {
        return Ok(None);
    }
    dir.clear()?;
    let pid = rustix::process::getpid().as_raw_pid();
    let process = Process::of(pid).ok_or(io::ErrorKind::NotFound)?;
    let record = SupervisorRecord {
        process,
        boot_id: proc::boot_id()?,
        command: None,
    };
    dir.write_supervisor(&record)?;
    Ok(Some(record))
}

fn open_log(dir: &WorkspaceDir, limit: u64) -> Result<RotatingLog, Report> {
    RotatingLog::open(dir.log(), limit)
        .map_err(|error| Report::failed("open the workspace's log", &error))
}
