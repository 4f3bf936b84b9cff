//! Changes and the events that tell of them: both are on record, or neither is.

use rusqlite::Connection;
use serde::Serialize;

use super::record::{Outcome, WorkspaceRecord};
use super::rows::{self, RowError};
use super::{EventKind, NewEvent, Transition, WorkspaceState, events, once, owed};
use crate::workspace_id::WorkspaceId;

/// What an event says of a new workspace.
#[derive(Serialize)]
struct Created<'a> {
    name: &'a str,
    runtime: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
}

/// Of an event that has nothing to say but its kind.
#[derive(Serialize)]
struct Nothing {}

pub(super) fn insert(connection: &Connection, record: &WorkspaceRecord) -> Result<(), RowError> {
    let created = Created {
        name: &record.name,
        runtime: &record.spec.runtime,
        role: record.spec.role.as_deref(),
    };
    let created = NewEvent::new(EventKind::Created, &created);
    whole(connection, || {
        rows::insert(connection, record)?;
        events::append(connection, &record.id, &[created])
    })
}

pub(super) fn transition(
    connection: &Connection,
    id: &WorkspaceId,
    from: &[WorkspaceState],
    to: WorkspaceState,
    outcome: &Outcome,
) -> Result<Transition, RowError> {
    whole(connection, || {
        let moved = rows::transition(connection, id, from, to, outcome)?;
        if moved == Transition::Done {
            events::append(connection, id, &[NewEvent::entered(to, outcome)])?;
        }
        Ok(moved)
    })
}

pub(super) fn set_provision(
    connection: &Connection,
    id: &WorkspaceId,
    json: &str,
    events: &[NewEvent],
) -> Result<bool, RowError> {
    whole(connection, || {
        events::append(connection, id, events)?;
        rows::set_provision(connection, id, json)
    })
}

pub(super) fn delete(connection: &Connection, id: &WorkspaceId) -> Result<bool, RowError> {
    whole(connection, || {
        let deleted = NewEvent::new(EventKind::Deleted, &Nothing {});
        // While its tenant is still known.
        events::append(connection, id, &[deleted])?;
        once::forget(connection, id)?;
        rows::delete(connection, id)
    })
}

pub(super) fn settle(
    connection: &Connection,
    id: &WorkspaceId,
    plugin: &str,
    event: NewEvent,
) -> Result<(), RowError> {
    whole(connection, || {
        events::append_owed(connection, id, plugin, &event)?;
        owed::settle(connection, id, plugin)
    })
}

/// The transaction around it goes on with others' changes also when this one fails.
pub(super) fn whole<T>(
    connection: &Connection,
    change: impl FnOnce() -> Result<T, RowError>,
) -> Result<T, RowError> {
    let execute = |sql| connection.prepare_cached(sql)?.execute([]);
    execute("SAVEPOINT change")?;
    let outcome = change();
    if outcome.is_err() {
        // Where SQLite has rolled the whole transaction back already, there is nothing left to undo.
        drop(execute("ROLLBACK TO change"));
        drop(execute("RELEASE change"));
    } else {
        execute("RELEASE change")?;
    }
    outcome
}
