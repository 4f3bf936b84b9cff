//! The statements of the log of events.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{self, RowError};
use super::{Event, NewEvent};
use crate::unix_ms;
use crate::workspace_id::WorkspaceId;

const COLUMNS: &str = "seq, at, workspace_id, tenant, kind, data";

/// A piece of the log, from a place on.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The events, the oldest first.
    pub events: Vec<Event>,
    /// How far has been looked: what follows begins behind it.
    pub next: i64,
    /// What is kept, as of this page.
    pub kept: Kept,
}

/// Which events are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// The oldest; one more than `last` if none is.
    pub first: i64,
    /// The newest that there ever was; 0 if there was none.
    pub last: i64,
}

impl Kept {
    /// Whether what follows `after` is all there.
    #[must_use]
    pub const fn follows(&self, after: i64) -> bool {
        after >= self.first - 1 && after <= self.last
    }
}

/// Records events of a workspace. Nothing if the workspace is not recorded.
pub(super) fn append(
    connection: &Connection,
    id: &WorkspaceId,
    events: &[NewEvent],
) -> Result<(), RowError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO events (at, workspace_id, tenant, kind, data) \
         SELECT ?, id, spec ->> '$.tenant', ?, ? FROM workspaces WHERE id = ?",
    )?;
    let now = unix_ms::now();
    for NewEvent { kind, data } in events {
        statement.execute(params![now, kind.as_str(), data, id.as_str()])?;
    }
    Ok(())
}

/// Records an event of a workspace that need not be recorded any more. Nothing if nothing is owed to the plugin.
pub(super) fn append_owed(
    connection: &Connection,
    id: &WorkspaceId,
    plugin: &str,
    NewEvent { kind, data }: &NewEvent,
) -> Result<(), RowError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO events (at, workspace_id, tenant, kind, data) \
         SELECT ?, workspace_id, nullif(attributes ->> '$.tenant', ''), ?, ? FROM owed \
         WHERE workspace_id = ? AND plugin = ?",
    )?;
    let values = params![unix_ms::now(), kind.as_str(), data, id.as_str(), plugin];
    Ok(statement.execute(values).map(drop)?)
}

/// The next events behind `after`, of one workspace or of all; at most `limit` of them.
pub(super) fn page(
    connection: &Connection,
    workspace: Option<&WorkspaceId>,
    after: i64,
    limit: u32,
) -> Result<Page, RowError> {
    let one = if workspace.is_some() {
        "workspace_id = ?3 AND"
    } else {
        "?3 IS NULL AND"
    };
    let sql = format!("SELECT {COLUMNS} FROM events WHERE {one} seq > ?1 ORDER BY seq LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![after, limit, workspace.map(WorkspaceId::as_str)])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(event(row)?);
    }
    let kept = kept(connection)?;
    let full = events.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = match events.last() {
        Some(last) if full => last.seq,
        _ => kept.last.max(after),
    };
    Ok(Page { events, next, kept })
}

/// Which events are kept.
pub(super) fn kept(connection: &Connection) -> Result<Kept, RowError> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT min(seq) FROM events), (SELECT seq FROM sqlite_sequence WHERE name = 'events')",
    )?;
    let (first, last) = statement.query_row([], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let last = last.unwrap_or_default();
    let first = first.unwrap_or(last + 1);
    Ok(Kept { first, last })
}

/// Forgets the oldest events that are older than `before`, in milliseconds since the Unix epoch, or more than `most` newer ones
/// ago: at most `limit` of them. Says how many.
pub(super) fn prune(
    connection: &Connection,
    before: i64,
    most: i64,
    limit: u32,
) -> Result<usize, RowError> {
    let Kept { first, last } = kept(connection)?;
    // Only from the old end, and in order, so that what is kept has no gaps: also when the clock was set back.
    let mut statement = connection.prepare_cached(
        "SELECT min(seq) FROM (SELECT seq, at FROM events ORDER BY seq LIMIT ?) WHERE at >= ?",
    )?;
    let young = statement.query_row(params![limit, before], |row| row.get::<_, Option<i64>>(0))?;
    let end = first.saturating_add(limit.into());
    let keep_from = young.unwrap_or(end).max(last.saturating_sub(most) + 1);
    let mut statement = connection.prepare_cached("DELETE FROM events WHERE seq < ?")?;
    Ok(statement.execute([keep_from.min(end)])?)
}

/// Whether there is a workspace of this id, or an event of one that there was.
pub(super) fn knows(connection: &Connection, id: &WorkspaceId) -> Result<bool, RowError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM workspaces WHERE id = ?1 UNION ALL \
         SELECT 1 FROM events WHERE workspace_id = ?1 LIMIT 1",
    )?;
    let found = statement.query_row([id.as_str()], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

fn event(row: &Row<'_>) -> Result<Event, RowError> {
    let data = row.get::<_, String>("data")?;
    Ok(Event {
        seq: row.get("seq")?,
        at: row.get("at")?,
        workspace: rows::workspace_id(row.get("workspace_id")?)?,
        tenant: row.get("tenant")?,
        kind: row.get("kind")?,
        data: serde_json::from_str(&data).map_err(|_| RowError::Broken("an event that is none"))?,
    })
}
