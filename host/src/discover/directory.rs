//! The plugin directory itself, and the ownership rule that it shares with the files in it.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::mismatch::{Mismatch, Mismatches};

/// A plugin directory that the host does not read plugins from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugin directory {}: {mismatches}", path.display())]
pub struct DirectoryError {
    /// The directory.
    pub path: PathBuf,
    /// What is wrong with it.
    pub mismatches: Mismatches,
}

/// Checks the directory and gives its real path.
///
/// # Errors
/// It is missing, not a directory, or can be written by others.
pub(super) fn check(directory: &Path) -> Result<PathBuf, DirectoryError> {
    let real = fs::canonicalize(directory).map_err(|error| unreadable(directory, &error))?;
    let metadata = fs::metadata(&real).map_err(|error| unreadable(directory, &error))?;
    if !metadata.is_dir() {
        let mismatch = Mismatch::new(
            "a directory",
            "a file",
            "name the directory that holds the plugins",
        );
        return Err(refuse(directory, Mismatches::one(mismatch)));
    }
    let mismatches = ownership(&real, &metadata);
    if mismatches.is_empty() {
        Ok(real)
    } else {
        Err(refuse(directory, mismatches))
    }
}

/// The names in the directory, sorted, so that every machine sees the same order.
///
/// # Errors
/// It cannot be read.
pub(super) fn file_names(directory: &Path) -> Result<Vec<OsString>, DirectoryError> {
    let list = || -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    };
    let mut names = list().map_err(|error| unreadable(directory, &error))?;
    names.sort();
    Ok(names)
}

/// What is wrong with who owns and who can write `path`.
pub(crate) fn ownership(path: &Path, metadata: &Metadata) -> Mismatches {
    let mut mismatches = Mismatches::default();
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != 0 && owner != user {
        mismatches.push(Mismatch::new(
            format!("root or the platform's user (uid {user}) as owner"),
            format!("uid {owner}"),
            format!("chown {user} {}", path.display()),
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        mismatches.push(Mismatch::new(
            "that nobody but the owner can write",
            format!("mode {:04o}", metadata.mode() & 0o7777),
            format!("chmod go-w {}", path.display()),
        ));
    }
    mismatches
}

fn unreadable(directory: &Path, error: &io::Error) -> DirectoryError {
    let mismatch = if error.kind() == io::ErrorKind::NotFound {
        Mismatch::new(
            "a directory",
            "nothing",
            "create it, or correct the path in the config",
        )
    } else {
        Mismatch::new(
            "a directory that the platform can read",
            error.to_string(),
            "let the platform's user read and enter it",
        )
    };
    refuse(directory, Mismatches::one(mismatch))
}

fn refuse(directory: &Path, mismatches: Mismatches) -> DirectoryError {
    DirectoryError {
        path: directory.to_owned(),
        mismatches,
    }
}
