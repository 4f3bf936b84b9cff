//! The connection to the daemon, and the questions that are asked of it in several places.

use std::{path::PathBuf, time::Duration};

use bollard::{
    API_DEFAULT_VERSION, Docker,
    errors::Error,
    models::{ContainerInspectResponse, ContainerStateStatusEnum},
    query_parameters::{
        InspectContainerOptions, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    },
};
use provisionhook_host::{runtime::RuntimeError, workspace_id::WorkspaceId};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

use crate::{error, names, settings::Settings};

/// How long Podman may take to tidy up after a container that has ended.
const TIDIED_UP_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The daemon. Connects when it is first needed, so that a platform starts before its daemon does.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    daemon: OnceCell<Daemon>,
}

/// A daemon that has answered.
struct Daemon {
    docker: Docker,
    /// The directory in which it keeps what it makes.
    disk: String,
}

/// What there is under the name of a workspace's container.
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// The workspace's container, which was never started.
    Created,
    /// The workspace's container.
    Ours(Box<ContainerInspectResponse>),
    /// Somebody else's.
    Stranger,
}

impl Engine {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            daemon: OnceCell::new(),
        }
    }

    pub(crate) async fn docker(&self) -> Result<&Docker, Error> {
        let connect = || async {
            let socket = self.settings.socket.to_string_lossy();
            let timeout = self.settings.timeout.as_secs();
            let docker = Docker::connect_with_unix(&socket, timeout, API_DEFAULT_VERSION)?;
            let docker = docker.negotiate_version().await?;
            let info = docker.info().await.ok();
            let disk = info.and_then(|info| info.docker_root_dir);
            let disk = disk.unwrap_or_else(|| "`docker info` names it".to_owned());
            Ok::<_, Error>(Daemon { docker, disk })
        };
        let daemon = self.daemon.get_or_try_init(connect).await?;
        Ok(&daemon.docker)
    }

    /// The same, for something that is to be done for a workspace.
    pub(crate) async fn for_workspace(
        &self,
        id: &WorkspaceId,
        what: &str,
    ) -> Result<&Docker, RuntimeError> {
        self.docker()
            .await
            .map_err(|error| self.failed(Some(id), what, &error))
    }

    /// An error of the daemon while it was to do `what`, for a workspace or for all of them.
    pub(crate) fn failed(
        &self,
        id: Option<&WorkspaceId>,
        what: &str,
        error: &Error,
    ) -> RuntimeError {
        let daemon = self.daemon.get();
        let disk = daemon.map_or("", |daemon| daemon.disk.as_str());
        error::engine(id, what, &self.settings.socket, disk, error)
    }

    pub(crate) fn name(&self, id: &WorkspaceId) -> String {
        names::container(&self.settings.platform, id)
    }

    /// Where everything of a workspace is that is not in its container.
    pub(crate) fn directory(&self, id: &WorkspaceId) -> PathBuf {
        self.settings.root.join(id.as_str())
    }

    /// The workspaces that have a container of this platform's, whatever its state.
    pub(crate) async fn containers(&self) -> Result<Vec<WorkspaceId>, RuntimeError> {
        let platform = &self.settings.platform;
        let failed = |error| self.failed(None, "list containers", &error);
        let docker = self.docker().await.map_err(failed)?;
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&names::filter(platform))
            .build();
        let list = || docker.list_containers(Some(options.clone()));
        let listed = until_readable(list).await;
        let workspaces = listed
            .map_err(failed)?
            .iter()
            .filter_map(|listed| names::workspace(platform, listed.labels.as_ref()?))
            .collect();
        Ok(workspaces)
    }

    /// Looks for the container of a workspace.
    pub(crate) async fn find(&self, id: &WorkspaceId) -> Result<Found, RuntimeError> {
        let docker = self.for_workspace(id, "look for its container").await?;
        let name = self.name(id);
        let inspect = || docker.inspect_container(&name, None::<InspectContainerOptions>);
        let container = match until_readable(inspect).await {
            Ok(container) => container,
            Err(error) if error::status(&error) == Some(404) => return Ok(Found::Nothing),
            Err(error) => return Err(self.failed(Some(id), "look for its container", &error)),
        };
        let config = container.config.as_ref();
        let labels = config.and_then(|config| config.labels.as_ref());
        let workspace = labels.and_then(|labels| names::workspace(&self.settings.platform, labels));
        if workspace.as_ref() != Some(id) {
            return Ok(Found::Stranger);
        }
        let status = container.state.as_ref().and_then(|state| state.status);
        Ok(if status == Some(ContainerStateStatusEnum::CREATED) {
            Found::Created
        } else {
            Found::Ours(Box::new(container))
        })
    }

    /// Removes the container of a workspace, which must be one of ours; one that is gone is no error.
    pub(crate) async fn remove(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        let docker = self.for_workspace(id, "remove its container").await?;
        let options = RemoveContainerOptionsBuilder::new().v(true).build();
        match docker.remove_container(&self.name(id), Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if error::status(&error) == Some(404) => Ok(()),
            Err(error) => Err(self.failed(Some(id), "remove its container", &error)),
        }
    }
}

/// Asks until the answer can be read. Of a container that has just ended Podman says `stopped`, a state that Docker and the library do
/// not know, until it has tidied up after it.
async fn until_readable<T, F>(ask: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let deadline = Instant::now() + TIDIED_UP_WITHIN;
    loop {
        match ask().await {
            Err(Error::JsonDataError { .. }) if Instant::now() < deadline => {
                sleep(LOOK_AGAIN).await;
            }
            answer => return answer,
        }
    }
}
