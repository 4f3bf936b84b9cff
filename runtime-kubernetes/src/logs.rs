//! What a workspace wrote: in its Pod, and in those that it had before.

use std::io;

use futures_util::{AsyncReadExt as _, io::AsyncBufRead, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use provisionhook_host::{
    runtime::{OutputStream, RuntimeError, RuntimeErrorKind, SavedOutput, Tail},
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

/// The most that is read at once, in bytes.
const PIECE: usize = 16 * 1024;

impl Workspaces {
    /// The last `most` bytes of all that a workspace wrote.
    pub(crate) async fn logs(
        &self,
        id: &WorkspaceId,
        most: Option<u64>,
    ) -> Result<Vec<u8>, RuntimeError> {
        let mut output = self.saved(id, most)?;
        if let Found::Ours(pod) = self.cluster.find(id).await?
            && !self.is_saved(id, &pod)?
        {
            self.collect(id, &pod, &mut output).await?;
        }
        Ok(output.into_bytes())
    }

    /// The last `tail` bytes of all that a workspace wrote, and what it goes on to write in this Pod.
    pub(crate) async fn follow(
        &self,
        id: &WorkspaceId,
        tail: u64,
    ) -> Result<OutputStream, RuntimeError> {
        let Found::Ours(pod) = self.cluster.find(id).await? else {
            return Err(RuntimeError::absent(id, "a Pod"));
        };
        if self.is_saved(id, &pod)? {
            return tokio::task::block_in_place(|| {
                self.file(id).followed_by(stream::empty(), 0, tail)
            })
            .map_err(|error| io_error(id, "read", error));
        }
        // The API server counts lines, so what was written before is counted here first.
        let mut written = 0;
        self.pieces(id, &pod, |piece| written += piece.len() as u64)
            .await?;
        let output = self.open(id, true).await?.map(Box::pin);
        let of = id.clone();
        let pieces = stream::unfold(output, move |output| {
            let id = of.clone();
            async move {
                let mut output = output?;
                let mut piece = vec![0; PIECE];
                match output.read(&mut piece).await {
                    Ok(0) => None,
                    Ok(length) => {
                        piece.truncate(length);
                        Some((Ok(piece), Some(output)))
                    }
                    Err(error) => Some((Err(unread(&id, &error)), None)),
                }
            }
        });
        tokio::task::block_in_place(|| self.file(id).followed_by(pieces, written, tail))
            .map_err(|error| io_error(id, "read", error))
    }

    /// Keeps what the Pod wrote, because it is about to go, unless that was done already. What its node does not give any more is lost.
    pub(crate) async fn save_log(&self, id: &WorkspaceId, pod: &Pod) -> Result<(), RuntimeError> {
        if self.is_saved(id, pod)? {
            return Ok(());
        }
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
        tokio::task::block_in_place(|| self.file(id).save(run(pod), &bytes))
            .map_err(|error| io_error(id, "keep", error))
    }

    /// Whether the output of this Pod is among what is kept.
    fn is_saved(&self, id: &WorkspaceId, pod: &Pod) -> Result<bool, RuntimeError> {
        tokio::task::block_in_place(|| self.file(id).has(run(pod)))
            .map_err(|error| io_error(id, "read", error))
    }

    async fn collect(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
        output: &mut Tail,
    ) -> Result<(), RuntimeError> {
        self.pieces(id, pod, |piece| output.push(piece)).await
    }

    /// What the Pod wrote so far.
    async fn pieces(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), RuntimeError> {
        if state::of(pod) == Life::Pending {
            return Ok(());
        }
        let Some(output) = self.open(id, false).await? else {
            return Ok(());
        };
        let mut output = std::pin::pin!(output);
        let mut piece = vec![0; PIECE];
        loop {
            let read = output.read(&mut piece).await;
            match read.map_err(|error| unread(id, &error))? {
                0 => return Ok(()),
                length => each(&piece[..length]),
            }
        }
    }

    /// The output of its container, if it has one.
    async fn open(
        &self,
        id: &WorkspaceId,
        follow: bool,
    ) -> Result<Option<impl AsyncBufRead + use<>>, RuntimeError> {
        let (api, name) = (self.cluster.pods().await?, self.cluster.name(id));
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            follow,
            ..LogParams::default()
        };
        let asked = api.log_stream(&name, &params);
        match self
            .cluster
            .try_to(Some(id), action::READ_LOG, asked)
            .await?
        {
            Ok(output) => Ok(Some(output)),
            // It has no container yet, or none any more.
            Err(error) if matches!(error::code(&error), Some(400 | 404)) => Ok(None),
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

/// Pods of one workspace have the same name, and each a UID of its own.
fn run(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

fn unread(id: &WorkspaceId, error: &io::Error) -> RuntimeError {
    error::away(Some(id), action::READ_LOG.what, &error.to_string())
}

fn io_error(id: &WorkspaceId, what: &str, error: io::Error) -> RuntimeError {
    RuntimeError::io(id.as_str(), format!("cannot {what} its output"), error)
}
