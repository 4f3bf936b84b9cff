//! Lists of workspaces, page by page. Reads neither specifications nor provisions.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, ToSql, params_from_iter};

use super::rows::{self, RowError};
use super::{Outcome, WorkspaceRecord, WorkspaceState};
use crate::workspace_id::WorkspaceId;

/// Which workspaces are wanted: those that fit all of it. The default lets all through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these states; empty = in any.
    pub states: Vec<WorkspaceState>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// In this role.
    pub role: Option<String>,
    /// Called just this.
    pub name: Option<String>,
    /// With all of these labels.
    pub labels: BTreeMap<String, String>,
}

/// A workspace in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: WorkspaceId,
    /// What its user calls it; need not be unique.
    pub name: String,
    /// The tenant that it belongs to.
    pub tenant: Option<String>,
    /// What its agent is there for.
    pub role: Option<String>,
    /// The name of the runtime that runs it.
    pub runtime: String,
    /// Where it is in its life.
    pub state: WorkspaceState,
    /// How it came there.
    pub outcome: Outcome,
    /// When it was recorded, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When its state last changed, in milliseconds since the Unix epoch.
    pub updated_at: i64,
}

impl From<&WorkspaceRecord> for Summary {
    fn from(record: &WorkspaceRecord) -> Self {
        Self {
            id: record.id.clone(),
            name: record.name.clone(),
            tenant: record.spec.tenant.clone(),
            role: record.spec.role.clone(),
            runtime: record.spec.runtime.clone(),
            state: record.state,
            outcome: record.outcome.clone(),
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The workspaces, the oldest first.
    pub workspaces: Vec<Summary>,
    /// After which place the next page begins, if there is more.
    pub next: Option<i64>,
}

pub(super) fn read(
    connection: &Connection,
    filter: &Filter,
    after: Option<i64>,
    limit: usize,
) -> Result<Listed, RowError> {
    let (condition, mut values) = condition(filter);
    let after = after.unwrap_or(0);
    // One more than wanted, to know whether there is a next page.
    let most = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    values.extend([&after as &dyn ToSql, &most]);
    let sql = format!(
        "SELECT number, id, name, tenant, role, runtime, state, reason, exit_code, exit_signal, created_at, updated_at \
         FROM workspaces WHERE {condition}number > ? ORDER BY number LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut page, mut last) = (Listed::default(), after);
    while let Some(row) = rows.next()? {
        if page.workspaces.len() == limit {
            page.next = Some(last);
            break;
        }
        page.workspaces.push(summary(row)?);
        last = row.get("number")?;
    }
    Ok(page)
}

/// The filter as SQL, ready for another condition, and the values in it.
fn condition(filter: &Filter) -> (String, Vec<&dyn ToSql>) {
    let (mut sql, mut values) = (String::new(), Vec::<&dyn ToSql>::new());
    if !filter.states.is_empty() {
        let wanted = vec!["?"; filter.states.len()].join(", ");
        sql.push_str(&format!("state IN ({wanted}) AND "));
        values.extend(filter.states.iter().map(|state| state as &dyn ToSql));
    }
    for (column, wanted) in [
        ("tenant", &filter.tenant),
        ("role", &filter.role),
        ("name", &filter.name),
    ] {
        if let Some(wanted) = wanted {
            sql.push_str(&format!("{column} = ? AND "));
            values.push(wanted);
        }
    }
    for (key, value) in &filter.labels {
        sql.push_str("EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?) AND ");
        values.extend([key as &dyn ToSql, value]);
    }
    (sql, values)
}

fn summary(row: &Row<'_>) -> Result<Summary, RowError> {
    Ok(Summary {
        id: rows::workspace_id(row.get("id")?)?,
        name: row.get("name")?,
        tenant: row.get("tenant")?,
        role: row.get("role")?,
        runtime: row.get("runtime")?,
        state: rows::state(&row.get::<_, String>("state")?)?,
        outcome: rows::outcome(row)?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
