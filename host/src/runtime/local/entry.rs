//! One workspace as the platform sees it: its state, who watches for its end, and what may be done to it.

mod pause;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Mutex, MutexGuard, watch};

pub(super) use self::pause::KNOCK;
use super::dir::{CommandRecord, StopRecord, SupervisorRecord, WorkspaceDir};
use super::launch::{Launched, Launcher, REPORT_WITHIN};
use super::protocol::Launch;
use super::{log, not_found, proc, survivors};
use crate::files::{ContributedFile, FilePath};
use crate::runtime::{Exit, Exited, RuntimeError, RuntimeErrorKind, RuntimeState, StartSpec};
use crate::unix_ms;
use crate::workspace_id::WorkspaceId;

/// How much longer than the grace a supervisor may take to end before it counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Shared by the runtime and by the task that watches for the workspace's end.
pub(super) struct Entry {
    id: WorkspaceId,
    dir: WorkspaceDir,
    state: watch::Sender<RuntimeState>,
    /// Held while the workspace is started, told to stop, cleared or removed. True once it was removed: then this entry is out of use.
    changing: Mutex<bool>,
}

impl Entry {
    pub(super) fn absent(id: WorkspaceId, dir: WorkspaceDir) -> Arc<Self> {
        let state = watch::Sender::new(RuntimeState::Absent);
        Arc::new(Self {
            id,
            dir,
            state,
            changing: Mutex::new(false),
        })
    }

    /// The workspace that an earlier platform process left in `dir`.
    pub(super) fn adopt(id: WorkspaceId, dir: WorkspaceDir) -> Result<Arc<Self>, RuntimeError> {
        let entry = Self::absent(id, dir);
        let decided = entry.dir.await_supervisor(REPORT_WITHIN);
        if !decided.map_err(|error| entry.io("cannot look for a supervisor", error))? {
            tracing::warn!(workspace = %entry.id, "a supervisor of an earlier platform neither starts the workspace nor ends");
        }
        entry.adopt_supervisor()?;
        Ok(entry)
    }

    pub(super) fn id(&self) -> &WorkspaceId {
        &self.id
    }

    pub(super) fn state(&self) -> RuntimeState {
        self.state.borrow().clone()
    }

    /// Starts the workspace if it is absent. False if this entry is out of use.
    ///
    /// It runs in a task of its own: a caller that goes away in the middle would leave a supervisor that nobody watches.
    pub(super) async fn start(
        self: &Arc<Self>,
        launcher: &Arc<Launcher>,
        spec: &StartSpec,
        launch: &Launch,
    ) -> Result<bool, RuntimeError> {
        let document = launch
            .encode()
            .map_err(|error| self.io("cannot encode what to start", error.into()))?;
        let (entry, launcher) = (Arc::clone(self), Arc::clone(launcher));
        let files = Arc::clone(spec.files());
        let task = tokio::spawn(async move {
            let removed = entry.changing.lock().await;
            if *removed || entry.state() != RuntimeState::Absent {
                return Ok(!*removed);
            }
            match launcher
                .launch(&entry.id, &entry.dir, files, document)
                .await?
            {
                Launched::Started {
                    command,
                    supervisor,
                    child,
                } => {
                    let running = RuntimeState::Running {
                        pid: Some(command.pid),
                        started_at: command.started_at,
                        paused: false,
                    };
                    entry.state.send_replace(running);
                    entry.watch(supervisor, Some(child));
                }
                Launched::Present => entry.adopt_other()?,
            }
            Ok(true)
        });
        task.await
            .map_err(|error| self.io("the start was broken off", error.into()))?
    }

    pub(super) async fn stop(&self, grace: Duration) -> Result<(), RuntimeError> {
        // A start that is under way has to end first, or there is nothing to stop yet.
        let changing = self.changing.lock().await;
        if matches!(self.state(), RuntimeState::Running { .. }) {
            self.terminate(grace).await?;
            drop(changing);
            let ended = tokio::time::timeout(grace.saturating_add(STUCK_AFTER), self.wait()).await;
            if ended.is_err() {
                self.kill_supervisor().await?;
            }
        }
        self.end_survivors(grace).await
    }

    pub(super) async fn wait(&self) -> Result<Exited, RuntimeError> {
        let mut states = self.state.subscribe();
        // The sender is in self, so the channel cannot close.
        let state = states
            .wait_for(|state| !matches!(state, RuntimeState::Running { .. }))
            .await;
        match state.as_deref() {
            Ok(RuntimeState::Exited(exited)) => Ok(exited.clone()),
            Ok(RuntimeState::Absent | RuntimeState::Running { .. }) | Err(_) => {
                Err(not_found(&self.id))
            }
        }
    }

    pub(super) async fn logs(&self, tail: Option<u64>) -> Result<Vec<u8>, RuntimeError> {
        let path = self.log();
        blocking(move || log::read(&path, tail))
            .await
            .map_err(|error| self.unreadable(error))
    }

    /// Where its output is.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.log()
    }

    pub(super) fn unreadable(&self, error: std::io::Error) -> RuntimeError {
        self.io(&format!("cannot read {}", self.log().display()), error)
    }

    pub(super) async fn put_files(
        &self,
        files: Arc<[ContributedFile]>,
    ) -> Result<Vec<FilePath>, RuntimeError> {
        let _changing = self.changing.lock().await;
        if !matches!(self.state(), RuntimeState::Running { .. }) {
            return Err(RuntimeError::not_running(&self.id, "put files into"));
        }
        let home = self.dir.home(&self.id);
        in_home(&self.id, move || home.put(&files)).await
    }

    pub(super) async fn remove_files(&self, paths: Vec<FilePath>) -> Result<(), RuntimeError> {
        let _changing = self.changing.lock().await;
        let home = self.dir.home(&self.id);
        in_home(&self.id, move || home.remove(&paths)).await
    }

    pub(super) async fn clear(&self) -> Result<(), RuntimeError> {
        let _removed = self.change_ended().await?;
        let dir = self.dir.clone();
        blocking(move || dir.clear())
            .await
            .map_err(|error| self.io("cannot clear the records", error))?;
        self.state.send_replace(RuntimeState::Absent);
        Ok(())
    }

    pub(super) async fn remove(&self, aside: &Path) -> Result<(), RuntimeError> {
        let mut removed = self.change_ended().await?;
        let (dir, aside) = (self.dir.clone(), PathBuf::from(aside));
        let cannot = format!("cannot delete {}", dir.path().display());
        blocking(move || dir.remove(&aside))
            .await
            .map_err(|error| self.io(&cannot, error))?;
        self.state.send_replace(RuntimeState::Absent);
        *removed = true;
        Ok(())
    }

    /// Makes sure that nothing of the workspace runs, and that nothing starts while the guard lives.
    async fn change_ended(&self) -> Result<MutexGuard<'_, bool>, RuntimeError> {
        let guard = self.changing.lock().await;
        if matches!(self.state(), RuntimeState::Running { .. }) {
            return Err(RuntimeError::still_running(&self.id));
        }
        self.end_survivors(Duration::ZERO).await?;
        Ok(guard)
    }

    /// Takes over from an earlier platform process that was still about to start this workspace.
    fn adopt_other(self: &Arc<Self>) -> Result<(), RuntimeError> {
        self.adopt_supervisor()?;
        if self.state() == RuntimeState::Absent {
            let message =
                "expected to start it, found another supervisor about to do so: try again";
            return Err(RuntimeError::new(
                &self.id,
                RuntimeErrorKind::Supervisor,
                message,
            ));
        }
        Ok(())
    }

    /// Reads the directory and takes over what it finds there.
    fn adopt_supervisor(self: &Arc<Self>) -> Result<(), RuntimeError> {
        let record = match self.dir.supervisor() {
            Ok(None) => return self.adopt_exit(),
            Ok(Some(record)) => Some(record),
            Err(error) if is_broken(&error) => {
                tracing::warn!(workspace = %self.id, %error, "supervisor.json is broken: taking the supervisor for lost");
                None
            }
            Err(error) => return Err(self.io("cannot read supervisor.json", error)),
        };
        let living = match &record {
            Some(record) => self.open_supervisor(record)?,
            None => None,
        };
        let Some((record, supervisor)) = record.zip(living) else {
            self.state
                .send_replace(RuntimeState::Exited(ended(&self.dir)));
            return Ok(());
        };
        let supervisor = proc::awaitable(supervisor)
            .map_err(|error| self.io("cannot watch the supervisor process", error))?;
        // Between its two writes the supervisor stands in for the command that it is about to start.
        let itself = CommandRecord {
            pid: record.process.pid,
            started_at: unix_ms::now(),
        };
        let CommandRecord { pid, started_at } = record.command.unwrap_or(itself);
        let paused = self
            .dir
            .is_paused()
            .map_err(|error| self.io("cannot look for paused.json", error))?;
        self.state.send_replace(RuntimeState::Running {
            pid: Some(pid),
            started_at,
            paused,
        });
        self.watch(supervisor, None);
        Ok(())
    }

    /// Records are cleared in the order that leaves the exit last, so it can be there alone.
    fn adopt_exit(&self) -> Result<(), RuntimeError> {
        match self.dir.exit() {
            Ok(None) => {}
            Err(error) if !is_broken(&error) => return Err(self.io("cannot read exit.json", error)),
            Ok(Some(_)) | Err(_) => drop(
                self.state
                    .send_replace(RuntimeState::Exited(ended(&self.dir))),
            ),
        }
        Ok(())
    }

    fn open_supervisor(&self, record: &SupervisorRecord) -> Result<Option<OwnedFd>, RuntimeError> {
        let boot_id = proc::boot_id().map_err(|error| self.io("cannot read the boot id", error))?;
        if record.boot_id != boot_id {
            return Ok(None);
        }
        record
            .process
            .open()
            .map_err(|error| self.io("cannot open the supervisor process", error))
    }

    /// Publishes the end of the workspace when it comes. The task lives as long as the supervisor.
    fn watch(self: &Arc<Self>, supervisor: AsyncFd<OwnedFd>, child: Option<Child>) {
        let entry = Arc::clone(self);
        tokio::spawn(async move {
            // An error here means that the reactor is gone, and with it everybody who could ask.
            drop(supervisor.readable().await);
            let dir = entry.dir.clone();
            let exited = blocking(move || {
                if let Some(mut child) = child {
                    // It has ended: this only takes it off the process table.
                    drop(child.wait());
                }
                Ok(ended(&dir))
            });
            entry
                .state
                .send_replace(RuntimeState::Exited(exited.await.unwrap_or(Exited::UNSEEN)));
        });
    }

    async fn terminate(&self, grace: Duration) -> Result<(), RuntimeError> {
        let dir = self.dir.clone();
        let terminate = move || {
            // The shortest grace that anybody gave counts.
            let earlier = dir.stop().ok().flatten().map_or(grace, |stop| stop.grace);
            // A full disk must not keep a workspace alive: without the record the supervisor's own grace counts.
            let noted = dir.write_stop(&StopRecord {
                grace: grace.min(earlier),
            });
            if let Some(record) = dir.supervisor()? {
                record.process.signal(Signal::TERM)?;
            }
            Ok(noted)
        };
        let noted = blocking(terminate)
            .await
            .map_err(|error| self.io("cannot signal the supervisor", error))?;
        if let Err(error) = noted {
            tracing::warn!(workspace = %self.id, %error, "cannot record the grace of a stop, so the default counts");
        }
        Ok(())
    }

    /// The last resort against a supervisor that does not end: stopped by a debugger, or stuck on a dead disk.
    async fn kill_supervisor(&self) -> Result<(), RuntimeError> {
        tracing::warn!(workspace = %self.id, "the supervisor does not end: killing it");
        let dir = self.dir.clone();
        let kill = move || match dir.supervisor()? {
            Some(record) => record.process.signal(Signal::KILL),
            None => Ok(()),
        };
        blocking(kill)
            .await
            .map_err(|error| self.io("cannot kill the supervisor", error))?;
        self.wait().await.map(drop)
    }

    /// Where nobody saw the end, processes may be left over.
    async fn end_survivors(&self, grace: Duration) -> Result<(), RuntimeError> {
        match self.state() {
            RuntimeState::Exited(Exited {
                exit: Exit::Unknown,
                ..
            }) => survivors::end(&self.id, grace).await,
            RuntimeState::Exited(_) | RuntimeState::Absent | RuntimeState::Running { .. } => Ok(()),
        }
    }

    fn io(&self, message: &str, source: std::io::Error) -> RuntimeError {
        RuntimeError::io(self.id.as_str(), message, source)
    }
}

/// How the workspace of a supervisor that is gone has ended.
fn ended(dir: &WorkspaceDir) -> Exited {
    dir.exit().ok().flatten().unwrap_or(Exited::UNSEEN)
}

/// Whether a record was read and is none, as after a power cut.
fn is_broken(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error.kind(), InvalidData | UnexpectedEof)
}

/// Changes the files of a workspace where it holds nobody up.
pub(super) async fn in_home<T: Send + 'static>(
    id: &WorkspaceId,
    task: impl FnOnce() -> Result<T, RuntimeError> + Send + 'static,
) -> Result<T, RuntimeError> {
    blocking(move || Ok(task()))
        .await
        .map_err(|error| RuntimeError::io(id.as_str(), "cannot change its files", error))?
}

/// Runs something that touches the disk or `/proc` where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    task: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(task)
        .await
        .unwrap_or_else(|error| Err(error.into()))
}
