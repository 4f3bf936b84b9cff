//! Requests that are made once, however often they are sent: which key came with which request, and what it made.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::rows::{self, RowError};
use super::{WorkspaceRecord, logged};
use crate::unix_ms;
use crate::workspace_id::WorkspaceId;

/// How long a key is kept, in milliseconds: a day.
const KEPT_FOR: i64 = 24 * 60 * 60 * 1000;

/// An idempotency key with the request that it came with. Only digests of both are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: [u8; 32],
    request: [u8; 32],
}

impl IdempotencyKey {
    /// The key `key` of `holder`, whose keys are apart from everybody else's, for this request.
    ///
    /// # Errors
    /// When the request is no JSON.
    pub fn new(
        holder: &str,
        key: &str,
        request: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        let request = Zeroizing::new(serde_json::to_vec(request)?);
        let digest = Sha256::new()
            .chain_update(Sha256::digest(holder))
            .chain_update(key);
        Ok(Self {
            key: digest.finalize().into(),
            request: Sha256::digest(&*request).into(),
        })
    }
}

/// What came of [`Store::insert_once`](super::Store::insert_once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once {
    /// The workspace was recorded now.
    Inserted(Box<WorkspaceRecord>),
    /// This request was recorded before, as this workspace.
    Before(WorkspaceId),
    /// This request was recorded before, and its workspace was deleted since. Another one may have its id now.
    Deleted,
    /// The key came with another request.
    Other,
}

pub(super) fn insert(
    connection: &Connection,
    record: WorkspaceRecord,
    key: &IdempotencyKey,
) -> Result<Once, RowError> {
    logged::whole(connection, || {
        let now = unix_ms::now();
        connection
            .prepare_cached("DELETE FROM idempotency_keys WHERE created_at <= ?")?
            .execute([now.saturating_sub(KEPT_FOR)])?;
        if let Some(known) = known(connection, key)? {
            return Ok(known);
        }
        logged::insert(connection, &record)?;
        connection
            .prepare_cached("INSERT INTO idempotency_keys (key, request, workspace_id, created_at) VALUES (?, ?, ?, ?)")?
            .execute(params![key.key, key.request, record.id.as_str(), now])?;
        Ok(Once::Inserted(Box::new(record)))
    })
}

/// Records that the workspace of a key is no more. To be called before there can be another one of its id.
pub(super) fn forget(connection: &Connection, id: &WorkspaceId) -> Result<(), RowError> {
    connection
        .prepare_cached("UPDATE idempotency_keys SET workspace_id = '' WHERE workspace_id = ?")?
        .execute([id.as_str()])?;
    Ok(())
}

/// What is recorded of a key.
pub(super) fn known(
    connection: &Connection,
    key: &IdempotencyKey,
) -> Result<Option<Once>, RowError> {
    let since = unix_ms::now().saturating_sub(KEPT_FOR);
    let known = connection
        .prepare_cached(
            "SELECT request, workspace_id FROM idempotency_keys WHERE key = ? AND created_at > ?",
        )?
        .query_row(params![key.key, since], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let once = |(request, id): (Vec<u8>, String)| match request == key.request {
        true if id.is_empty() => Ok(Once::Deleted),
        true => rows::workspace_id(id).map(Once::Before),
        false => Ok(Once::Other),
    };
    known.map(once).transpose()
}
