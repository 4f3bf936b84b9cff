//! How far each webhook has come in the log of events.

use rusqlite::{Connection, params};

use super::rows::RowError;
use super::{Store, StoreError, events};

impl Store {
    /// How far the webhooks of these names have come. One that is new begins with the next event; what was on record of others is
    /// forgotten, so that one that comes back begins anew.
    pub async fn webhooks(&self, names: Vec<String>) -> Result<Vec<i64>, StoreError> {
        self.run(move |connection| cursors(connection, &names))
            .await
    }

    /// Records that a webhook is through with all events up to this one.
    pub async fn webhook_passed(&self, name: &str, seq: i64) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.run(move |connection| {
            let mut statement =
                connection.prepare_cached("UPDATE webhooks SET passed = ? WHERE name = ?")?;
            Ok(statement.execute(params![seq, name]).map(drop)?)
        })
        .await
    }
}

/// Each statement can be done again, so the first may be done without the others.
fn cursors(connection: &Connection, names: &[String]) -> Result<Vec<i64>, RowError> {
    let json = serde_json::to_string(names)
        .map_err(|_| RowError::Broken("names of webhooks that are no JSON"))?;
    connection.execute(
        "DELETE FROM webhooks WHERE name NOT IN (SELECT value FROM json_each(?))",
        [&json],
    )?;
    connection.execute(
        "INSERT INTO webhooks (name, passed) SELECT value, ? FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
        params![events::kept(connection)?.last, json],
    )?;
    let mut statement = connection.prepare("SELECT passed FROM webhooks WHERE name = ?")?;
    let passed = names
        .iter()
        .map(|name| Ok(statement.query_row([name], |row| row.get(0))?));
    passed.collect()
}
