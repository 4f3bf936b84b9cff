//! What a workspace wrote: in its Pod, and in those that it had before.

use std::io;

use futures_util::{AsyncReadExt as _, io::AsyncBufRead};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, SavedOutput, Tail},
    workspace_id::WorkspaceId,
};

use crate::{
    action,
    cluster::Found,
    error,
    pod::CONTAINER,
    start::Workspaces,
    state::{self, Life},
};

impl Workspaces {
    /// The last `most` bytes of all that a workspace wrote.
    pub(crate) async fn logs(
        &self,
        id: &WorkspaceId,
        most: Option<u64>,
    ) -> Result<Vec<u8>, RuntimeError> {
        let mut output = self.saved(id, most)?;
        if let Found::Ours(pod) = self.cluster.find(id).await? {
            self.collect(id, &pod, &mut output).await?;
        }
        Ok(output.into_bytes())
    }

    /// Keeps what the Pod wrote, because it is about to go. What its node does not give any more is lost.
    pub(crate) async fn save_log(&self, id: &WorkspaceId, pod: &Pod) -> Result<(), RuntimeError> {
        let mut output = self.saved(id, None)?;
        match self.collect(id, pod, &mut output).await {
            Ok(()) => {}
            Err(error) if error.kind() == RuntimeErrorKind::Unavailable => {
                tracing::warn!(workspace = %id, %error, "the output of its last run is lost");
            }
            Err(error) => return Err(error),
        }
        let bytes = output.into_bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        tokio::task::block_in_place(|| self.file(id).save(&bytes))
            .map_err(|error| io_error(id, "keep", error))
    }

    async fn collect(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
        output: &mut Tail,
    ) -> Result<(), RuntimeError> {
        if state::of(pod) == Life::Pending {
            return Ok(());
        }
        let (api, name) = (self.cluster.pods().await?, self.cluster.name(id));
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            ..LogParams::default()
        };
        let asked = api.log_stream(&name, &params);
        match self
            .cluster
            .try_to(Some(id), action::READ_LOG, asked)
            .await?
        {
            Ok(stream) => read(stream, output)
                .await
                .map_err(|error| error::away(Some(id), action::READ_LOG.what, &error.to_string())),
            // It has no container yet, or none any more.
            Err(error) if matches!(error::code(&error), Some(400 | 404)) => Ok(()),
            Err(error) => Err(self
                .cluster
                .failed(Some(id), action::READ_LOG, &error)
                .await),
        }
    }

    fn saved(&self, id: &WorkspaceId, most: Option<u64>) -> Result<Tail, RuntimeError> {
        tokio::task::block_in_place(|| self.file(id).read(most))
            .map_err(|error| io_error(id, "read", error))
    }

    fn file(&self, id: &WorkspaceId) -> SavedOutput {
        SavedOutput::at(self.cluster.directory(id).join("output.log"))
    }
}

async fn read(stream: impl AsyncBufRead, output: &mut Tail) -> io::Result<()> {
    let mut stream = std::pin::pin!(stream);
    let mut piece = [0; 16 * 1024];
    loop {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        output.push(&piece[..length]);
    }
}

fn io_error(id: &WorkspaceId, what: &str, error: io::Error) -> RuntimeError {
    RuntimeError::io(id.as_str(), format!("cannot {what} its output"), error)
}
