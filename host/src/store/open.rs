//! From a path to a connection whose file is known to be ours, locked, private and up to date.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use url::Url;

use super::{StoreError, StoreErrorKind};

/// `PHws`, by which the file is told from another program's.
const APPLICATION_ID: i64 = 0x5048_7773;

/// What brings the file from version `index` to version `index + 1`. Entries are only ever appended.
const MIGRATIONS: [&str; 8] = [
    "CREATE TABLE workspaces (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        spec TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        exit_code INTEGER,
        exit_signal INTEGER,
        token_hash BLOB,
        provision TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE owed (
        workspace_id TEXT NOT NULL,
        plugin TEXT NOT NULL,
        attributes TEXT NOT NULL,
        due_since INTEGER,
        PRIMARY KEY (workspace_id, plugin)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        workspace_id TEXT NOT NULL,
        tenant TEXT,
        kind TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_workspace ON events (workspace_id)",
    "CREATE TABLE webhooks (
        name TEXT PRIMARY KEY NOT NULL,
        passed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    // A number that only grows, by which lists are paged, and copies of what they filter by. What can be long comes last: SQLite
    // reads a row from its beginning, and lists do not want it.
    "CREATE TABLE numbered (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        tenant TEXT,
        role TEXT,
        runtime TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        exit_code INTEGER,
        exit_signal INTEGER,
        token_hash BLOB,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        labels TEXT NOT NULL,
        spec TEXT NOT NULL,
        provision TEXT
    ) STRICT;
    INSERT INTO numbered (id, name, tenant, role, runtime, state, reason, exit_code, exit_signal, token_hash, created_at,
            updated_at, labels, spec, provision)
        SELECT id, name, spec ->> 'tenant', spec ->> 'role', spec ->> 'runtime', state, reason, exit_code, exit_signal,
            token_hash, created_at, updated_at, coalesce(spec -> 'labels', '{}'), spec, provision
        FROM workspaces ORDER BY created_at, rowid;
    DROP TABLE workspaces;
    ALTER TABLE numbered RENAME TO workspaces;
    CREATE INDEX workspaces_by_state ON workspaces (state);
    CREATE INDEX workspaces_by_tenant ON workspaces (tenant)",
    "ALTER TABLE workspaces ADD COLUMN expires_at INTEGER",
    "ALTER TABLE workspaces ADD COLUMN added_token_hash BLOB;
    CREATE TABLE idempotency_keys (
        key BLOB PRIMARY KEY NOT NULL,
        request BLOB NOT NULL,
        workspace_id TEXT NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)",
    // The keys of workspaces that were deleted before are of none.
    "CREATE INDEX idempotency_keys_by_workspace ON idempotency_keys (workspace_id);
    UPDATE idempotency_keys SET workspace_id = '' WHERE workspace_id NOT IN (SELECT id FROM workspaces)",
];

/// How long a platform that is just ending may take to let go of the file.
const LOCKED_FOR: Duration = Duration::from_secs(2);

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    create(path).map_err(|error| StoreError::io(path, error))?;
    let sqlite = |error| StoreError::sqlite(path, error);
    let (mut connection, version) = recognised(path)?;
    make_private(path).map_err(|error| StoreError::io(path, error))?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .map_err(sqlite)?;
    configure(&connection).map_err(sqlite)?;
    migrate(&mut connection, version).map_err(sqlite)?;
    Ok(connection)
}

/// The file, with its version, if it is for us. Nothing of it has been changed, nor is by closing it; one that is refused has
/// nothing new beside it either.
pub(super) fn recognised(path: &Path) -> Result<(Connection, usize), StoreError> {
    look(path)?;
    let connection = exclusive(path)?;
    let version = version(path, &connection)?;
    Ok((connection, version))
}

/// The version of the file, if it is for us. Nothing of it is changed, nor anything beside it.
pub(super) fn look(path: &Path) -> Result<usize, StoreError> {
    let io = |error| StoreError::io(path, error);
    let file = OpenOptions::new().read(true).write(true).open(path);
    if !file.and_then(|file| file.metadata()).map_err(io)?.is_file() {
        let kind = StoreErrorKind::Corrupt("something else than a file");
        return Err(StoreError::new(path, kind));
    }
    let connection = if has_journal(path) {
        exclusive(path)?
    } else {
        // SQLite makes an empty journal beside a file that it opens in the usual way, and leaves it there.
        unchanging(path)?
    };
    version(path, &connection)
}

/// Whether commits are in the journal that are not in the file yet.
fn has_journal(path: &Path) -> bool {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    fs::metadata(journal).is_ok_and(|journal| journal.len() > 0)
}

/// The file as it is, without a lock and without a journal.
fn unchanging(path: &Path) -> Result<Connection, StoreError> {
    let absolute = std::path::absolute(path).map_err(|error| StoreError::io(path, error))?;
    let mut url = Url::from_file_path(absolute)
        .map_err(|()| StoreError::new(path, StoreErrorKind::CannotOpen))?;
    url.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(url.as_str(), flags)
        .map_err(|error| StoreError::sqlite(path, error))
}

/// The file, locked from the first read on.
fn exclusive(path: &Path) -> Result<Connection, StoreError> {
    let sqlite = |error| StoreError::sqlite(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    // Until the file is known to be ours, closing it must not move a byte of it.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(sqlite)?;
    connection.busy_timeout(LOCKED_FOR).map_err(sqlite)?;
    connection
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .map_err(sqlite)?;
    Ok(connection)
}

pub(super) fn version(path: &Path, connection: &Connection) -> Result<usize, StoreError> {
    recognise(connection)
        .map_err(|error| StoreError::sqlite(path, error))?
        .map_err(|kind| StoreError::new(path, kind))
}

/// SQLite gives its journals the mode of the file itself, so the file must be there first. It is closed again before SQLite
/// opens it: closing any descriptor of a file gives up every lock that this process has on it, SQLite's too.
fn create(path: &Path) -> io::Result<()> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// The file holds what users gave as environment. By its path, because a descriptor of ours would end SQLite's locks.
fn make_private(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// The version of the file, 0 for an empty one; or why it is not for us.
fn recognise(connection: &Connection) -> rusqlite::Result<Result<usize, StoreErrorKind>> {
    let number =
        |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(Ok(0));
    }
    if number("application_id")? != APPLICATION_ID {
        return Ok(Err(StoreErrorKind::Foreign));
    }
    let found = number("user_version")?;
    match usize::try_from(found) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(Ok(version)),
        _ => Ok(Err(StoreErrorKind::Newer {
            known: known_version(),
            found,
        })),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode anything less loses the last commits in a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted or replaced may have been a secret of a user.
    connection.pragma_update(None, "secure_delete", true)
}

fn migrate(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    // Takes the lock also when there is nothing to do: from here on nobody else gets in.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(migration)?;
    }
    if version < MIGRATIONS.len() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known_version())?;
    }
    transaction.commit()
}

fn known_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
