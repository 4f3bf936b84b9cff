//! What a workspace wrote: in its container, and in those that it had before.

use std::{io, sync::Arc};

use bollard::{
    models::ContainerInspectResponse,
    query_parameters::{LogsOptions, LogsOptionsBuilder},
};
use futures_util::{StreamExt as _, stream};
use provisionhook_host::{
    runtime::{OutputStream, RuntimeError, SavedOutput, Tail},
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
        let mut output = self.kept(id, tail)?;
        if let Found::Ours(container) = self.find(id).await?
            && !self.is_saved(id, &container)?
        {
            self.collect(id, &mut output).await?;
        }
        Ok(output.into_bytes())
    }

    /// The last `tail` bytes of all that a workspace wrote, and what it goes on to write in this container.
    pub(crate) async fn follow(
        self: Arc<Self>,
        id: WorkspaceId,
        tail: u64,
    ) -> Result<OutputStream, RuntimeError> {
        let Found::Ours(container) = self.find(&id).await? else {
            return Err(RuntimeError::absent(&id, "a container"));
        };
        if self.is_saved(&id, &container)? {
            return self
                .saved(&id)
                .followed_by(stream::empty(), 0, tail)
                .map_err(|error| io_error(&id, "read", error));
        }
        // The daemon counts lines, so what was written before is counted here first.
        let mut written = 0;
        self.pieces(&id, |piece| written += piece.len() as u64)
            .await?;
        let docker = self.for_workspace(&id, "follow its output").await?;
        let pieces = docker.logs(&self.name(&id), Some(options(true)));
        let (engine, of) = (Arc::clone(&self), id.clone());
        let pieces = pieces.map(move |piece| match piece {
            Ok(piece) => Ok(piece.into_bytes().to_vec()),
            Err(error) => Err(engine.failed(Some(&of), "follow its output", &error)),
        });
        self.saved(&id)
            .followed_by(pieces, written, tail)
            .map_err(|error| io_error(&id, "read", error))
    }

    /// Keeps what the container wrote, because it is about to go, unless that was done already.
    pub(crate) async fn save_log(
        &self,
        id: &WorkspaceId,
        container: &ContainerInspectResponse,
    ) -> Result<(), RuntimeError> {
        if self.is_saved(id, container)? {
            return Ok(());
        }
        let mut output = self.kept(id, None)?;
        self.collect(id, &mut output).await?;
        self.saved(id)
            .save(run(container), &output.into_bytes())
            .map_err(|error| io_error(id, "keep", error))
    }

    /// The last `tail` bytes of what is kept.
    fn kept(&self, id: &WorkspaceId, tail: Option<u64>) -> Result<Tail, RuntimeError> {
        self.saved(id)
            .read(tail)
            .map_err(|error| io_error(id, "read", error))
    }

    /// Whether the output of this container is among what is kept.
    fn is_saved(
        &self,
        id: &WorkspaceId,
        container: &ContainerInspectResponse,
    ) -> Result<bool, RuntimeError> {
        self.saved(id)
            .has(run(container))
            .map_err(|error| io_error(id, "read", error))
    }

    async fn collect(&self, id: &WorkspaceId, output: &mut Tail) -> Result<(), RuntimeError> {
        self.pieces(id, |piece| output.push(piece)).await
    }

    /// What the container wrote so far.
    async fn pieces(
        &self,
        id: &WorkspaceId,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), RuntimeError> {
        let docker = self.for_workspace(id, "read its output").await?;
        let mut pieces = docker.logs(&self.name(id), Some(options(false)));
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => each(&piece.into_bytes()),
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

/// Containers of one workspace have the same name, and each an id of its own.
fn run(container: &ContainerInspectResponse) -> &str {
    container.id.as_deref().unwrap_or_default()
}

fn options(follow: bool) -> LogsOptions {
    LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .follow(follow)
        .build()
}

fn io_error(id: &WorkspaceId, what: &str, error: io::Error) -> RuntimeError {
    RuntimeError::io(id.as_str(), format!("cannot {what} its output"), error)
}
