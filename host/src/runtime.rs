//! Where a workspace runs: one interface for everything that can start, watch and stop it.
//!
//! A runtime is told a complete [`StartSpec`] and decides nothing about its contents. It keeps what it needs on its own
//! side (a directory, a container), so that a platform that was restarted, or killed, finds every workspace again.

#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and these all say what they cannot do in the error itself"
)]

mod error;
mod home;
pub mod local;
mod output;
mod platform;
mod quoted;
pub(crate) mod size;
mod spec;
mod turns;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::error::{RuntimeError, RuntimeErrorKind};
pub use self::home::{Home, NoOwner, Owner};
pub use self::local::LocalRuntime;
pub use self::output::{OutputStream, SavedOutput, Tail};
pub use self::platform::{NoPlatform, Platform};
pub use self::quoted::{causes, quoted};
pub use self::spec::{StartSpec, WORKSPACE_ID_KEY};
pub use self::turns::Turns;
use crate::container::Container;
use crate::files::{ContributedFile, FilePath};
use crate::workspace_id::WorkspaceId;

/// What the methods of a [`Runtime`] return. Boxed, so that a runtime can be chosen while the platform runs.
pub type RuntimeFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, RuntimeError>> + Send + 'a>>;

/// Starts workspaces and keeps track of them. All methods may be called from any task at any time; calls that
/// change one workspace happen one after the other. Dropping a future never leaves a start half done.
pub trait Runtime: Send + Sync + 'static {
    /// Why this runtime cannot give a workspace this container, if so: expected, found, what to do. Asked before anything is
    /// recorded.
    fn refusal(&self, container: Option<&Container>) -> Option<String>;

    /// Starts the workspace, unless one of this id runs or has run: then it does nothing. [`clear`](Self::clear) makes
    /// another run possible. The files are there before the command; when it returns, the command has been executed.
    fn start<'a>(&'a self, spec: &'a StartSpec) -> RuntimeFuture<'a, ()>;

    /// Asks every process of the workspace to end (TERM), kills what is left after `grace`, and returns when nothing is
    /// left. Does nothing to a workspace that does not run.
    fn stop<'a>(&'a self, id: &'a WorkspaceId, grace: Duration) -> RuntimeFuture<'a, ()>;

    /// Lets nothing of a running workspace go on until it is resumed, and returns when everything stands still. Does nothing to a
    /// paused one. A paused workspace stays so when the platform is restarted; a stop lets it go on, so that it may tidy up
    /// within its grace. Fails for one that does not run, and with [`Unsupported`](RuntimeErrorKind::Unsupported) where nothing
    /// can be paused.
    fn pause<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()>;

    /// Lets a paused workspace go on. Does nothing to one that runs. Fails as [`pause`](Self::pause) does.
    fn resume<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()>;

    /// The directory in which the workspace's command starts, as the command sees it: its `HOME`. None if the runtime cannot tell.
    fn home(&self, id: &WorkspaceId) -> Option<String>;

    /// What the workspace is doing.
    fn state<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, RuntimeState>;

    /// Every workspace that is not [`Absent`](RuntimeState::Absent), by id.
    fn list(&self) -> RuntimeFuture<'_, Vec<(WorkspaceId, RuntimeState)>>;

    /// Every workspace of which anything is left, whether it was ever started or not, and if it is only files.
    fn remains(&self) -> RuntimeFuture<'_, Vec<WorkspaceId>> {
        Box::pin(async move {
            let present = self.list().await?;
            Ok(present.into_iter().map(|(id, _)| id).collect())
        })
    }

    /// What the workspace wrote to its output and error output, in the order of writing: the last `tail` bytes, or all that is kept.
    fn logs<'a>(&'a self, id: &'a WorkspaceId, tail: Option<u64>) -> RuntimeFuture<'a, Vec<u8>>;

    /// What it wrote, from the last `tail` bytes on, and what it goes on to write, until it ends. Holds nobody up: who reads slowly
    /// may miss what is not kept any more. Fails for an absent workspace.
    fn follow<'a>(&'a self, id: &'a WorkspaceId, tail: u64) -> RuntimeFuture<'a, OutputStream>;

    /// Resolves when the workspace has ended, at once if it has. Fails for an absent one.
    fn wait<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, Exited>;

    /// Forgets how a finished workspace ended, and what a start that was broken off has left, so that it can be started again with
    /// its files and its log. Fails while it runs.
    fn clear<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()>;

    /// Puts files into the home of a running workspace, unless they are there with the same bytes and mode, and gives the paths
    /// of those that it has put. Whoever reads one in the workspace sees the old or the new one whole.
    fn put_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        files: Arc<[ContributedFile]>,
    ) -> RuntimeFuture<'a, Vec<FilePath>>;

    /// Removes files from the home of a workspace, whether it runs or has ended; those that are gone are no error.
    fn remove_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        paths: Vec<FilePath>,
    ) -> RuntimeFuture<'a, ()>;

    /// Deletes the workspace with its files and its log. Fails while it runs; does nothing to an absent one.
    fn remove<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()>;
}

/// What a runtime knows of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeState {
    /// Never started, cleared, or removed.
    Absent,
    /// Its command runs, or is paused.
    Running {
        /// The process id of the command on this machine. None if it runs on another, or if that is not known.
        pid: Option<i32>,
        /// When it was started, in milliseconds since the Unix epoch.
        started_at: i64,
        /// Whether it stands still until it is resumed.
        paused: bool,
    },
    /// Its command has ended, and with it everything it had started.
    Exited(Exited),
}

/// The end of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// How its command ended.
    pub exit: Exit,
    /// When, in milliseconds since the Unix epoch. None if nobody was there to see it.
    pub at: Option<i64>,
    /// Whether the kernel killed a process of it because the workspace had used up its memory.
    #[serde(default)]
    pub out_of_memory: bool,
}

impl Exited {
    /// An end that nobody was there to see.
    pub const UNSEEN: Self = Self {
        exit: Exit::Unknown,
        at: None,
        out_of_memory: false,
    };
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this exit code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It is gone, and nobody was there to see how: its supervisor was killed, or the machine restarted. Processes of it may be left
    /// over until the workspace is stopped, cleared or removed.
    Unknown,
}
