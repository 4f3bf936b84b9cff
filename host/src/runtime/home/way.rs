//! The way from a directory that can be trusted to one that cannot, by handles.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, mkdirat, open, openat2};
use rustix::io::Errno;

/// Opens `root`, and from there the directories of `way`.
pub(super) fn open_home(root: &Path, way: &[String]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(root, flags, Mode::empty())?;
    way.iter()
        .try_fold(root, |at, name| open_directory(at.as_fd(), name))
}

/// Opens the directory `name` in `at`. A link there is [`Errno::LOOP`].
pub(super) fn open_directory(at: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(at, name, flags, Mode::empty(), resolve)
}

/// The same; makes the directory if it is missing.
pub(super) fn open_or_make(at: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    match open_directory(at, name) {
        Err(Errno::NOENT) => {}
        found => return found,
    }
    match mkdirat(at, name, Mode::RWXU) {
        // Somebody else was faster, and what is there now is looked at like anything else.
        Ok(()) | Err(Errno::EXIST) => open_directory(at, name),
        Err(error) => Err(error),
    }
}

/// Whether both are the same directory.
pub(super) fn same(one: &OwnedFd, other: &OwnedFd) -> bool {
    match (fstat(one), fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        (Ok(_) | Err(_), _) => false,
    }
}
