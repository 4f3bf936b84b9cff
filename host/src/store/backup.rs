//! Copies of the file: made while it is in use or while it lies still, and looked at before anybody relies on them.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, StoreErrorKind, open};

/// Copies what is committed into the empty file `to`, without what was deleted or replaced. Not within a transaction.
pub(super) fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    let to = to.to_string_lossy();
    connection.execute("VACUUM INTO ?", [to]).map(drop)
}

/// The same, of the store at `path`, which nobody uses.
pub(super) fn copy_at_rest(path: &Path, to: &Path) -> Result<(), StoreError> {
    let (connection, version) = open::recognised(path)?;
    if version == 0 {
        let kind = StoreErrorKind::Corrupt("an empty one");
        return Err(StoreError::new(path, kind));
    }
    copy(&connection, to).map_err(|error| StoreError::sqlite(path, error))
}

/// Whether the file is a whole store, and one that this version can read.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let sqlite = |error| StoreError::sqlite(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    open::version(path, &connection)?;
    let found: String = connection
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .map_err(sqlite)?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::new(
        path,
        StoreErrorKind::Corrupt("a damaged one"),
    ))
}
