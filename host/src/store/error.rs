//! What can go wrong with the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use super::rows::RowError;

/// The store could not do what it was asked to. One failed commit can concern several callers, so it can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
#[error("workspace store {path}: {kind}")]
pub struct StoreError {
    path: PathBuf,
    kind: StoreErrorKind,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    pub(super) fn new(path: &Path, kind: StoreErrorKind) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            source: None,
        }
    }

    pub(super) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        Self {
            path: path.to_owned(),
            kind: StoreErrorKind::of(&error),
            source: Some(Arc::new(error)),
        }
    }

    pub(super) fn io(path: &Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind as E;

        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "io::ErrorKind is open, and all others are alike to us"
        )]
        let kind = match error.kind() {
            E::StorageFull | E::QuotaExceeded => StoreErrorKind::DiskFull,
            E::IsADirectory => StoreErrorKind::Corrupt("a directory"),
            E::PermissionDenied | E::ReadOnlyFilesystem if path.exists() => {
                StoreErrorKind::ReadOnly
            }
            _ => StoreErrorKind::CannotOpen,
        };
        Self {
            path: path.to_owned(),
            kind,
            source: Some(Arc::new(error)),
        }
    }

    pub(super) fn row(path: &Path, error: RowError) -> Self {
        match error {
            RowError::Sqlite(error) => Self::sqlite(path, error),
            RowError::Exists(id) => Self::new(path, StoreErrorKind::Exists(id)),
            RowError::Broken(what) => Self::new(path, StoreErrorKind::Corrupt(what)),
        }
    }

    /// What is wrong, for code that decides.
    #[must_use]
    pub fn kind(&self) -> &StoreErrorKind {
        &self.kind
    }
}

/// The kinds of [`StoreError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// The id is taken.
    #[error("expected a new workspace id, found {0} recorded already: choose another")]
    Exists(String),
    /// A newer version of the platform has written the file.
    #[error(
        "expected schema version {known} or older, found {found}: run the version of the platform that wrote it, or a newer one"
    )]
    Newer {
        /// The version that this platform writes.
        known: i64,
        /// The version of the file.
        found: i64,
    },
    /// The file is a database of something else.
    #[error(
        "expected a workspace store, found another program's database: give the store a path of its own"
    )]
    Foreign,
    /// Another process has it open.
    #[error(
        "expected to be its only user, found it locked: stop the other platform that uses it, or give this one its own"
    )]
    Locked,
    /// It cannot be read as what it should be.
    #[error(
        "expected a sound database, found {0}: restore it from a copy, or move it aside to begin anew"
    )]
    Corrupt(&'static str),
    /// No room is left.
    #[error("expected room on the disk, found it full: free some, nothing recorded is lost")]
    DiskFull,
    /// It may not be written.
    #[error(
        "expected a file that may be written, found a read-only one: check its mode and its mount"
    )]
    ReadOnly,
    /// It or its directory cannot be opened or made.
    #[error(
        "expected a file that can be opened or made, found none: check that its directory exists and may be written"
    )]
    CannotOpen,
    /// Another error of SQLite or of the disk below it.
    #[error("the database failed")]
    Failed,
    /// The thread that owns the connection is gone.
    #[error("expected it to be open, found it closed: restart the platform")]
    Closed,
}

impl StoreErrorKind {
    fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt("a damaged one"),
            Some(ErrorCode::NotADatabase) => Self::Corrupt("a file that is none"),
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::CannotOpen,
            _ => Self::Failed,
        }
    }
}
