//! What a workspace wrote: in its container, and in those that it had before.

use std::io;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use provisionhook_host::{
    runtime::{RuntimeError, SavedOutput, Tail},
    workspace_id::WorkspaceId,
};

use crate::{
    engine::{Engine, Found},
    error,
};

impl Engine {
    /// The last `tail` bytes of all that a workspace wrote.
    pub(crate) async fn logs(
        &self,
        id: &WorkspaceId,
        tail: Option<u64>,
    ) -> Result<Vec<u8>, RuntimeError> {
        let mut output = self
            .saved(id)
            .read(tail)
            .map_err(|error| io_error(id, "read", error))?;
        if let Found::Ours(_) = self.find(id).await? {
            self.collect(id, &mut output).await?;
        }
        Ok(output.into_bytes())
    }

    /// Keeps what the container wrote, because it is about to go.
    pub(crate) async fn save_log(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        let output = self.logs(id, None).await?;
        self.saved(id)
            .save(&output)
            .map_err(|error| io_error(id, "keep", error))
    }

    async fn collect(&self, id: &WorkspaceId, output: &mut Tail) -> Result<(), RuntimeError> {
        let docker = self.for_workspace(id, "read its output").await?;
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut pieces = docker.logs(&self.name(id), Some(options));
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => output.push(&piece.into_bytes()),
                Err(error) if error::status(&error) == Some(404) => break,
                Err(error) => return Err(self.failed(Some(id), "read its output", &error)),
            }
        }
        Ok(())
    }

    fn saved(&self, id: &WorkspaceId) -> SavedOutput {
        SavedOutput::at(self.directory(id).join("output.log"))
    }
}

fn io_error(id: &WorkspaceId, what: &str, error: io::Error) -> RuntimeError {
    RuntimeError::io(id.as_str(), format!("cannot {what} its output"), error)
}
