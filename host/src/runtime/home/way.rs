//! The way from a directory that can be trusted to one that cannot, by handles.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, fstat, mkdirat, open, openat2,
};
use rustix::io::Errno;

use super::Owner;

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
pub(super) fn open_or_make(
    at: BorrowedFd<'_>,
    name: &str,
    owner: Option<Owner>,
) -> Result<OwnedFd, Errno> {
    match open_directory(at, name) {
        Err(Errno::NOENT) => {}
        found => return found,
    }
    match mkdirat(at, name, Mode::RWXU) {
        // Somebody else was faster, and what is there now is looked at like anything else.
        Err(Errno::EXIST) => open_directory(at, name),
        Err(error) => Err(error),
        Ok(()) => {
            let made = open_directory(at, name)?;
            if let Some(Owner { uid, gid }) = owner {
                let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
                // The handle is one for paths, which `fchown` does not take.
                chownat(&made, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
            }
            Ok(made)
        }
    }
}

/// Whether both are the same directory.
pub(super) fn same(one: &OwnedFd, other: &OwnedFd) -> bool {
    match (fstat(one), fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        (Ok(_) | Err(_), _) => false,
    }
}
