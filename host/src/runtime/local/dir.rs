//! The directory of one workspace, and the two records in it by which a new platform process finds the workspace again.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::proc::Process;
use crate::runtime::{Exited, Home};
use crate::unix_ms;
use crate::workspace_id::WorkspaceId;

/// `<root>/<id>/`, open to this user only.
#[derive(Debug, Clone)]
pub(super) struct WorkspaceDir(PathBuf);

/// `supervisor.json`: who looks after the workspace. Written by the supervisor before it starts the command.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SupervisorRecord {
    pub(super) process: Process,
    /// A process and its start time mean nothing after the next boot.
    pub(super) boot_id: String,
    /// None until the command has been executed.
    pub(super) command: Option<CommandRecord>,
}

/// The command that a supervisor has started.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct CommandRecord {
    pub(super) pid: i32,
    /// Milliseconds since the Unix epoch.
    pub(super) started_at: i64,
}

/// `stop.json`: how long the supervisor waits between TERM and KILL. A signal cannot carry it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StopRecord {
    pub(super) grace: Duration,
}

/// `pause.json` and `paused.json`: since when the workspace is to stand still, and since when it does.
/// That the file is there is what counts; the time is for whoever looks.
#[derive(Debug, Serialize)]
struct PauseRecord {
    /// Milliseconds since the Unix epoch.
    since: i64,
}

impl WorkspaceDir {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the command runs.
    pub(super) fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    /// What an isolated command sees as `/tmp`.
    pub(super) fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// Makes that directory anew, empty and open to every user of the workspace; nobody else gets past the directory above.
    pub(super) fn renew_tmp(&self) -> io::Result<()> {
        let tmp = self.tmp();
        match delete_tree(&tmp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir(&tmp)?;
        fs::set_permissions(&tmp, Permissions::from_mode(0o1777))
    }

    /// The work directory, for what is put into it while the workspace may move it away.
    pub(super) fn home(&self, id: &WorkspaceId) -> Home {
        let root = self.0.parent().unwrap_or(&self.0);
        Home::new(id.clone(), root, &[id.as_str(), "work"])
    }

    /// Where its output lands.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("output.log")
    }

    /// Locked by the supervisor for as long as it lives: two can never look after one workspace.
    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// A supervisor that lives and has not recorded itself has been told what to start, and is about to. Waits until it has done
    /// the one or ended, at most so long; false if it has done neither. Blocks.
    pub(super) fn await_supervisor(&self, limit: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        while self.is_locked()? && !self.0.join("supervisor.json").try_exists()? {
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(true)
    }

    /// Whether a supervisor lives.
    fn is_locked(&self) -> io::Result<bool> {
        match File::open(self.lock()).map(|file| file.try_lock_shared()) {
            Ok(Ok(())) => Ok(false),
            Ok(Err(TryLockError::WouldBlock)) => Ok(true),
            Ok(Err(TryLockError::Error(error))) => Err(error),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn create(&self) -> io::Result<()> {
        for path in [&self.0, &self.work()] {
            DirBuilder::new().mode(0o700).recursive(true).create(path)?;
        }
        Ok(())
    }

    pub(super) fn supervisor(&self) -> io::Result<Option<SupervisorRecord>> {
        read(&self.0.join("supervisor.json"))
    }

    pub(super) fn write_supervisor(&self, record: &SupervisorRecord) -> io::Result<()> {
        write(&self.0.join("supervisor.json"), record)
    }

    pub(super) fn exit(&self) -> io::Result<Option<Exited>> {
        read(&self.0.join("exit.json"))
    }

    pub(super) fn write_exit(&self, record: &Exited) -> io::Result<()> {
        write(&self.0.join("exit.json"), record)
    }

    pub(super) fn stop(&self) -> io::Result<Option<StopRecord>> {
        read(&self.0.join("stop.json"))
    }

    pub(super) fn write_stop(&self, record: &StopRecord) -> io::Result<()> {
        write(&self.0.join("stop.json"), record)
    }

    /// Whether the platform wants the workspace to stand still.
    pub(super) fn is_pause_ordered(&self) -> io::Result<bool> {
        fs::exists(self.0.join("pause.json"))
    }

    /// Orders the supervisor to pause the workspace, or to let it go on. It looks when it is woken.
    pub(super) fn order_pause(&self, paused: bool) -> io::Result<()> {
        set_pause(&self.0.join("pause.json"), paused)
    }

    /// Whether everything of the workspace stands still.
    pub(super) fn is_paused(&self) -> io::Result<bool> {
        fs::exists(self.0.join("paused.json"))
    }

    pub(super) fn write_paused(&self, paused: bool) -> io::Result<()> {
        set_pause(&self.0.join("paused.json"), paused)
    }

    /// Forgets the last run; the files and the log stay. `exit.json` goes last, so that a crash in between never makes
    /// a finished workspace look like one that was lost.
    pub(super) fn clear(&self) -> io::Result<()> {
        for name in [
            "stop.json",
            "pause.json",
            "paused.json",
            "supervisor.json",
            "exit.json",
        ] {
            forget(&self.0.join(name))?;
        }
        Ok(())
    }

    /// Deletes everything. The directory is moved aside first, so that a crash leaves no half of a workspace behind.
    pub(super) fn remove(&self, aside: &Path) -> io::Result<()> {
        match fs::rename(&self.0, aside) {
            Ok(()) => delete_tree(aside),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Deletes a directory and what is in it, also where its owner has taken the write permission away (as module caches do).
pub(super) fn delete_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        outcome => outcome,
    }
}

fn make_writable(path: &Path) -> io::Result<()> {
    let mut pending = vec![path.to_owned()];
    while let Some(path) = pending.pop() {
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            // `file_type` does not follow links, so nothing outside the tree is touched.
            if entry.file_type()?.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Opens a file of this user only for appending.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

fn set_pause(path: &Path, paused: bool) -> io::Result<()> {
    if paused {
        let since = unix_ms::now();
        write(path, &PauseRecord { since })
    } else {
        forget(path)
    }
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file at once and for good: a reader, and a machine after a power cut, sees the old record or the new one.
fn write<T: Serialize>(path: &Path, record: &T) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    forget(&beside)?;
    let mut file = open_private(&beside)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Exit;

    #[test]
    fn records_are_replaced_whole_and_private() {
        let root = tempfile::tempdir().unwrap();
        let dir = WorkspaceDir::new(root.path().join("ws-1"));
        dir.create().unwrap();
        assert!(dir.exit().unwrap().is_none());
        // What a supervisor killed in the middle of writing leaves behind.
        fs::write(dir.path().join("exit.tmp"), "{\"exi").unwrap();
        let exited = Exited {
            exit: Exit::Signal(9),
            at: Some(7),
            out_of_memory: false,
        };
        dir.write_exit(&exited).unwrap();
        assert_eq!(dir.exit().unwrap(), Some(exited));
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.path().join("exit.json")), 0o600);
        assert_eq!(mode(dir.work()), 0o700);
        dir.clear().unwrap();
        assert!(dir.exit().unwrap().is_none());
    }

    #[test]
    fn a_removed_directory_is_gone_and_removing_it_again_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let dir = WorkspaceDir::new(root.path().join("ws-1"));
        dir.create().unwrap();
        fs::write(dir.work().join("file"), "x").unwrap();
        for _ in 0..2 {
            dir.remove(&root.path().join(".removed")).unwrap();
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
