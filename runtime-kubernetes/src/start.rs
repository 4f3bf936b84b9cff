//! From nothing to a command that has been executed, or back to nothing.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, PostParams, Preconditions};
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, StartSpec},
    workspace_id::WorkspaceId,
};
use tokio::time::Instant;

use crate::{
    action,
    cluster::{Cluster, Found},
    error,
    files::Links,
    names, pod,
    progress::{self, Progress},
    secrets,
    state::{self, Life},
    watch::Pods,
};

/// How long a Pod may take to be gone, beyond its grace.
const GONE: Duration = Duration::from_secs(60);

/// The Pods of a namespace: what is done with them, and what is heard of them.
pub(crate) struct Workspaces {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) pods: Pods,
}

/// All that is made for a workspace.
pub(crate) struct Order {
    id: WorkspaceId,
    pod: Pod,
    secrets: Vec<Secret>,
    links: Links,
}

impl Workspaces {
    /// What is to be made for this specification. Blocks.
    pub(crate) fn order(&self, spec: &StartSpec) -> Result<Order, RuntimeError> {
        let (id, settings) = (spec.id(), &self.cluster.settings);
        let invalid = |message: &str| RuntimeError::new(id, RuntimeErrorKind::Invalid, message);
        if let Some(refusal) = names::refusal(id) {
            return Err(invalid(refusal));
        }
        spec.check_in_container()?;
        let container = spec.container();
        let image = container.and_then(|container| container.image.as_deref());
        let Some(image) = image.or(settings.image.as_deref()) else {
            return Err(invalid(
                "expected an image, found none: name one, or configure a default",
            ));
        };
        let before = Links::read(&self.cluster.directory(id)).map_err(|error| {
            RuntimeError::io(id.as_str(), "cannot read which links its home has", error)
        })?;
        Ok(Order {
            id: id.clone(),
            pod: pod::pod(settings, spec, image, &before),
            secrets: secrets::all(&self.cluster, spec)?,
            links: Links::to(spec.files()),
        })
    }

    /// Makes it, unless it is there, and returns when the command has been executed.
    pub(crate) async fn start(&self, order: Order) -> Result<(), RuntimeError> {
        let (cluster, id) = (&self.cluster, &order.id);
        let deadline = Instant::now() + cluster.settings.start_timeout;
        let created = loop {
            if let Some(there) = self.make_room(id).await? {
                return match there {
                    Life::Running(_) | Life::Ended(_) => Ok(()),
                    Life::Pending => self.begun(id, deadline).await,
                };
            }
            // First of all, so that whatever is left of this workspace is found by its directory.
            self.note_links(&order)?;
            cluster.ensure_claim(id, deadline).await?;
            let (api, params) = (cluster.pods().await?, PostParams::default());
            let made = api.create(&params, &order.pod);
            match cluster.try_to(Some(id), action::CREATE_POD, made).await? {
                Ok(pod) => break pod,
                // Somebody was quicker: another start of this platform, or a stranger.
                Err(error) if error::is_conflict(&error) && Instant::now() < deadline => {}
                Err(error) => {
                    return Err(cluster.failed(Some(id), action::CREATE_POD, &error).await);
                }
            }
        };
        if let Err(error) = cluster.create_secrets(id, &created, order.secrets).await {
            self.discard_or_tell(id, &created).await;
            return Err(error);
        }
        self.begun_or_discarded(id, &created, deadline).await
    }

    fn note_links(&self, order: &Order) -> Result<(), RuntimeError> {
        let directory = self.cluster.directory(&order.id);
        let written = tokio::task::block_in_place(|| order.links.write(&directory));
        written.map_err(|error| {
            RuntimeError::io(
                order.id.as_str(),
                "cannot write down which links its home has",
                error,
            )
        })
    }

    /// What there is of the workspace; what is left of a start that was broken off is removed first.
    async fn make_room(&self, id: &WorkspaceId) -> Result<Option<Life>, RuntimeError> {
        let pod = match self.cluster.find(id).await? {
            Found::Nothing => return Ok(None),
            Found::Stranger => return Err(self.taken(id)),
            Found::Ours(pod) => pod,
        };
        if pod.metadata.deletion_timestamp.is_some() {
            self.gone(id, &pod).await?;
            return Ok(None);
        }
        let life = state::of(&pod);
        if life == Life::Pending && !self.cluster.has_secrets(id, &pod).await? {
            self.delete(id, &pod).await?;
            return Ok(None);
        }
        Ok(Some(life))
    }

    fn taken(&self, id: &WorkspaceId) -> RuntimeError {
        let message = format!(
            "expected the name {} to be free, found a Pod that is not this platform's: delete it, or give the workspace another id",
            self.cluster.name(id)
        );
        RuntimeError::new(id, RuntimeErrorKind::Obstructed, message)
    }

    /// Waits for a Pod that somebody else has made for this workspace.
    async fn begun(&self, id: &WorkspaceId, deadline: Instant) -> Result<(), RuntimeError> {
        match self.cluster.find(id).await? {
            Found::Ours(pod) => self.begun_or_discarded(id, &pod, deadline).await,
            Found::Nothing | Found::Stranger => Err(lost(id)),
        }
    }

    async fn begun_or_discarded(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
        deadline: Instant,
    ) -> Result<(), RuntimeError> {
        let mut waits = (
            RuntimeErrorKind::Unavailable,
            "expected the API server to tell of the Pod, found nothing heard: look at the cluster"
                .to_owned(),
        );
        let look = |pod: Option<&Pod>| match pod.map(progress::of) {
            None => Some(Err(lost(id))),
            Some(Progress::Begun) => Some(Ok(())),
            Some(Progress::Hopeless(kind, message)) => {
                Some(Err(RuntimeError::new(id, kind, message)))
            }
            Some(Progress::Waits(kind, message)) => {
                waits = (kind, message);
                None
            }
        };
        let begun = self.pods.until(id, pod, Some(deadline), look).await?;
        let begun = begun.unwrap_or_else(|| Err(RuntimeError::new(id, waits.0, waits.1)));
        if begun.is_err() {
            self.discard_or_tell(id, pod).await;
        }
        begun
    }

    /// Nothing half-made stays behind; if it cannot be removed now, the next start or the removal of the workspace does it.
    async fn discard_or_tell(&self, id: &WorkspaceId, pod: &Pod) {
        if let Err(error) = self.delete(id, pod).await {
            tracing::warn!(workspace = %id, %error, "a Pod that did not begin is left over");
        }
    }

    /// Deletes this very Pod, in which nothing runs, with its Secrets, and returns when it is gone. At once: there is nothing that needs a
    /// grace, and a kubelet may take a minute to confirm the end of what it never had.
    pub(crate) async fn delete(&self, id: &WorkspaceId, pod: &Pod) -> Result<(), RuntimeError> {
        let cluster = &self.cluster;
        // First, so that a platform that is killed in between leaves no Secret without its Pod.
        cluster.delete_secrets(id, pod).await?;
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: pod.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let (api, name) = (cluster.pods().await?, cluster.name(id));
        let deleted = cluster.try_to(Some(id), action::DELETE_POD, api.delete(&name, &params));
        match deleted.await? {
            Ok(_) => {}
            // Gone already, or another one by now.
            Err(error) if error::is_missing(&error) || error::is_conflict(&error) => {}
            Err(error) => return Err(cluster.failed(Some(id), action::DELETE_POD, &error).await),
        }
        self.gone(id, pod).await
    }

    /// Waits until this Pod is gone.
    async fn gone(&self, id: &WorkspaceId, pod: &Pod) -> Result<(), RuntimeError> {
        let deadline = Instant::now() + self.cluster.settings.stop_grace + GONE;
        let look = |pod: Option<&Pod>| pod.is_none().then_some(());
        match self.pods.until(id, pod, Some(deadline), look).await? {
            Some(()) => Ok(()),
            None => Err(RuntimeError::new(
                id,
                RuntimeErrorKind::Unavailable,
                "expected its Pod to be gone, found that its node has not confirmed it: look at the node, and try again",
            )),
        }
    }
}

fn lost(id: &WorkspaceId) -> RuntimeError {
    let message = "expected its Pod, found that somebody has deleted it: start it again";
    RuntimeError::new(id, RuntimeErrorKind::Engine, message)
}
