//! The runtime of `run`: one process, on this terminal, in this directory, with exactly the computed environment.

use std::{
    fs::DirBuilder,
    io,
    os::unix::{fs::DirBuilderExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    pin::pin,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use provisionhook_host::{
    container::Container,
    files::{ContributedFile, FilePath},
    runtime::{
        Exit, Exited, Home, OutputStream, Runtime, RuntimeError, RuntimeErrorKind, RuntimeFuture,
        RuntimeState, StartSpec,
    },
    workspace_id::WorkspaceId,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{process::Command, sync::watch};

use super::signals::{Signals, is_of_the_terminal};

/// The directory of the workspace's files, if it has one of its own.
const HOME: &str = "home";

/// Runs at most one workspace.
pub(super) struct Foreground {
    state: watch::Sender<Option<(WorkspaceId, RuntimeState)>>,
    home: PathBuf,
    /// Whether the home is this runtime's own. Files of plugins never go into a directory of the user's.
    private: bool,
    /// Whether nothing may begin any more. Locked while something does.
    closed: Mutex<bool>,
}

impl Foreground {
    /// A runtime whose workspace has the current directory as its home.
    pub(super) fn here() -> io::Result<Self> {
        Ok(Self {
            state: watch::Sender::new(None),
            home: std::env::current_dir()?,
            private: false,
            closed: Mutex::new(false),
        })
    }

    /// A runtime whose workspace has a home of its own inside `directory`. It starts in the current directory all the same.
    pub(super) fn with_private_home(directory: &Path) -> io::Result<Self> {
        let home = directory.join(HOME);
        DirBuilder::new().mode(0o700).create(&home)?;
        Ok(Self {
            home,
            private: true,
            ..Self::here()?
        })
    }

    /// Starts nothing from now on, unless something has begun already. Says whether nothing has.
    pub(super) fn close(&self) -> bool {
        let mut closed = self.closed();
        *closed = self.state.borrow().is_none();
        *closed
    }

    fn closed(&self) -> MutexGuard<'_, bool> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of the command, which gets each signal that comes.
    pub(super) async fn wait_through(
        &self,
        id: &WorkspaceId,
        signals: &mut Signals,
    ) -> Result<Exited, RuntimeError> {
        let mut ended = pin!(self.ended(id));
        loop {
            tokio::select! {
                ended = ended.as_mut() => return ended,
                signal = signals.next() => self.pass_on(signal),
            }
        }
    }

    /// Gives the command a signal that this process got, unless it has it already.
    pub(super) fn pass_on(&self, signal: Signal) {
        if !is_of_the_terminal(signal) {
            self.signal(signal);
        }
    }

    /// Signals the process alone, as a terminal would; one that is gone is none.
    fn signal(&self, signal: Signal) {
        let Some((_, RuntimeState::Running { pid, .. })) = &*self.state.borrow() else {
            return;
        };
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _gone = kill_process(pid, signal);
        }
    }

    fn files(&self, id: &WorkspaceId) -> Result<Home, RuntimeError> {
        match self.home.parent().filter(|_| self.private) {
            Some(parent) => Ok(Home::new(id.clone(), parent, &[HOME])),
            None => Err(RuntimeError::new(
                id,
                RuntimeErrorKind::Directory,
                "expected a private home for the files of plugins, found the current directory",
            )),
        }
    }

    fn state_of(&self, id: &WorkspaceId) -> RuntimeState {
        match &*self.state.borrow() {
            Some((ours, state)) if ours == id => state.clone(),
            _ => RuntimeState::Absent,
        }
    }

    fn spawn(&self, spec: &StartSpec) -> Result<(), RuntimeError> {
        let refused = |error: &io::Error| {
            let kind = if error.kind() == io::ErrorKind::NotFound {
                RuntimeErrorKind::CommandNotFound
            } else {
                RuntimeErrorKind::NotExecutable
            };
            let program = spec
                .command()
                .first()
                .map(String::as_str)
                .unwrap_or_default();
            RuntimeError::new(
                spec.id(),
                kind,
                format!("expected a command that can be executed, found {program}: {error}"),
            )
        };
        let [program, arguments @ ..] = spec.command() else {
            return Err(RuntimeError::new(
                spec.id(),
                RuntimeErrorKind::Invalid,
                "expected a command, found none",
            ));
        };
        let environment = spec.env().iter().map(|(key, value)| (key, value.as_str()));
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .spawn()
            .map_err(|error| refused(&error))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        self.state.send_replace(Some((
            spec.id().clone(),
            RuntimeState::Running {
                pid,
                started_at: unix_ms(),
                paused: false,
            },
        )));
        let (id, state) = (spec.id().clone(), self.state.clone());
        tokio::spawn(async move {
            let exit = child.wait().await.map_or(Exit::Unknown, how);
            state.send_replace(Some((
                id,
                RuntimeState::Exited(Exited {
                    exit,
                    at: Some(unix_ms()),
                    out_of_memory: false,
                }),
            )));
        });
        Ok(())
    }

    async fn ended(&self, id: &WorkspaceId) -> Result<Exited, RuntimeError> {
        let mut watched = self.state.subscribe();
        let ended = watched
            .wait_for(|state| matches!(state, Some((_, RuntimeState::Exited(_))) | None))
            .await;
        drop(ended);
        match self.state_of(id) {
            RuntimeState::Exited(exited) => Ok(exited),
            RuntimeState::Absent | RuntimeState::Running { .. } => Err(RuntimeError::new(
                id,
                RuntimeErrorKind::NotFound,
                "expected a workspace that was started, found none",
            )),
        }
    }
}

impl Runtime for Foreground {
    /// The command line offers no container.
    fn refusal(&self, _: Option<&Container>) -> Option<String> {
        None
    }

    fn start<'a>(&'a self, spec: &'a StartSpec) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            if self.state_of(spec.id()) != RuntimeState::Absent {
                return Ok(());
            }
            let closed = self.closed();
            if *closed {
                return Err(RuntimeError::new(
                    spec.id(),
                    RuntimeErrorKind::Io,
                    "expected to begin, found a signal to end",
                ));
            }
            if !spec.files().is_empty() {
                self.files(spec.id())?.put(spec.files())?;
            }
            self.spawn(spec)
        })
    }

    /// TERM now, KILL after the grace.
    fn stop<'a>(&'a self, id: &'a WorkspaceId, grace: Duration) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            if !matches!(self.state_of(id), RuntimeState::Running { .. }) {
                return Ok(());
            }
            self.signal(Signal::TERM);
            if tokio::time::timeout(grace, self.ended(id)).await.is_err() {
                self.signal(Signal::KILL);
                self.ended(id).await?;
            }
            Ok(())
        })
    }

    fn pause<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { Err(terminal_pauses(id)) })
    }

    fn resume<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { Err(terminal_pauses(id)) })
    }

    fn home(&self, _id: &WorkspaceId) -> Option<String> {
        self.home.to_str().map(str::to_owned)
    }

    fn state<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, RuntimeState> {
        Box::pin(async move { Ok(self.state_of(id)) })
    }

    fn list(&self) -> RuntimeFuture<'_, Vec<(WorkspaceId, RuntimeState)>> {
        Box::pin(async move { Ok(self.state.borrow().iter().cloned().collect()) })
    }

    /// The output went to the terminal.
    fn logs<'a>(&'a self, _id: &'a WorkspaceId, _tail: Option<u64>) -> RuntimeFuture<'a, Vec<u8>> {
        Box::pin(async move { Ok(Vec::new()) })
    }

    fn follow<'a>(&'a self, id: &'a WorkspaceId, _tail: u64) -> RuntimeFuture<'a, OutputStream> {
        let message = "expected output that is kept, found one that goes to the terminal";
        let error = RuntimeError::new(id, RuntimeErrorKind::Unsupported, message);
        Box::pin(async move { Err(error) })
    }

    fn wait<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, Exited> {
        Box::pin(self.ended(id))
    }

    fn clear<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        self.remove(id)
    }

    fn put_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        files: Arc<[ContributedFile]>,
    ) -> RuntimeFuture<'a, Vec<FilePath>> {
        Box::pin(async move { self.files(id)?.put(&files) })
    }

    fn remove_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        paths: Vec<FilePath>,
    ) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { self.files(id)?.remove(&paths) })
    }

    fn remove<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            if matches!(self.state_of(id), RuntimeState::Running { .. }) {
                return Err(RuntimeError::new(
                    id,
                    RuntimeErrorKind::StillRunning,
                    "expected a workspace that has ended, found it running; stop it first",
                ));
            }
            self.state.send_replace(None);
            Ok(())
        })
    }
}

fn terminal_pauses(id: &WorkspaceId) -> RuntimeError {
    let message = "expected a workspace that the platform may pause, found one on a terminal: stop it with the keys of the terminal";
    RuntimeError::new(id, RuntimeErrorKind::Unsupported, message)
}

fn how(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
