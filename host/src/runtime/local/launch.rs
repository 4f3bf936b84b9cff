//! Starts supervisors: not too many at once, and each only when it can be watched.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::dir::{CommandRecord, WorkspaceDir, open_private};
use super::entry::{blocking, in_home};
use super::protocol::{LOCKED, Report};
use super::{proc, survivors};
use crate::files::ContributedFile;
use crate::runtime::RuntimeError;
use crate::workspace_id::WorkspaceId;

/// How long a supervisor may take from its start to its report.
pub(super) const REPORT_WITHIN: Duration = Duration::from_secs(30);

/// Knows how to start a supervisor.
pub(super) struct Launcher {
    /// An absolute program and its arguments; the directory of the workspace is appended.
    pub(super) command: Vec<OsString>,
    /// Bounds how many are being started, and with it the threads that start them.
    pub(super) permits: Semaphore,
}

/// What came of it.
pub(super) enum Launched {
    /// The command has been executed.
    Started {
        command: CommandRecord,
        supervisor: AsyncFd<OwnedFd>,
        child: Child,
    },
    /// Another supervisor, of an earlier platform process, was there first.
    Present,
}

struct Spawned {
    child: Child,
    supervisor: AsyncFd<OwnedFd>,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Launcher {
    /// Makes the workspace's directory with its files, starts a supervisor for it, hands it `document` and hears its report.
    pub(super) async fn launch(
        &self,
        id: &WorkspaceId,
        dir: &WorkspaceDir,
        files: Arc<[ContributedFile]>,
        document: Zeroizing<Vec<u8>>,
    ) -> Result<Launched, RuntimeError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let place = dir.clone();
        blocking(move || place.create()).await.map_err(|error| {
            RuntimeError::io(
                id.as_str(),
                format!("cannot set up {}", dir.path().display()),
                error,
            )
        })?;
        let home = dir.home(id);
        in_home(id, move || home.put(&files)).await?;
        let (command, place) = (self.command.clone(), dir.clone());
        let Spawned {
            mut child,
            supervisor,
            stdin,
            stdout,
        } = blocking(move || spawn(&command, &place))
            .await
            .map_err(|error| {
                RuntimeError::supervisor(
                    id,
                    format!("cannot start the supervisor {:?}", self.command),
                    error,
                )
            })?;

        let answer = tokio::time::timeout(REPORT_WITHIN, converse(stdin, stdout, document)).await;
        let error = match answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(Report::Started(command)) => {
                return Ok(Launched::Started {
                    command,
                    supervisor,
                    child,
                });
            }
            Ok(Report::Present) => {
                reap(child).await;
                return Ok(Launched::Present);
            }
            Ok(Report::Failed { kind, message }) => RuntimeError::new(id, kind, message),
            Err(error) => {
                let log = dir.log();
                let message = format!(
                    "expected a report of the supervisor, found none: see {}",
                    log.display()
                );
                // It may have started the command, and nobody would watch it.
                drop(child.kill());
                survivors::end(id, Duration::ZERO).await?;
                RuntimeError::supervisor(id, message, error)
            }
        };
        reap(child).await;
        Err(error)
    }
}

fn spawn(command: &[OsString], dir: &WorkspaceDir) -> io::Result<Spawned> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    // What the dynamic linker or a panic says lands where an operator looks first.
    let complaints = open_private(&dir.log())?;
    let mut child = Command::new(program)
        .args(arguments)
        .arg(dir.path())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(complaints)
        .spawn()?;
    // All that can fail comes before the document is handed over: until then the supervisor does nothing.
    match connect(&mut child) {
        Ok((supervisor, stdin, stdout)) => Ok(Spawned {
            child,
            supervisor,
            stdin,
            stdout,
        }),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

fn connect(child: &mut Child) -> io::Result<(AsyncFd<OwnedFd>, ChildStdin, ChildStdout)> {
    // The child cannot have been reaped, so its id is still its own.
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(io::ErrorKind::NotFound)?;
    let supervisor = proc::awaitable(pidfd_open(pid, PidfdFlags::empty())?)?;
    let stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((
        supervisor,
        ChildStdin::from_std(stdin)?,
        ChildStdout::from_std(stdout)?,
    ))
}

async fn converse(
    mut stdin: ChildStdin,
    mut stdout: ChildStdout,
    document: Zeroizing<Vec<u8>>,
) -> io::Result<Report> {
    let mut answer = vec![stdout.read_u8().await?];
    if answer == [LOCKED] {
        // A supervisor that fails early does not read it all, and its report says why.
        drop(stdin.write_all(&document).await);
    }
    drop(stdin);
    stdout.read_to_end(&mut answer).await?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Takes a supervisor that is about to end off the process table.
async fn reap(mut child: Child) {
    drop(blocking(move || child.wait()).await);
}
