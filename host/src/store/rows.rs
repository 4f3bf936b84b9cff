//! The statements. Each function that changes something does so with a single statement, so one that fails has changed nothing.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, ToSql, params, params_from_iter};
use zeroize::Zeroizing;

use super::record::{Outcome, WorkspaceRecord};
use super::{TokenHash, Transition, WorkspaceState};
use crate::unix_ms;
use crate::workspace_id::WorkspaceId;

const COLUMNS: &str =
    "id, name, spec, state, reason, exit_code, exit_signal, expires_at, created_at, updated_at";

/// An error of one statement; the path of the file is added where it is known.
#[derive(Debug)]
pub(super) enum RowError {
    Sqlite(rusqlite::Error),
    Exists(String),
    /// A value that this program has not written.
    Broken(&'static str),
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

pub(super) fn insert(connection: &Connection, record: &WorkspaceRecord) -> Result<(), RowError> {
    // Strings as keys always make JSON.
    let spec = serde_json::to_string(&record.spec)
        .map_err(|_| RowError::Broken("a specification that is no JSON"))?;
    let spec = Zeroizing::new(spec);
    let WorkspaceRecord {
        id,
        name,
        state,
        outcome,
        expires_at,
        created_at,
        updated_at,
        ..
    } = record;
    let Outcome {
        reason,
        exit_code,
        exit_signal,
    } = outcome;
    let labels = serde_json::to_string(&record.spec.labels)
        .map_err(|_| RowError::Broken("labels that are no JSON"))?;
    let sql = format!(
        "INSERT INTO workspaces ({COLUMNS}, tenant, role, runtime, labels) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let values = params![
        id.as_str(),
        name,
        spec.as_str(),
        state.as_str(),
        reason,
        exit_code,
        exit_signal,
        expires_at,
        created_at,
        updated_at,
        record.spec.tenant,
        record.spec.role,
        record.spec.runtime,
        labels
    ];
    match connection.prepare_cached(&sql)?.execute(values) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(RowError::Exists(id.to_string()))
        }
        outcome => Ok(outcome.map(drop)?),
    }
}

pub(super) fn get(
    connection: &Connection,
    id: &WorkspaceId,
) -> Result<Option<WorkspaceRecord>, RowError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM workspaces WHERE id = ?"))?;
    let mut rows = statement.query([id.as_str()])?;
    rows.next()?.map(record).transpose()
}

pub(super) fn list(connection: &Connection) -> Result<Vec<WorkspaceRecord>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces ORDER BY number");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

pub(super) fn transition(
    connection: &Connection,
    id: &WorkspaceId,
    from: &[WorkspaceState],
    to: WorkspaceState,
    outcome: &Outcome,
) -> Result<Transition, RowError> {
    let expected = vec!["?"; from.len()].join(", ");
    let sql = format!(
        "UPDATE workspaces SET state = ?, reason = ?, exit_code = ?, exit_signal = ?, updated_at = ? \
         WHERE id = ? AND state IN ({expected})"
    );
    let (to, now) = (to.as_str(), unix_ms::now());
    let Outcome {
        reason,
        exit_code,
        exit_signal,
    } = outcome;
    let id_text = id.as_str();
    let fixed: [&dyn ToSql; 6] = [&to, reason, exit_code, exit_signal, &now, &id_text];
    let names: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
    let values = fixed
        .into_iter()
        .chain(names.iter().map(|name| name as &dyn ToSql));
    if connection
        .prepare_cached(&sql)?
        .execute(params_from_iter(values))?
        > 0
    {
        return Ok(Transition::Done);
    }
    let mut statement = connection.prepare_cached("SELECT state FROM workspaces WHERE id = ?")?;
    match statement
        .query_row([id_text], |row| row.get::<_, String>(0))
        .optional()?
    {
        None => Ok(Transition::Absent),
        Some(name) => Ok(Transition::Conflict(state(&name)?)),
    }
}

pub(super) fn set_token_hash(
    connection: &Connection,
    id: &WorkspaceId,
    hash: &TokenHash,
) -> Result<bool, RowError> {
    let mut statement = connection.prepare_cached(
        "UPDATE workspaces SET token_hash = ?, added_token_hash = NULL WHERE id = ?",
    )?;
    Ok(statement.execute(params![hash.bytes(), id.as_str()])? > 0)
}

pub(super) fn add_token_hash(
    connection: &Connection,
    id: &WorkspaceId,
    hash: &TokenHash,
) -> Result<bool, RowError> {
    let mut statement =
        connection.prepare_cached("UPDATE workspaces SET added_token_hash = ? WHERE id = ?")?;
    Ok(statement.execute(params![hash.bytes(), id.as_str()])? > 0)
}

pub(super) fn set_expiry(
    connection: &Connection,
    id: &WorkspaceId,
    at: Option<i64>,
) -> Result<bool, RowError> {
    let mut statement =
        connection.prepare_cached("UPDATE workspaces SET expires_at = ? WHERE id = ?")?;
    Ok(statement.execute(params![at, id.as_str()])? > 0)
}

pub(super) fn token_hash(
    connection: &Connection,
    id: &WorkspaceId,
) -> Result<Option<TokenHash>, RowError> {
    hash(connection, id, "token_hash")
}

pub(super) fn added_token_hash(
    connection: &Connection,
    id: &WorkspaceId,
) -> Result<Option<TokenHash>, RowError> {
    hash(connection, id, "added_token_hash")
}

fn hash(
    connection: &Connection,
    id: &WorkspaceId,
    column: &'static str,
) -> Result<Option<TokenHash>, RowError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {column} FROM workspaces WHERE id = ?"))?;
    let found = statement
        .query_row([id.as_str()], |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?;
    let Some(bytes) = found.flatten() else {
        return Ok(None);
    };
    let bytes = bytes
        .try_into()
        .map_err(|_| RowError::Broken("a token hash that is none"))?;
    Ok(Some(TokenHash::from_bytes(bytes)))
}

pub(super) fn set_provision(
    connection: &Connection,
    id: &WorkspaceId,
    json: &str,
) -> Result<bool, RowError> {
    let mut statement =
        connection.prepare_cached("UPDATE workspaces SET provision = ? WHERE id = ?")?;
    Ok(statement.execute(params![json, id.as_str()])? > 0)
}

pub(super) fn provision(
    connection: &Connection,
    id: &WorkspaceId,
) -> Result<Option<String>, RowError> {
    let mut statement =
        connection.prepare_cached("SELECT provision FROM workspaces WHERE id = ?")?;
    Ok(statement
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?
        .flatten())
}

pub(super) fn delete(connection: &Connection, id: &WorkspaceId) -> Result<bool, RowError> {
    Ok(connection
        .prepare_cached("DELETE FROM workspaces WHERE id = ?")?
        .execute([id.as_str()])?
        > 0)
}

fn record(row: &Row<'_>) -> Result<WorkspaceRecord, RowError> {
    let spec = Zeroizing::new(row.get::<_, String>("spec")?);
    let id = row.get::<_, String>("id")?;
    Ok(WorkspaceRecord {
        id: workspace_id(id)?,
        name: row.get("name")?,
        // The error of serde_json could quote the specification, so it stays here.
        spec: serde_json::from_str(&spec)
            .map_err(|_| RowError::Broken("a workspace specification that is none"))?,
        state: state(&row.get::<_, String>("state")?)?,
        outcome: outcome(row)?,
        expires_at: row.get("expires_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(super) fn outcome(row: &Row<'_>) -> Result<Outcome, RowError> {
    Ok(Outcome {
        reason: row.get("reason")?,
        exit_code: row.get("exit_code")?,
        exit_signal: row.get("exit_signal")?,
    })
}

pub(super) fn workspace_id(id: String) -> Result<WorkspaceId, RowError> {
    id.try_into()
        .map_err(|_| RowError::Broken("a workspace id that is none"))
}

pub(super) fn state(name: &str) -> Result<WorkspaceState, RowError> {
    WorkspaceState::from_name(name).ok_or(RowError::Broken("an unknown workspace state"))
}
