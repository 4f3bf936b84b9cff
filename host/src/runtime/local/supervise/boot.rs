//! From a fresh supervisor process to a running command, or to the reason why not.

use std::fs::{self, File, TryLockError};
use std::io::{self, PipeReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::super::dir::{CommandRecord, SupervisorRecord, WorkspaceDir};
use super::super::log::RotatingLog;
use super::super::proc::{self, Process};
use super::super::protocol::{Launch, Report};
use super::tree::Tree;
use super::{failed, send};
use crate::runtime::RuntimeErrorKind;
use crate::unix_ms;

/// A supervisor that has made sure that it is the only one, and has recorded itself.
pub(super) struct Boot {
    dir: WorkspaceDir,
    record: SupervisorRecord,
    launch: Launch,
    /// Held until the process ends.
    _lock: File,
}

impl Boot {
    /// Takes the workspace over and reads the order.
    pub(super) fn new(dir: WorkspaceDir) -> Result<Self, Report> {
        detach().map_err(|error| failed("detach the supervisor from the platform", &error))?;
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
        let launch = read_launch()?;
        let record = record(&dir)
            .map_err(|error| failed("record the supervisor", &error))?
            .ok_or(Report::Present)?;
        Ok(Self {
            dir,
            record,
            launch,
            _lock: lock,
        })
    }

    /// Starts the command, reports, and supervises it to its end.
    pub(super) fn run(self) -> Result<(), Report> {
        let Self {
            dir,
            mut record,
            launch,
            _lock,
        } = self;
        let reactor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("start the supervisor's event loop", &error))?;
        let _inside = reactor.enter();
        // Before the command starts, or its end could be missed.
        let mut tree =
            Tree::new(dir.clone()).map_err(|error| failed("listen for signals", &error))?;

        let started = open_log(&dir, launch.max_log_bytes)
            .and_then(|log| Ok((log, spawn(&dir, &launch)?)))
            .and_then(|(log, (command, output))| {
                Ok((tree.attach(command.pid, log, output)?, command))
            });
        drop(launch);
        match started {
            Ok(((), command)) => record.command = Some(command),
            Err(report) => {
                // Nothing has run, so nothing may look as if it had.
                tree.kill_all();
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

fn detach() -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // A mount point of the platform's working directory must stay free to unmount.
    std::env::set_current_dir("/")
}

fn lock(path: &Path) -> Result<File, Report> {
    let file = super::super::dir::open_private(path)
        .map_err(|error| failed("open the workspace's lock", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Report::Present),
        Err(TryLockError::Error(error)) => Err(failed("lock the workspace", &error)),
    }
}

fn read_launch() -> Result<Launch, Report> {
    let mut document = Zeroizing::new(Vec::with_capacity(1024 * 1024));
    io::stdin()
        .read_to_end(&mut document)
        .map_err(|error| failed("read what to start", &error))?;
    // A platform that died while it wrote leaves half a document, and then nothing may start. The error of
    // serde_json could quote the document, so it stays here.
    serde_json::from_slice(&document).map_err(|_| Report::Failed {
        kind: RuntimeErrorKind::Supervisor,
        message: format!(
            "expected a whole start document, found {} bytes that are none",
            document.len()
        ),
    })
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
    RotatingLog::open(dir.log(), limit).map_err(|error| failed("open the workspace's log", &error))
}

/// Executes the command with exactly its environment, in a process group of its own, its output in one pipe.
fn spawn(dir: &WorkspaceDir, launch: &Launch) -> Result<(CommandRecord, PipeReader), Report> {
    let pipe = io::pipe().and_then(|(output, input)| Ok((output, input.try_clone()?, input)));
    let (output, stdout, stderr) =
        pipe.map_err(|error| failed("make a pipe for the workspace's output", &error))?;
    let (program, arguments) = launch.command.split_first().ok_or(Report::Present)?;
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
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    Ok((
        CommandRecord {
            pid,
            started_at: unix_ms::now(),
        },
        output,
    ))
}

fn cannot_execute(dir: &WorkspaceDir, program: &str, error: &io::Error) -> Report {
    let path = dir.work().join(program);
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    let (kind, message) = match errno {
        Some(Errno::NOENT) if program.contains('/') && fs::exists(&path).unwrap_or(false) => (
            RuntimeErrorKind::CommandNotFound,
            format!("expected an interpreter for {program}, found none: install what its first line or its ELF header names"),
        ),
        Some(Errno::NOENT) if program.contains('/') => (
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
