//! The image of a workspace: there, or pulled.

use std::{sync::Arc, time::Duration};

use bollard::{Docker, query_parameters::CreateImageOptionsBuilder};
use futures_util::StreamExt as _;
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, quoted},
    workspace_id::WorkspaceId,
};
use tokio::time::timeout;

use crate::{engine::Engine, error, settings::PullPolicy};

/// How long a pull may take, whether anybody still waits for it or not.
const PULLED_WITHIN: Duration = Duration::from_secs(30 * 60);

impl Engine {
    /// Sees that the daemon has the image, and gives the variables that it sets.
    pub(crate) async fn image_env(
        self: &Arc<Self>,
        docker: &Docker,
        id: &WorkspaceId,
        image: &str,
    ) -> Result<Vec<String>, RuntimeError> {
        if self.settings.pull == PullPolicy::Always {
            self.pull(docker, id, image).await?;
        }
        if let Some(env) = self.look(docker, id, image).await? {
            return Ok(env);
        }
        if self.settings.pull == PullPolicy::Never {
            return Err(missing(
                id,
                image,
                "the platform pulls none; load it into the daemon, or set `docker.pull`",
            ));
        }
        self.pull(docker, id, image).await?;
        let env = self.look(docker, id, image).await?;
        env.ok_or_else(|| missing(id, image, "it is gone again after it was pulled; try again"))
    }

    /// None if the daemon does not have it.
    async fn look(
        &self,
        docker: &Docker,
        id: &WorkspaceId,
        image: &str,
    ) -> Result<Option<Vec<String>>, RuntimeError> {
        match docker.inspect_image(image).await {
            Ok(found) => {
                let env = found.config.and_then(|config| config.env);
                Ok(Some(env.unwrap_or_default()))
            }
            Err(error) if error::status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failed(Some(id), "look for its image", &error)),
        }
    }

    /// In a task of its own: a start that took too long is given up, and finds the image when it is tried again.
    async fn pull(
        self: &Arc<Self>,
        docker: &Docker,
        id: &WorkspaceId,
        image: &str,
    ) -> Result<(), RuntimeError> {
        let (engine, docker) = (Arc::clone(self), docker.clone());
        let (of, name) = (id.clone(), image.to_owned());
        let pull = async move {
            match timeout(PULLED_WITHIN, engine.pull_whole(&docker, &of, &name)).await {
                Ok(pulled) => pulled,
                Err(_) => {
                    let found = "it is not pulled after 30 minutes; look at the registry";
                    Err(missing(&of, &name, found))
                }
            }
        };
        tokio::spawn(pull).await.unwrap_or_else(|error| {
            let message = "the pull of its image was broken off: try again";
            Err(RuntimeError::io(id.as_str(), message, error.into()))
        })
    }

    async fn pull_whole(
        &self,
        docker: &Docker,
        id: &WorkspaceId,
        image: &str,
    ) -> Result<(), RuntimeError> {
        let tagged = image.contains('@')
            || image
                .rsplit('/')
                .next()
                .is_some_and(|name| name.contains(':'));
        // Without a tag the daemon would pull all that there are.
        let from = if tagged {
            image.to_owned()
        } else {
            format!("{image}:latest")
        };
        tracing::info!(workspace = %id, image, "pulling the image");
        let options = CreateImageOptionsBuilder::new().from_image(&from).build();
        let mut progress = docker.create_image(Some(options), None, None);
        while let Some(step) = progress.next().await {
            if let Err(error) = step {
                return Err(match error::status(&error) {
                    _ if error::is_full(&error) => self.failed(Some(id), "pull its image", &error),
                    None if !matches!(error, bollard::errors::Error::DockerStreamError { .. }) => {
                        self.failed(Some(id), "pull its image", &error)
                    }
                    _ => {
                        let found = quoted(&error.to_string());
                        missing(
                            id,
                            image,
                            &format!(
                                "it cannot be pulled: {found}; correct its name, or let the daemon log in to the registry"
                            ),
                        )
                    }
                });
            }
        }
        Ok(())
    }
}

fn missing(id: &WorkspaceId, image: &str, found: &str) -> RuntimeError {
    let message =
        format!("expected the image {image}, found that the daemon does not have it and {found}");
    RuntimeError::new(id, RuntimeErrorKind::Image, message)
}
