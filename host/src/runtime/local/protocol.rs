//! What the platform and a supervisor say to each other when a workspace is started: one JSON document each way, over pipes.
//! Never over the command line or a file, because the environment holds secrets.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::dir::CommandRecord;
use crate::runtime::{RuntimeErrorKind, StartSpec};
use crate::workspace_id::WorkspaceId;

/// From the platform, on the supervisor's standard input.
#[derive(Serialize, Deserialize)]
pub(super) struct Launch {
    pub(super) id: WorkspaceId,
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(String, Zeroizing<String>)>,
    pub(super) max_log_bytes: u64,
}

impl Launch {
    /// The document for `spec`.
    pub(super) fn encode(
        spec: &StartSpec,
        max_log_bytes: u64,
    ) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        let launch = Self {
            id: spec.id().clone(),
            command: spec.command().to_vec(),
            env: spec.env().to_vec(),
            max_log_bytes,
        };
        // Twice the size holds all but odd text without growing, and a buffer that grows leaves copies of secrets behind.
        let text = launch.command.iter().map(String::len).sum::<usize>()
            + launch
                .env
                .iter()
                .map(|(key, value)| key.len() + value.len() + 8)
                .sum::<usize>();
        let mut document = Zeroizing::new(Vec::with_capacity(2 * text + 1024));
        serde_json::to_writer(&mut *document, &launch)?;
        Ok(document)
    }
}

/// From the supervisor, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The command has been executed.
    Started(CommandRecord),
    /// Another supervisor looks after this workspace, or has done so to its end.
    Present,
    /// Nothing was started.
    Failed {
        /// Why, for the platform to act on.
        kind: RuntimeErrorKind,
        /// Why, for a person.
        message: String,
    },
}
