//! From a command that runs to nothing: its end, and what is forgotten of it.
//!
//! A Pod that is told to stop is not deleted, because it is the record of how its command ended, and the kubelet forgets the output of a
//! Pod that is. Its active deadline is set to the past instead: the kubelet then ends the command as it would for a deletion.

use std::{fs, io, time::Duration};

use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use provisionhook_host::{
    runtime::{Exited, RuntimeError, RuntimeErrorKind},
    workspace_id::WorkspaceId,
};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    cluster::Found,
    names,
    progress::{self, Progress},
    start::Workspaces,
    state::{self, Life},
};

/// How long a node may take to report the end of a command that was killed.
const REPORT: Duration = Duration::from_secs(15);

impl Workspaces {
    /// Ends what runs. What has not begun is deleted.
    pub(crate) async fn stop(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        let Found::Ours(pod) = self.cluster.find(id).await? else {
            return Ok(());
        };
        match state::of(&pod) {
            Life::Ended(_) => return Ok(()),
            Life::Pending => {
                self.delete(id, &pod).await?;
                return self.end_what_began_meanwhile(id).await;
            }
            Life::Running(_) => self.tell_to_end(id, &pod).await?,
        }
        self.ended(id, &pod).await
    }

    /// A start that goes on elsewhere may have been quicker.
    async fn end_what_began_meanwhile(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        match self.cluster.find(id).await? {
            Found::Ours(pod) if pod.metadata.deletion_timestamp.is_none() => {
                self.tell_to_end(id, &pod).await?;
                self.ended(id, &pod).await
            }
            Found::Ours(_) | Found::Nothing | Found::Stranger => Ok(()),
        }
    }

    async fn tell_to_end(&self, id: &WorkspaceId, pod: &Pod) -> Result<(), RuntimeError> {
        let annotations = pod.metadata.annotations.as_ref();
        let told = annotations.is_some_and(|annotations| annotations.contains_key(names::ENDS_BY));
        if told || pod.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let patience = i64::try_from((grace(pod) + REPORT).as_millis()).unwrap_or(i64::MAX);
        let by = Timestamp::now().as_millisecond().saturating_add(patience);
        let change = json!({
            "metadata": {"annotations": {names::ENDS_BY: by.to_string()}},
            "spec": {"activeDeadlineSeconds": 1},
        });
        self.cluster.patch_pod(id, pod, change).await.map(drop)
    }

    async fn ended(&self, id: &WorkspaceId, pod: &Pod) -> Result<(), RuntimeError> {
        // Longer than the Pod itself says, so that a node that does not report counts as an end.
        let deadline = Instant::now() + grace(pod) + REPORT * 2;
        let look = |pod: Option<&Pod>| match pod.map(state::of) {
            None | Some(Life::Ended(_)) => Some(()),
            Some(Life::Pending | Life::Running(_)) => None,
        };
        match self.pods.until(id, pod, Some(deadline), look).await? {
            Some(()) => Ok(()),
            None => Err(RuntimeError::new(
                id,
                RuntimeErrorKind::Unavailable,
                "expected its node to end the command, found that it has reported nothing: look at the node, and try again",
            )),
        }
    }

    /// Waits for the end.
    pub(crate) async fn wait(&self, id: &WorkspaceId) -> Result<Exited, RuntimeError> {
        let pod = loop {
            match self.cluster.find(id).await {
                Ok(Found::Ours(pod)) => break pod,
                Ok(Found::Nothing | Found::Stranger) => {
                    return Err(RuntimeError::absent(id, "a Pod"));
                }
                Err(error) if error.kind() == RuntimeErrorKind::Unavailable => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error),
            }
        };
        let look = |pod: Option<&Pod>| match pod {
            // Somebody has deleted it, or its node is gone.
            None => Some(Some(Exited::UNSEEN)),
            Some(pod) => match (state::of(pod), progress::of(pod)) {
                (Life::Ended(exited), _) => Some(Some(exited)),
                (Life::Pending, Progress::Hopeless(_, message)) => {
                    tracing::warn!(workspace = %id, message, "a Pod that was taken over will not begin: it is deleted");
                    Some(None)
                }
                _ => None,
            },
        };
        if let Some(exited) = self.pods.until(id, &pod, None, look).await?.flatten() {
            return Ok(exited);
        }
        // The kubelet goes on trying, and nobody would watch a command that begins after all.
        self.delete(id, &pod).await?;
        Ok(Exited::UNSEEN)
    }

    /// Forgets how a workspace ended; keeps its output, its home, and nothing secret.
    pub(crate) async fn clear(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        let Some(pod) = self.finished(id).await? else {
            return Ok(());
        };
        self.save_log(id, &pod).await?;
        self.delete(id, &pod).await
    }

    /// Deletes all there is of a workspace.
    pub(crate) async fn remove(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        if let Some(pod) = self.finished(id).await? {
            self.delete(id, &pod).await?;
        }
        self.cluster.delete_claim(id).await?;
        let directory = self.cluster.directory(id);
        match tokio::task::block_in_place(|| fs::remove_dir_all(directory)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RuntimeError::io(
                id.as_str(),
                "cannot delete what is kept of it",
                error,
            )),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The Pod of a workspace that has ended, or was never begun. None if there is none.
    async fn finished(&self, id: &WorkspaceId) -> Result<Option<Box<Pod>>, RuntimeError> {
        let Found::Ours(pod) = self.cluster.find(id).await? else {
            return Ok(None);
        };
        let runs = match state::of(&pod) {
            Life::Ended(_) => false,
            Life::Running(_) => true,
            Life::Pending => self.cluster.has_secrets(id, &pod).await?,
        };
        if runs {
            return Err(RuntimeError::still_running(id));
        }
        Ok(Some(pod))
    }
}

/// The time between TERM and KILL, which a Pod has from its creation.
fn grace(pod: &Pod) -> Duration {
    let spec = pod.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.termination_grace_period_seconds);
    Duration::from_secs(
        seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(30),
    )
}
