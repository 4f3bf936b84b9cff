//! What a call to a plugin is about: the workspace, the deadline, the trace.

use std::{collections::BTreeMap, time::Instant};

use serde::{Deserialize, Serialize};

/// The attributes of a workspace that plugins and selectors see. Any of them may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// Id of the workspace; empty when the call is for the platform itself.
    pub workspace_id: String,
    /// The name that its user gave it.
    pub name: String,
    /// Its tenant.
    pub tenant: String,
    /// The role of the agent in it.
    pub role: String,
    /// Where it runs: `local`, `docker`, `kubernetes`.
    pub runtime: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// One call, or one chain run.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Whom it is for.
    pub attributes: Attributes,
    /// When the host stops waiting.
    pub deadline: Option<Instant>,
    /// W3C `traceparent`; empty when it is not traced.
    pub traceparent: String,
    /// Nothing will be started with the result.
    pub dry_run: bool,
}
