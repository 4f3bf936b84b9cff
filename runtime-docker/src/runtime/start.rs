//! How a workspace begins, or what has begun of it is taken back.

use std::{convert::Infallible, io, time::Duration};

use bollard::{
    Docker,
    query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions},
};
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, StartSpec},
    workspace_id::WorkspaceId,
};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::DockerRuntime;
use crate::{create, engine::Found, error};

/// Resolves when nobody waits for a start any more. Nothing is ever sent.
type GivenUp = oneshot::Receiver<Infallible>;

impl DockerRuntime {
    /// In a task of its own: the daemon goes on with a start whose caller has gone away, and somebody has to take it back.
    pub(super) async fn start_whole(&self, spec: &StartSpec) -> Result<(), RuntimeError> {
        let (runtime, spec) = (self.clone(), spec.clone());
        let id = spec.id().clone();
        // Goes with the caller.
        let (_wanted, given_up) = oneshot::channel();
        let start = async move {
            let _turn = runtime.starting.of(spec.id()).await;
            runtime.start(&spec, given_up).await
        };
        tokio::spawn(start)
            .await
            .unwrap_or_else(|error| Err(broken_off(&id, error.into())))
    }

    /// One that is given up before there is a container comes to nothing at once; what comes later is taken back.
    async fn start(&self, spec: &StartSpec, mut given_up: GivenUp) -> Result<(), RuntimeError> {
        spec.check_in_container()?;
        let (engine, id) = (&self.engine, spec.id());
        let docker = engine.for_workspace(id, "start it").await?;
        let image = tokio::select! {
            biased;
            _ = &mut given_up => return Err(broken_off(id, io::ErrorKind::Interrupted.into())),
            image = self.image(docker, spec) => image?,
        };
        let Some((image, image_env)) = image else {
            return Ok(());
        };
        let mut begun = self.begin(docker, spec, image, &image_env).await;
        if given_up.try_recv() == Err(TryRecvError::Closed) {
            begun = begun.and_then(|()| Err(broken_off(id, io::ErrorKind::Interrupted.into())));
        }
        if begun.is_err()
            && let Err(error) = self.undo(id).await
        {
            tracing::warn!(workspace = %id, %error, "what a start that failed has made is left over until the next start");
        }
        begun
    }

    /// Makes room for a container, and gives its image and what that sets. None if it has been started already.
    async fn image<'a>(
        &'a self,
        docker: &Docker,
        spec: &'a StartSpec,
    ) -> Result<Option<(&'a str, Vec<String>)>, RuntimeError> {
        let (engine, id) = (&self.engine, spec.id());
        match engine.find(id).await? {
            Found::Ours(_) => return Ok(None),
            Found::Stranger => return Err(self.taken(id)),
            // A start that was broken off.
            Found::Created => engine.remove(id).await?,
            Found::Nothing => {}
        }
        let container = spec.container();
        let image = container.and_then(|container| container.image.as_deref());
        let Some(image) = image.or(engine.settings.image.as_deref()) else {
            let message = "expected an image, found none: name one, or configure a default";
            return Err(RuntimeError::new(id, RuntimeErrorKind::Invalid, message));
        };
        let env = engine.image_env(docker, id, image).await?;
        Ok(Some((image, env)))
    }

    async fn begin(
        &self,
        docker: &Docker,
        spec: &StartSpec,
        image: &str,
        image_env: &[String],
    ) -> Result<(), RuntimeError> {
        let (engine, id) = (&self.engine, spec.id());
        tokio::task::block_in_place(|| self.places(id).prepare(spec))?;
        let body = create::body(&engine.settings, spec, image, image_env);
        let name = CreateContainerOptionsBuilder::new()
            .name(&engine.name(id))
            .build();
        match docker.create_container(Some(name), body).await {
            Ok(_) => {}
            Err(error) if error::status(&error) == Some(409) => return Err(self.taken(id)),
            Err(error) => return Err(engine.failed(Some(id), "create its container", &error)),
        }
        self.execute(docker, spec).await
    }

    /// Takes back a start that failed. The daemon may have done what it could not say any more; what is secret goes in any case.
    async fn undo(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        tokio::task::block_in_place(|| self.places(id).clear())?;
        self.stop(id, Duration::ZERO).await?;
        self.clear(id).await
    }

    /// Starts the container that was created for `spec`, and says if it is its command that is missing.
    ///
    /// The command is looked for where there is doubt, and no sooner: looking mounts a container that does not run, which Podman 4.3
    /// does not stand while many others start.
    async fn execute(&self, docker: &Docker, spec: &StartSpec) -> Result<(), RuntimeError> {
        let engine = &self.engine;
        let started = docker
            .start_container(&engine.name(spec.id()), None::<StartContainerOptions>)
            .await;
        if let Err(error) = started {
            engine.has_command(docker, spec).await?;
            return Err(engine.failed(Some(spec.id()), "start its container", &error));
        }
        // Something else stands before the command, and starts in any case.
        let stands_before = engine.settings.init || engine.settings.env_in_file;
        if stands_before {
            engine.look_for_command(docker, spec).await?;
        }
        Ok(())
    }

    fn taken(&self, id: &WorkspaceId) -> RuntimeError {
        let message = format!(
            "expected the name {} to be free, found a container that is not this platform's: remove or rename it",
            self.engine.name(id)
        );
        RuntimeError::new(id, RuntimeErrorKind::Obstructed, message)
    }
}

fn broken_off(id: &WorkspaceId, error: io::Error) -> RuntimeError {
    RuntimeError::io(id.as_str(), "the start was broken off: try again", error)
}
