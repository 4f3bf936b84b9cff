//! Puts files beneath a workspace's home, and takes them away, while the workspace may rearrange it at will.
//!
//! The workspace may have planted links and moved directories, and the platform may be root. So the way is gone by
//! directory handles, a name at a time, and the kernel refuses each link on it. A link or anything else that is no file
//! or directory where one should be is an error that names the path, and is left alone.

mod owner;
#[cfg(test)]
mod tests;
mod way;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fchmod, fstat, openat, readlinkat, renameat, statat,
    symlinkat, unlinkat,
};
use rustix::io::Errno;
use zeroize::Zeroizing;

pub use self::owner::{NoOwner, Owner};
use self::way::{open_directory, same};
use super::{RuntimeError, RuntimeErrorKind};
use crate::files::{ContributedFile, FilePath};
use crate::workspace_id::WorkspaceId;

/// What a file is called until it is whole. In each directory one at a time; what a platform that was killed left of it is
/// removed by the next one.
const UNFINISHED: &str = ".provisionhook-unfinished";

/// The home of one workspace.
#[derive(Clone, Debug)]
pub struct Home {
    id: WorkspaceId,
    /// A directory that no workspace can replace.
    root: PathBuf,
    /// From there to the home; as little to be trusted as what is in it.
    way: Vec<String>,
    /// Who gets what is put there, if that is not the platform's own user.
    owner: Option<Owner>,
}

impl Home {
    /// The home of workspace `id`: `root`, which no workspace may replace, and from there the directories of `way`, which
    /// must exist.
    #[must_use]
    pub fn new(id: WorkspaceId, root: &Path, way: &[&str]) -> Self {
        Self {
            id,
            root: root.to_owned(),
            way: way.iter().map(ToString::to_string).collect(),
            owner: None,
        }
    }

    /// The same home, in which what is put belongs to this user.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self {
            owner: Some(owner),
            ..self
        }
    }

    /// Makes `path` a link to `target`, which is for whoever looks at it from inside of the workspace, unless it is one already. A
    /// reader finds the old link or the new one.
    ///
    /// # Errors
    /// Something else than a link is in the way, or the file system refuses.
    pub fn link(&self, path: &FilePath, target: &str) -> Result<(), RuntimeError> {
        let home = self.open()?;
        Place { home: self, path }.link(home.as_fd(), target)
    }

    /// Removes a link; one that is gone already is no error, and what is no link stays.
    ///
    /// # Errors
    /// It could not be removed.
    pub fn unlink(&self, path: &FilePath) -> Result<(), RuntimeError> {
        let home = self.open()?;
        Place { home: self, path }.unlink(home.as_fd())
    }

    /// Puts each file, unless the same bytes are there with the same mode, and gives the paths of those that it has put. A
    /// reader sees the old file or the new one, each whole. Directories that are missing are made for their owner only.
    ///
    /// One call at a time for a workspace.
    ///
    /// # Errors
    /// Something is in the way of one file, or the file system refuses it. The others have been put.
    pub fn put(&self, files: &[ContributedFile]) -> Result<Vec<FilePath>, RuntimeError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let home = self.open()?;
        let (mut put, mut failed) = (Vec::new(), None);
        for file in files {
            let at = Place {
                home: self,
                path: &file.path,
            };
            match at.put(home.as_fd(), file) {
                Ok(true) => put.push(file.path.clone()),
                Ok(false) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(put), Err)
    }

    /// Removes files; those that are gone already are no error. Directories stay.
    ///
    /// # Errors
    /// The first of those that could not be removed. The others are gone.
    pub fn remove(&self, paths: &[FilePath]) -> Result<(), RuntimeError> {
        if paths.is_empty() || !self.root.join(self.way()).exists() {
            return Ok(());
        }
        let home = self.open()?;
        let removed = paths
            .iter()
            .map(|path| Place { home: self, path }.remove(home.as_fd()));
        removed.fold(Ok(()), Result::and)
    }

    fn open(&self) -> Result<OwnedFd, RuntimeError> {
        way::open_home(&self.root, &self.way).map_err(|error| {
            let path = self.root.join(self.way());
            match error {
                Errno::NOSYS => self.error(
                    RuntimeErrorKind::Io,
                    "expected a kernel with openat2 (Linux 5.6 or newer), found none: update the kernel, or allow it where system calls are filtered".into(),
                ),
                Errno::LOOP | Errno::NOTDIR => self.error(
                    RuntimeErrorKind::Obstructed,
                    format!("expected a directory {}, found a link or a file on the way: remove it", path.display()),
                ),
                error => RuntimeError::io(
                    self.id.as_str(),
                    format!("cannot open {}", path.display()),
                    error.into(),
                ),
            }
        })
    }

    fn way(&self) -> PathBuf {
        self.way.iter().collect()
    }

    fn error(&self, kind: RuntimeErrorKind, message: String) -> RuntimeError {
        RuntimeError::new(&self.id, kind, message)
    }
}

/// Where one file goes.
struct Place<'a> {
    home: &'a Home,
    path: &'a FilePath,
}

impl Place<'_> {
    /// True if the file was not there like this.
    fn put(&self, home: BorrowedFd<'_>, file: &ContributedFile) -> Result<bool, RuntimeError> {
        let directory = self.directory(home, true)?.ok_or_else(|| self.moved())?;
        let mode = Mode::from_raw_mode(file.mode);
        match self.look(directory.as_fd())? {
            Some(found) if found == mode && holds(directory.as_fd(), self.name(), &file.bytes) => {
                return Ok(false);
            }
            Some(_) | None => {}
        }
        self.write(directory.as_fd(), mode, &file.bytes)
            .map_err(|error| self.cannot("write", error))?;
        // While it was written the workspace may have moved the directory, and with it the file, to somewhere else.
        let there = self.directory(home, false)?;
        if there.is_some_and(|there| same(&there, &directory)) {
            return Ok(true);
        }
        let _gone = unlinkat(&directory, self.name(), AtFlags::empty());
        Err(self.moved())
    }

    fn remove(&self, home: BorrowedFd<'_>) -> Result<(), RuntimeError> {
        let Some(directory) = self.directory(home, false)? else {
            return Ok(());
        };
        let _gone = unlinkat(&directory, UNFINISHED, AtFlags::empty());
        if self.look(directory.as_fd())?.is_none() {
            return Ok(());
        }
        unlink(directory.as_fd(), self.name()).map_err(|error| self.cannot("remove", error.into()))
    }

    fn link(&self, home: BorrowedFd<'_>, target: &str) -> Result<(), RuntimeError> {
        let directory = self.directory(home, true)?.ok_or_else(|| self.moved())?;
        let there = self.is_link(directory.as_fd())?;
        if there && leads_to(directory.as_fd(), self.name(), target) {
            return Ok(());
        }
        let linked = unlink(directory.as_fd(), UNFINISHED)
            .and_then(|()| symlinkat(target, &directory, UNFINISHED))
            .and_then(|()| renameat(&directory, UNFINISHED, &directory, self.name()));
        linked.map_err(|error| {
            let _gone = unlinkat(&directory, UNFINISHED, AtFlags::empty());
            self.cannot("link", error.into())
        })
    }

    fn unlink(&self, home: BorrowedFd<'_>) -> Result<(), RuntimeError> {
        let Some(directory) = self.directory(home, false)? else {
            return Ok(());
        };
        if !self.is_link(directory.as_fd())? {
            return Ok(());
        }
        unlink(directory.as_fd(), self.name()).map_err(|error| self.cannot("remove", error.into()))
    }

    /// Whether there is a link; false if there is nothing.
    fn is_link(&self, directory: BorrowedFd<'_>) -> Result<bool, RuntimeError> {
        match statat(directory, self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Symlink => Ok(true),
            Ok(_) => Err(self.obstructed(self.path.as_str(), "a link of the platform's")),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.cannot("look at", error.into())),
        }
    }

    /// The directory of the file; None if it is missing and not to be made.
    fn directory(&self, home: BorrowedFd<'_>, make: bool) -> Result<Option<OwnedFd>, RuntimeError> {
        let mut names: Vec<&str> = self.path.parts().collect();
        names.pop();
        let mut at =
            open_directory(home, ".").map_err(|error| self.cannot("open", error.into()))?;
        for (depth, name) in names.iter().enumerate() {
            let next = if make {
                way::open_or_make(at.as_fd(), name, self.home.owner)
            } else {
                open_directory(at.as_fd(), name)
            };
            at = match next {
                Ok(next) => next,
                Err(Errno::NOENT) if !make => return Ok(None),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    return Err(self.obstructed(&names[..=depth].join("/"), "a directory"));
                }
                Err(error) => return Err(self.cannot("open the directory of", error.into())),
            };
        }
        Ok(Some(at))
    }

    /// The mode of the file that is there; None if there is nothing.
    fn look(&self, directory: BorrowedFd<'_>) -> Result<Option<Mode>, RuntimeError> {
        match statat(directory, self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {
                Ok(Some(Mode::from_raw_mode(found.st_mode)))
            }
            Ok(_) => Err(self.obstructed(self.path.as_str(), "a file")),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.cannot("look at", error.into())),
        }
    }

    fn write(&self, directory: BorrowedFd<'_>, mode: Mode, bytes: &[u8]) -> io::Result<()> {
        unlink(directory, UNFINISHED)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let owner_only = Mode::RUSR | Mode::WUSR;
        let file = openat(directory, UNFINISHED, flags | OFlags::CLOEXEC, owner_only)?;
        let mut file = File::from(file);
        let written = file
            .write_all(bytes)
            .and_then(|()| Ok(fchmod(&file, mode)?))
            .and_then(|()| Ok(self.home.owner.map_or(Ok(()), |owner| owner.takes(&file))?))
            .and_then(|()| Ok(renameat(directory, UNFINISHED, directory, self.name())?));
        if written.is_err() {
            let _gone = unlinkat(directory, UNFINISHED, AtFlags::empty());
        }
        written
    }

    fn name(&self) -> &str {
        self.path.parts().next_back().unwrap_or_default()
    }

    fn obstructed(&self, at: &str, expected: &str) -> RuntimeError {
        let message = format!(
            "expected {expected} or nothing at {at} in the workspace's home, found a link or something else, so {} is left alone: remove it in the workspace",
            self.path
        );
        self.home.error(RuntimeErrorKind::Obstructed, message)
    }

    fn moved(&self) -> RuntimeError {
        let message = format!(
            "expected the directory of {} to stay where it is, found that the workspace has moved it away: leave it there",
            self.path
        );
        self.home.error(RuntimeErrorKind::Obstructed, message)
    }

    fn cannot(&self, what: &str, error: io::Error) -> RuntimeError {
        let message = format!("cannot {what} the file {} in its home", self.path);
        RuntimeError::io(self.home.id.as_str(), message, error)
    }
}

/// Removes a file or a link; one that is gone already is no error.
fn unlink(directory: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(error) if error != Errno::NOENT => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether the link is one to `target`. Of one that cannot be read, no.
fn leads_to(directory: BorrowedFd<'_>, name: &str, target: &str) -> bool {
    readlinkat(directory, name, Vec::new()).is_ok_and(|found| found.as_bytes() == target.as_bytes())
}

/// Whether the file has exactly these bytes. Of one that cannot be read, no.
fn holds(directory: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> bool {
    // Without NONBLOCK a pipe that was planted there meanwhile would never open.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let Ok(file) = openat(directory, name, flags | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let regular = |mode| FileType::from_raw_mode(mode) == FileType::RegularFile;
    let like = fstat(&file)
        .is_ok_and(|found| regular(found.st_mode) && u64::try_from(found.st_size) == Ok(size));
    let mut found = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    like && File::from(file)
        .take(size + 1)
        .read_to_end(&mut found)
        .is_ok()
        && **found == *bytes
}
