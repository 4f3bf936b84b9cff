//! Workspaces as process trees on this machine, with no daemon and no privileges.
//!
//! Each workspace has a directory, `<root>/<id>/`, and a supervisor process that outlives the platform:
//!
//! | in the directory | what it is |
//! |---|---|
//! | `work/` | where the command runs, its home; the workspace's own files, and those of plugins |
//! | `tmp/` | what an isolated command sees as `/tmp`, new at each start |
//! | `output.log`, `output.log.1` | what it wrote, and the part before the last rotation |
//! | `output.log.start` | which file of the log begins after how many bytes, written at a rotation |
//! | `supervisor.json` | the supervisor's process id, start time and boot, and the command's process id |
//! | `exit.json` | how the command ended |
//! | `stop.json` | the grace of the last stop |
//! | `pause.json` | the workspace is to stand still: written and deleted by the platform |
//! | `paused.json` | everything stands still: written and deleted by the supervisor |
//! | `lock` | held by the living supervisor |
//!
//! A workspace lives exactly as long as its supervisor. If someone kills a supervisor, its workspace counts as ended in an unknown
//! way, and what is left of it is found by [`WORKSPACE_ID_KEY`](super::WORKSPACE_ID_KEY) in the environment that each process had at
//! its start, and killed by `stop`, `clear` and `remove`. A process that has dropped that variable by then escapes.
//!
//! With a [`Confinement`], a workspace has namespaces and limits of its own: then everything of it ends with its supervisor, and
//! nothing is ever left over.
//!
//! The platform keeps one file descriptor and no thread per workspace: to run thousands, raise its limit of open files.
//! Under systemd, `KillMode=process` lets the workspaces outlive a restart of the platform.

mod cgroup;
mod dir;
mod entry;
mod follow;
mod hiding;
mod isolation;
mod launch;
mod log;
mod mountinfo;
mod proc;
mod protocol;
mod supervise;
mod survivors;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use self::dir::WorkspaceDir;
use self::entry::{Entry, blocking};
pub use self::hiding::Hiding;
pub use self::isolation::{Confinement, Isolation, IsolationSettings, Network};
use self::launch::Launcher;
use self::protocol::Launch;
pub use self::supervise::supervise;
use super::{
    Exited, OutputStream, Runtime, RuntimeError, RuntimeErrorKind, RuntimeFuture, RuntimeState,
    StartSpec,
};
use crate::container::Container;
use crate::files::{ContributedFile, FilePath};
use crate::workspace_id::WorkspaceId;

/// What a log holds before it is rotated, unless it is configured: 16 MiB.
const MAX_LOG_BYTES: u64 = 16 * 1024 * 1024;
/// Directories on their way to deletion. No workspace id starts with a dot.
const REMOVED_PREFIX: &str = ".removed-";

/// The runtime that needs nothing but this machine.
pub struct LocalRuntime {
    root: PathBuf,
    launcher: Arc<Launcher>,
    max_log_bytes: u64,
    confinement: Confinement,
    entries: Mutex<HashMap<WorkspaceId, Arc<Entry>>>,
}

impl LocalRuntime {
    /// Opens the runtime whose workspaces are in `root`, which is made if it is missing, and takes over those that are
    /// there: living ones are watched again, ended ones are known. Only one platform may use a root at a time.
    ///
    /// `supervisor_command` is an absolute program and its arguments; the directory of a workspace is appended to it, and the
    /// process must call [`supervise`] with it. Call this within a Tokio runtime, which must live as long as this object.
    ///
    /// # Errors
    /// The root cannot be made or read, or no file descriptors are left to watch what lives.
    pub fn new(root: &Path, supervisor_command: Vec<OsString>) -> Result<Self, RuntimeError> {
        let cannot = |what: &str, error| {
            RuntimeError::io("(all)", format!("cannot {what} {}", root.display()), error)
        };
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(root)
            .map_err(|error| cannot("make", error))?;
        let root = root
            .canonicalize()
            .map_err(|error| cannot("resolve", error))?;
        let mut entries = HashMap::new();
        for name in fs::read_dir(&root).map_err(|error| cannot("read", error))? {
            let name = name.map_err(|error| cannot("read", error))?;
            let text = name.file_name().to_string_lossy().into_owned();
            if text.starts_with(REMOVED_PREFIX) {
                finish_removal(&name.path());
            } else if let Ok(id) = WorkspaceId::try_from(text) {
                let entry = Entry::adopt(id.clone(), WorkspaceDir::new(name.path()))?;
                entries.insert(id, entry);
            }
        }
        let parallelism = std::thread::available_parallelism().map_or(4, |cores| 4 * cores.get());
        let launcher = Arc::new(Launcher {
            command: supervisor_command,
            permits: Semaphore::new(parallelism),
        });
        Ok(Self {
            root,
            launcher,
            max_log_bytes: MAX_LOG_BYTES,
            confinement: Confinement::default(),
            entries: Mutex::new(entries),
        })
    }

    /// Rotates the log of each workspace started from now on when it would exceed `bytes`. One older part is kept, so a
    /// workspace's output takes up to twice as much.
    #[must_use]
    pub fn with_max_log_bytes(mut self, bytes: u64) -> Self {
        self.max_log_bytes = bytes;
        self
    }

    /// Isolates and limits the workspaces that are started from now on. Without it, they are neither isolated nor limited.
    #[must_use]
    pub fn with_confinement(mut self, confinement: Confinement) -> Self {
        self.confinement = confinement;
        self
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<Entry>>> {
        // Nothing that holds the lock can leave the map half changed.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, id: &WorkspaceId) -> Option<Arc<Entry>> {
        self.entries().get(id).cloned()
    }

    fn entry_or_new(&self, id: &WorkspaceId) -> Arc<Entry> {
        match self.entries().entry(id.clone()) {
            Slot::Occupied(slot) => slot.get().clone(),
            Slot::Vacant(slot) => slot
                .insert(Entry::absent(
                    id.clone(),
                    WorkspaceDir::new(self.root.join(id.as_str())),
                ))
                .clone(),
        }
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        self.confinement.leave();
    }
}

impl Runtime for LocalRuntime {
    fn refusal(&self, container: Option<&Container>) -> Option<String> {
        self.confinement.refusal(container)
    }

    fn start<'a>(&'a self, spec: &'a StartSpec) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            let confinement = self.confinement.clone();
            let sandbox = blocking(move || Ok(confinement.sandbox())).await;
            let sandbox = sandbox.map_err(|error| {
                RuntimeError::io(
                    spec.id().as_str(),
                    "cannot look for what to hide".to_owned(),
                    error,
                )
            })?;
            let launch = Launch::new(
                spec,
                self.max_log_bytes,
                sandbox,
                self.confinement.limits(spec.container()),
            );
            loop {
                let entry = self.entry_or_new(spec.id());
                // Another task may have removed the workspace, and this entry with it: then there is a new one.
                if entry.start(&self.launcher, spec, &launch).await? {
                    return Ok(());
                }
            }
        })
    }

    fn stop<'a>(&'a self, id: &'a WorkspaceId, grace: Duration) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            match self.entry(id) {
                Some(entry) => entry.stop(grace).await,
                None => Ok(()),
            }
        })
    }

    fn pause<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { self.entry(id).ok_or_else(|| not_found(id))?.pause().await })
    }

    fn resume<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { self.entry(id).ok_or_else(|| not_found(id))?.resume().await })
    }

    fn home(&self, id: &WorkspaceId) -> Option<String> {
        let work = WorkspaceDir::new(self.root.join(id.as_str())).work();
        work.to_str().map(str::to_owned)
    }

    fn state<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, RuntimeState> {
        Box::pin(async move {
            Ok(self
                .entry(id)
                .map_or(RuntimeState::Absent, |entry| entry.state()))
        })
    }

    fn list(&self) -> RuntimeFuture<'_, Vec<(WorkspaceId, RuntimeState)>> {
        Box::pin(async move {
            let all = self
                .entries()
                .iter()
                .map(|(id, entry)| (id.clone(), entry.state()))
                .collect::<Vec<_>>();
            let mut present: Vec<_> = all
                .into_iter()
                .filter(|(_, state)| *state != RuntimeState::Absent)
                .collect();
            present.sort_by(|one, two| one.0.cmp(&two.0));
            Ok(present)
        })
    }

    fn remains(&self) -> RuntimeFuture<'_, Vec<WorkspaceId>> {
        Box::pin(async move { Ok(self.entries().keys().cloned().collect()) })
    }

    fn follow<'a>(&'a self, id: &'a WorkspaceId, tail: u64) -> RuntimeFuture<'a, OutputStream> {
        Box::pin(async move {
            let entry = self.entry(id).ok_or_else(|| not_found(id))?;
            entry.follow(tail).await
        })
    }

    fn logs<'a>(&'a self, id: &'a WorkspaceId, tail: Option<u64>) -> RuntimeFuture<'a, Vec<u8>> {
        Box::pin(async move {
            self.entry(id)
                .ok_or_else(|| not_found(id))?
                .logs(tail)
                .await
        })
    }

    fn wait<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, Exited> {
        Box::pin(async move { self.entry(id).ok_or_else(|| not_found(id))?.wait().await })
    }

    fn clear<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            match self.entry(id) {
                Some(entry) => entry.clear().await,
                None => Ok(()),
            }
        })
    }

    fn put_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        files: Arc<[ContributedFile]>,
    ) -> RuntimeFuture<'a, Vec<FilePath>> {
        Box::pin(async move {
            let entry = self.entry(id).ok_or_else(|| not_found(id))?;
            entry.put_files(files).await
        })
    }

    fn remove_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        paths: Vec<FilePath>,
    ) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            match self.entry(id) {
                Some(entry) => entry.remove_files(paths).await,
                None => Ok(()),
            }
        })
    }

    fn remove<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            let Some(entry) = self.entry(id) else {
                return Ok(());
            };
            entry
                .remove(&self.root.join(format!("{REMOVED_PREFIX}{id}")))
                .await?;
            let mut entries = self.entries();
            if entries
                .get(id)
                .is_some_and(|current| Arc::ptr_eq(current, &entry))
            {
                entries.remove(id);
            }
            Ok(())
        })
    }
}

fn not_found(id: &WorkspaceId) -> RuntimeError {
    let message = "expected a workspace that was started, found none of this id: check the id";
    RuntimeError::new(id, RuntimeErrorKind::NotFound, message)
}

/// Goes on where a platform that died had begun to delete. What cannot be deleted takes room and does no harm.
fn finish_removal(path: &Path) {
    match dir::delete_tree(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot delete what is left of a removed workspace")
        }
    }
}
