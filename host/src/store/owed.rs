//! Which plugins are still to hear of the end of which workspace. It outlives the record of the workspace.

use rusqlite::{Connection, Params, Row, params};

use super::rows::{self, RowError};
use crate::call::Attributes;
use crate::unix_ms;
use crate::workspace_id::WorkspaceId;

const COLUMNS: &str = "workspace_id, plugin, attributes, due_since";

/// One plugin is to hear of the end of one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The workspace.
    pub id: WorkspaceId,
    /// The name of the plugin.
    pub plugin: String,
    /// What the plugin is to know of the workspace.
    pub attributes: Attributes,
    /// When the workspace ended, in milliseconds since the Unix epoch. None: it has not.
    pub due_since: Option<i64>,
}

pub(super) fn owe(
    connection: &Connection,
    attributes: &Attributes,
    plugins: &[String],
) -> Result<(), RowError> {
    // Strings always make JSON.
    let plugins = serde_json::to_string(plugins)
        .map_err(|_| RowError::Broken("names of plugins that are no JSON"))?;
    let text = serde_json::to_string(attributes)
        .map_err(|_| RowError::Broken("attributes that are no JSON"))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO owed (workspace_id, plugin, attributes, due_since) \
         SELECT ?1, name, ?2, NULL FROM ( \
             SELECT value AS name FROM json_each(?3) \
             UNION SELECT plugin FROM owed WHERE workspace_id = ?1 \
         ) WHERE true \
         ON CONFLICT DO UPDATE SET attributes = excluded.attributes, due_since = NULL",
    )?;
    Ok(statement
        .execute(params![attributes.workspace_id, text, plugins])
        .map(drop)?)
}

pub(super) fn fall_due(connection: &Connection, id: &WorkspaceId) -> Result<(), RowError> {
    let mut statement = connection.prepare_cached(
        "UPDATE owed SET due_since = ? WHERE workspace_id = ? AND due_since IS NULL",
    )?;
    Ok(statement
        .execute(params![unix_ms::now(), id.as_str()])
        .map(drop)?)
}

pub(super) fn of(connection: &Connection, id: &WorkspaceId) -> Result<Vec<Owed>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM owed WHERE workspace_id = ? ORDER BY plugin");
    select(connection, &sql, [id.as_str()])
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Owed>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM owed ORDER BY workspace_id, plugin");
    select(connection, &sql, [])
}

pub(super) fn settle(
    connection: &Connection,
    id: &WorkspaceId,
    plugin: &str,
) -> Result<(), RowError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM owed WHERE workspace_id = ? AND plugin = ?")?;
    Ok(statement.execute(params![id.as_str(), plugin]).map(drop)?)
}

fn select(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<Owed>, RowError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(owed(row)?);
    }
    Ok(found)
}

fn owed(row: &Row<'_>) -> Result<Owed, RowError> {
    let attributes = row.get::<_, String>("attributes")?;
    Ok(Owed {
        id: rows::workspace_id(row.get("workspace_id")?)?,
        plugin: row.get("plugin")?,
        attributes: serde_json::from_str(&attributes)
            .map_err(|_| RowError::Broken("attributes of a workspace that are none"))?,
        due_since: row.get("due_since")?,
    })
}
