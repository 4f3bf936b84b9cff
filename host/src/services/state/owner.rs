//! One process at a time: a plugin that reads a token, renews it and writes the new one must be the only one that does.

use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::disk::{failed, sync};
use crate::fault::{Fault, FaultKind};

/// Locked by the process that uses the directory. No plugin's directory begins with a dot.
const LOCK: &str = ".lock";

/// The locks that this process holds, by directory, until it ends.
static HELD: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());

/// Makes the directory if it is missing, and keeps other processes away from it from now on.
///
/// # Errors
/// It cannot be made, or another process has it.
pub(super) fn claim(root: &Path) -> Result<(), Fault> {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if held.contains_key(root) {
        return Ok(());
    }
    let lock = open(root).map_err(|error| failed("keep the state of plugins", root, &error))?;
    match lock.try_lock() {
        Ok(()) => {
            held.insert(root.to_owned(), lock);
            Ok(())
        }
        Err(TryLockError::WouldBlock) => Err(Fault::new(
            FaultKind::Config,
            format!(
                "expected to be the only platform that uses {}, found it in use by another; stop that one, or set state_dir \
                 to a directory of its own",
                root.display()
            ),
        )),
        Err(TryLockError::Error(error)) => Err(failed("lock the state of plugins", root, &error)),
    }
}

/// # Errors
/// The disk refuses.
fn open(root: &Path) -> io::Result<File> {
    let missing = !root.exists();
    DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    if missing && let Some(parent) = root.parent() {
        sync(parent)?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(root.join(LOCK))
}
