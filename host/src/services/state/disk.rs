//! One plugin's directory.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::MAX_VALUE_BYTES;
use crate::fault::{Fault, FaultKind};

/// The directory of a plugin, which need not be there yet.
pub(super) struct Disk(PathBuf);

impl Disk {
    pub(super) fn of(root: &Path, plugin: &str) -> Self {
        Self(root.join(plugin))
    }

    /// # Errors
    /// The file is there and cannot be read, or is none that this host has written.
    pub(super) fn read(&self, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let path = self.0.join(key);
        let read = || -> io::Result<Result<Zeroizing<Vec<u8>>, String>> {
            let metadata = fs::symlink_metadata(&path)?;
            if !metadata.is_file() {
                return Ok(Err("something else".to_owned()));
            }
            let Some(size) = usize::try_from(metadata.len())
                .ok()
                .filter(|size| *size <= MAX_VALUE_BYTES)
            else {
                return Ok(Err(format!("{} bytes", metadata.len())));
            };
            // Of the right size from the start: what a buffer leaves behind when it grows would not be wiped.
            let mut value = Zeroizing::new(vec![0; size]);
            File::open(&path)?.read_exact(&mut value)?;
            Ok(Ok(value))
        };
        match read() {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(found)) => Err(Fault::new(
                FaultKind::Config,
                format!(
                    "expected a file of at most {MAX_VALUE_BYTES} bytes at {}, found {found}; restore it from a backup, or \
                     move it away to let the plugin begin anew",
                    path.display()
                ),
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read a plugin's state", &path, &error)),
        }
    }

    /// Beside the old value first, then in its place: after a crash there is one of the two, whole.
    ///
    /// # Errors
    /// The disk refuses; then the old value is there as before.
    pub(super) fn write(&self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let (path, beside) = (self.0.join(key), self.0.join(format!(".{key}.new")));
        let write = || {
            self.make()?;
            gone(fs::remove_file(&beside))?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside)?;
            file.write_all(value)?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            sync(&self.0)
        };
        write().map_err(|error| {
            // What could not be put in place is a secret that nobody needs any more.
            let _ = fs::remove_file(&beside);
            failed("write a plugin's state", &path, &error)
        })
    }

    /// # Errors
    /// The disk refuses.
    pub(super) fn remove(&self, key: &str) -> Result<(), Fault> {
        let path = self.0.join(key);
        let remove = || match fs::remove_file(&path) {
            Ok(()) => sync(&self.0),
            removed @ Err(_) => gone(removed),
        };
        remove().map_err(|error| failed("remove a plugin's state", &path, &error))
    }

    /// # Errors
    /// The disk refuses.
    fn make(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Ok(()) => self.0.parent().map_or(Ok(()), sync),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What is not there any more need not be removed.
///
/// # Errors
/// Any other.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A new name in a directory survives a power cut only from here on.
///
/// # Errors
/// The disk refuses.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The operator's business, with the place.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::new(
        FaultKind::Config,
        format!(
            "expected to {what} at {}, found: {error}; give the platform's user that right and room there, or set state_dir \
             to a directory where it has both",
            path.display()
        ),
    )
}
