//! What the platform and a supervisor say to each other when a workspace is started: one JSON document each way, over pipes.
//! Never over the command line or a file, because the environment holds secrets.
//!
//! The supervisor of an isolated workspace hands the same document on to the workspace's init, and hears the same report.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cgroup::Limits;
use super::dir::CommandRecord;
use super::isolation::Sandbox;
use crate::runtime::{RuntimeErrorKind, StartSpec};
use crate::workspace_id::WorkspaceId;

/// From the platform, on the supervisor's standard input.
#[derive(Serialize, Deserialize)]
pub(super) struct Launch {
    pub(super) id: WorkspaceId,
    /// Empty where it is only tried whether a workspace can be started like this.
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(String, Zeroizing<String>)>,
    pub(super) max_log_bytes: u64,
    /// None: it is not isolated.
    pub(super) sandbox: Option<Sandbox>,
    /// None: it is not limited.
    pub(super) limits: Option<Limits>,
}

impl Launch {
    /// What starts `spec`.
    pub(super) fn new(
        spec: &StartSpec,
        max_log_bytes: u64,
        sandbox: Option<Sandbox>,
        limits: Option<Limits>,
    ) -> Self {
        Self {
            id: spec.id().clone(),
            command: spec.command().to_vec(),
            env: spec.env().to_vec(),
            max_log_bytes,
            sandbox,
            limits,
        }
    }

    /// The document.
    pub(super) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        // Twice the size holds all but odd text without growing, and a buffer that grows leaves copies of secrets behind.
        let text = self.command.iter().map(String::len).sum::<usize>()
            + self
                .env
                .iter()
                .map(|(key, value)| key.len() + value.len() + 8)
                .sum::<usize>();
        let mut document = Zeroizing::new(Vec::with_capacity(2 * text + 16 * 1024));
        serde_json::to_writer(&mut *document, self)?;
        Ok(document)
    }

    /// Reads the document, and gives its bytes, too.
    pub(super) fn read(mut from: impl Read) -> Result<(Self, Zeroizing<Vec<u8>>), Report> {
        let mut document = Zeroizing::new(Vec::with_capacity(1024 * 1024));
        from.read_to_end(&mut document)
            .map_err(|error| Report::failed("read what to start", &error))?;
        // A platform that died while it wrote leaves half a document, and then nothing may start. The error of
        // serde_json could quote the document, so it stays here.
        match serde_json::from_slice(&document) {
            Ok(launch) => Ok((launch, document)),
            Err(_) => Err(Report::Failed {
                kind: RuntimeErrorKind::Supervisor,
                message: format!(
                    "expected a whole start document, found {} bytes that are none",
                    document.len()
                ),
            }),
        }
    }
}

/// From the supervisor, on its standard output, when it holds the workspace's lock: only then may it be told what to start. Thus a
/// platform that finds the lock free knows that nobody is about to start anything.
pub(super) const LOCKED: u8 = b'\n';

/// From the supervisor, on its standard output, after [`LOCKED`] if it came so far.
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

impl Report {
    /// Something that the operating system did not let us do.
    pub(super) fn failed(what: &str, error: &io::Error) -> Self {
        Self::Failed {
            kind: RuntimeErrorKind::of_io(error),
            message: format!("cannot {what}: {error}"),
        }
    }
}
