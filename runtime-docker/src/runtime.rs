//! [`DockerRuntime`]: the runtime's interface over the daemon.

mod start;

use std::{sync::Arc, time::Duration};

use bollard::query_parameters::StopContainerOptionsBuilder;
use provisionhook_host::{
    container::Container,
    files::{ContributedFile, FilePath},
    runtime::{
        Exited, OutputStream, Runtime, RuntimeError, RuntimeErrorKind, RuntimeFuture, RuntimeState,
        StartSpec, Turns,
    },
    workspace_id::WorkspaceId,
};

use crate::{
    engine::{Engine, Found},
    error,
    events::Events,
    files::{self, HOME, Places},
    settings::Settings,
};

/// Workspaces in containers of one daemon. Must be made and used inside a tokio runtime. A clone is the same one.
#[derive(Clone)]
pub struct DockerRuntime {
    engine: Arc<Engine>,
    events: Events,
    /// Held while a workspace is started, stopped, cleared or removed: what is to end it waits until there is something to end, or a start
    /// that was given up has come to nothing.
    starting: Arc<Turns>,
}

impl DockerRuntime {
    /// A runtime over these settings. Asks nothing of the daemon yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let engine = Arc::new(Engine::new(settings));
        Self {
            events: Events::follow(Arc::clone(&engine)),
            engine,
            starting: Arc::default(),
        }
    }

    async fn stop(&self, id: &WorkspaceId, grace: Duration) -> Result<(), RuntimeError> {
        let engine = &self.engine;
        match self.engine.state(id).await? {
            RuntimeState::Absent | RuntimeState::Exited(_) => return Ok(()),
            // It may tidy up, and Podman refuses to stop what is paused. It may have ended meanwhile.
            RuntimeState::Running { paused: true, .. } => match self.set_paused(id, false).await {
                Err(error) if error.kind() != RuntimeErrorKind::NotRunning => return Err(error),
                Ok(()) | Err(_) => {}
            },
            RuntimeState::Running { paused: false, .. } => {}
        }
        let docker = engine.for_workspace(id, "stop it").await?;
        let seconds = i32::try_from(grace.as_secs() + u64::from(grace.subsec_nanos() > 0));
        let options = StopContainerOptionsBuilder::new()
            .t(seconds.unwrap_or(i32::MAX))
            .build();
        match docker.stop_container(&engine.name(id), Some(options)).await {
            Ok(()) => {}
            // It ended by itself meanwhile.
            Err(error) if matches!(error::status(&error), Some(304 | 404)) => {}
            // The daemon goes on stopping it, however long the grace is.
            Err(bollard::errors::Error::RequestTimeoutError) => {}
            Err(error) => return Err(engine.failed(Some(id), "stop it", &error)),
        }
        self.until_ended(id).await
    }

    /// Pauses a workspace, or lets it go on.
    async fn set_paused(&self, id: &WorkspaceId, wanted: bool) -> Result<(), RuntimeError> {
        let (engine, what) = (&self.engine, if wanted { "pause" } else { "resume" });
        let docker = engine.for_workspace(id, what).await?;
        let name = engine.name(id);
        let changed = match self.engine.state(id).await? {
            RuntimeState::Running { paused, .. } if paused == wanted => return Ok(()),
            RuntimeState::Running { .. } if wanted => docker.pause_container(&name).await,
            RuntimeState::Running { .. } => docker.unpause_container(&name).await,
            RuntimeState::Absent | RuntimeState::Exited(_) => {
                return Err(RuntimeError::not_running(id, what));
            }
        };
        let Err(error) = changed else { return Ok(()) };
        // Somebody else may have done so at the same time, or it has ended.
        match self.engine.state(id).await? {
            RuntimeState::Running { paused, .. } if paused == wanted => Ok(()),
            RuntimeState::Running { .. } => Err(engine.failed(Some(id), what, &error)),
            RuntimeState::Absent | RuntimeState::Exited(_) => {
                Err(RuntimeError::not_running(id, what))
            }
        }
    }

    async fn list(&self) -> Result<Vec<(WorkspaceId, RuntimeState)>, RuntimeError> {
        let mut found = Vec::new();
        for id in self.engine.containers().await? {
            match self.engine.state(&id).await? {
                RuntimeState::Absent => {}
                state @ (RuntimeState::Running { .. } | RuntimeState::Exited(_)) => {
                    found.push((id, state))
                }
            }
        }
        found.sort_by(|one, two| one.0.cmp(&two.0));
        Ok(found)
    }

    async fn remains(&self) -> Result<Vec<WorkspaceId>, RuntimeError> {
        let mut found = self.engine.containers().await?;
        found.extend(tokio::task::block_in_place(|| {
            files::remains(&self.engine.settings)
        })?);
        Ok(found)
    }

    async fn wait(&self, id: &WorkspaceId) -> Result<Exited, RuntimeError> {
        let mut events = self.events.clone();
        loop {
            match self.exited(id).await {
                Ok(Some(exited)) => return Ok(exited),
                Ok(None) => {}
                // The subscription tells when the daemon is back.
                Err(error) if error.kind() == RuntimeErrorKind::Unavailable => {}
                Err(error) => return Err(error),
            }
            events.next().await;
        }
    }

    /// Waits until a workspace has ended or is gone, as long as the daemon is there.
    async fn until_ended(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        let mut events = self.events.clone();
        loop {
            match self.exited(id).await {
                Ok(None) => events.next().await,
                Err(error) if error.kind() != RuntimeErrorKind::NotFound => return Err(error),
                Ok(Some(_)) | Err(_) => return Ok(()),
            }
        }
    }

    /// How a workspace has ended, if it has.
    async fn exited(&self, id: &WorkspaceId) -> Result<Option<Exited>, RuntimeError> {
        match self.engine.state(id).await? {
            RuntimeState::Exited(exited) => Ok(Some(exited)),
            RuntimeState::Running { .. } => Ok(None),
            RuntimeState::Absent => Err(RuntimeError::absent(id, "a container")),
        }
    }

    /// Makes sure that nothing of the workspace runs.
    async fn ended(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        if matches!(self.engine.state(id).await?, RuntimeState::Running { .. }) {
            return Err(RuntimeError::still_running(id));
        }
        Ok(())
    }

    async fn clear(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        self.ended(id).await?;
        match self.engine.find(id).await? {
            Found::Ours(container) => {
                self.engine.save_log(id, &container).await?;
                self.engine.remove(id).await?;
            }
            Found::Created => self.engine.remove(id).await?,
            Found::Nothing | Found::Stranger => {}
        }
        tokio::task::block_in_place(|| self.places(id).clear())
    }

    async fn remove(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        self.ended(id).await?;
        match self.engine.find(id).await? {
            Found::Ours(_) | Found::Created => self.engine.remove(id).await?,
            Found::Nothing | Found::Stranger => {}
        }
        tokio::task::block_in_place(|| self.places(id).delete())
    }

    fn places<'a>(&'a self, id: &'a WorkspaceId) -> Places<'a> {
        Places::new(&self.engine.settings, id)
    }
}

impl Runtime for DockerRuntime {
    fn refusal(&self, container: Option<&Container>) -> Option<String> {
        self.engine.settings.refusal(container)
    }

    fn start<'a>(&'a self, spec: &'a StartSpec) -> RuntimeFuture<'a, ()> {
        Box::pin(self.start_whole(spec))
    }

    fn stop<'a>(&'a self, id: &'a WorkspaceId, grace: Duration) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            let _turn = self.starting.of(id).await;
            self.stop(id, grace).await
        })
    }

    fn pause<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(self.set_paused(id, true))
    }

    fn resume<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(self.set_paused(id, false))
    }

    fn home(&self, _: &WorkspaceId) -> Option<String> {
        Some(HOME.to_owned())
    }

    fn state<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, RuntimeState> {
        Box::pin(self.engine.state(id))
    }

    fn list(&self) -> RuntimeFuture<'_, Vec<(WorkspaceId, RuntimeState)>> {
        Box::pin(self.list())
    }

    fn remains(&self) -> RuntimeFuture<'_, Vec<WorkspaceId>> {
        Box::pin(self.remains())
    }

    fn follow<'a>(&'a self, id: &'a WorkspaceId, tail: u64) -> RuntimeFuture<'a, OutputStream> {
        Box::pin(Arc::clone(&self.engine).follow(id.clone(), tail))
    }

    fn logs<'a>(&'a self, id: &'a WorkspaceId, tail: Option<u64>) -> RuntimeFuture<'a, Vec<u8>> {
        Box::pin(self.engine.logs(id, tail))
    }

    fn wait<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, Exited> {
        Box::pin(self.wait(id))
    }

    fn clear<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            let _turn = self.starting.of(id).await;
            self.clear(id).await
        })
    }

    fn put_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        files: Arc<[ContributedFile]>,
    ) -> RuntimeFuture<'a, Vec<FilePath>> {
        Box::pin(async move { tokio::task::block_in_place(|| self.places(id).put(&files)) })
    }

    fn remove_files<'a>(
        &'a self,
        id: &'a WorkspaceId,
        paths: Vec<FilePath>,
    ) -> RuntimeFuture<'a, ()> {
        Box::pin(async move { tokio::task::block_in_place(|| self.places(id).remove(&paths)) })
    }

    fn remove<'a>(&'a self, id: &'a WorkspaceId) -> RuntimeFuture<'a, ()> {
        Box::pin(async move {
            let _turn = self.starting.of(id).await;
            self.remove(id).await
        })
    }
}
