//! [`KubernetesRuntime`]: the runtime's interface over the namespace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use provisionhook_host::{
    container::Container,
    files::{ContributedFile, FilePath},
    runtime::{
        Exited, OutputStream, Runtime, RuntimeError, RuntimeErrorKind, RuntimeFuture, RuntimeState,
        StartSpec,
    },
    workspace_id::WorkspaceId,
};

use crate::{
    action,
    cluster::{Cluster, Found},
    names,
    pod::HOME,
    settings::Settings,
    start::Workspaces,
    state::{self, Life},
    watch::Pods,
};

/// Workspaces in Pods of one namespace. Must be made and used inside a tokio runtime with more than one thread.
pub struct KubernetesRuntime {
    workspaces: Arc<Workspaces>,
}

impl KubernetesRuntime {
    /// A runtime over these settings. Waits for no answer of the API server.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let cluster = Arc::new(Cluster::new(settings));
        let pods = Pods::follow(Arc::clone(&cluster));
        Self {
            workspaces: Arc::new(Workspaces { cluster, pods }),
        }
    }

    fn cluster(&self) -> &Cluster {
        &self.workspaces.cluster
    }

    /// In a task of its own: whoever asked may give up, and nothing half-made is to stay behind.
    async fn start(&self, spec: &StartSpec) -> Result<(), RuntimeError> {
        let workspaces = Arc::clone(&self.workspaces);
        let order = tokio::task::block_in_place(|| workspaces.order(spec))?;
        match tokio::spawn(async move { workspaces.start(order).await }).await {
            Ok(started) => started,
            Err(_) => Err(RuntimeError::new(
                spec.id(),
                RuntimeErrorKind::Engine,
                "expected its start to come to an end, found that the platform is ending: start it again",
            )),
        }
    }

    async fn state(&self, id: &WorkspaceId) -> Result<RuntimeState, RuntimeError> {
        let Found::Ours(pod) = self.cluster().find(id).await? else {
            return Ok(RuntimeState::Absent);
        };
        // Without its environment it will never begin.
        if state::of(&pod) == Life::Pending && !self.cluster().has_secrets(id, &pod).await? {
            return Ok(RuntimeState::Absent);
        }
        Ok(state::runtime_state(&pod))
    }

    /// The Pods of this platform, by workspace.
    async fn listed(&self) -> Result<BTreeMap<WorkspaceId, Pod>, RuntimeError> {
        let (cluster, platform) = (self.cluster(), &self.cluster().settings.platform);
        let api = cluster.pods().await?;
        let ours = ListParams::default().labels(&names::selector(platform));
        let listed = cluster
            .ask(None, action::LIST_PODS, api.list(&ours))
            .await?;
        let ours = listed.items.into_iter().filter_map(|pod| {
            let id = names::workspace(platform, &pod.metadata)?;
            // Anybody may copy the labels.
            (pod.metadata.name.as_deref() == Some(&cluster.name(&id))).then_some((id, pod))
        });
        Ok(ours.collect())
    }

    async fn list(&self) -> Result<Vec<(WorkspaceId, RuntimeState)>, RuntimeError> {
        let mut found = Vec::new();
        for (id, pod) in self.listed().await? {
            if state::of(&pod) != Life::Pending || self.cluster().has_secrets(&id, &pod).await? {
                found.push((id, state::runtime_state(&pod)));
            }
        }
        Ok(found)
    }

    async fn remains(&self) -> Result<Vec<WorkspaceId>, RuntimeError> {
        let pods = self.listed().await?.into_keys();
        let kept = tokio::task::block_in_place(|| self.kept());
        let all: BTreeSet<_> = pods.chain(kept).collect();
        Ok(all.into_iter().collect())
    }

    /// The workspaces of which something is kept on this machine. Blocks.
    fn kept(&self) -> Vec<WorkspaceId> {
        let entries = std::fs::read_dir(&self.cluster().settings.root);
        let names = entries.into_iter().flatten().flatten();
        names
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }
}

impl Runtime for KubernetesRuntime {
    fn refusal(&self, container: Option<&Container>) -> Option<String> {
        self.cluster().settings.refusal(container)
    }

    fn start<'a>(&'a self, spec: &'a StartSpec) -> RuntimeFuture<'a, ()> {
        Box::pin(self.start(spec))
    }

    /// The time between TERM and KILL is the Pod's, not `grace`: nobody can change it while the Pod runs.
    fn stop<'a>(&'a self, id: &'a WorkspaceId, _grace: Duration) -> RuntimeFuture<'a, ()> {
        Box::pin(self.workspaces.stop(id))
    }

    fn pause<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { Err(cannot_pause(id)) })
    }

    fn resume<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { Err(cannot_pause(id)) })
    }

    fn home(&self, _: &WorkspaceId) -> Option<String> {
        Some(HOME.to_owned())
    }

    fn state<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, RuntimeState> {
        Box::pin(self.state(id))
    }

    fn list(&self) -> RuntimeFuture<'_, Vec<(WorkspaceId, RuntimeState)>> {
        Box::pin(self.list())
    }

    fn remains(&self) -> RuntimeFuture<'_, Vec<WorkspaceId>> {
        Box::pin(self.remains())
    }

    fn follow<'a>(&'a self, id: &'a WorkspaceId, tail: u64) -> RuntimeFuture<'a, OutputStream> {
        Box::pin(self.workspaces.follow(id, tail))
    }

    fn logs<'a>(&'a self, id: &'a WorkspaceId, tail: Option<u64>) -> RuntimeFuture<'a, Vec<u8>> {
        Box::pin(self.workspaces.logs(id, tail))
    }

    fn wait<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, Exited> {
        Box::pin(self.workspaces.wait(id))
    }

    fn clear<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(self.workspaces.clear(id))
    }

    fn put_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        files: Arc<[ContributedFile]>,
    ) -> RuntimeFuture<'a, Vec<FilePath>> {
        Box::pin(async move { self.cluster().put_files(id, &files).await })
    }

    fn remove_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        paths: Vec<FilePath>,
    ) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { self.cluster().remove_files(id, &paths).await })
    }

    fn remove<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(self.workspaces.remove(id))
    }
}

fn cannot_pause(id: &WorkspaceId) -> RuntimeError {
    let message = "expected a runtime that can pause, found Kubernetes, where no Pod stands still: stop the workspace, and start it again";
    RuntimeError::new(id, RuntimeErrorKind::Unsupported, message)
}
