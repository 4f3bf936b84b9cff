//! `runtime`, and the section of the one that is chosen.

use std::{path::PathBuf, time::Duration};

use provisionhook_host::{
    container::{Image, Resources},
    runtime::{Owner, Platform},
};
use provisionhook_runtime_docker::{PullPolicy, Settings};
use serde::Deserialize;

use super::{Config, ConfigError};

/// Where workspaces run.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RuntimeKind {
    /// Process trees on this machine.
    #[default]
    Local,
    /// Containers of a daemon on this machine.
    Docker,
    /// Pods of a namespace.
    Kubernetes,
}

impl RuntimeKind {
    /// As plugins and selectors see it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// `[docker]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DockerSection {
    socket: PathBuf,
    platform: Option<String>,
    image: Option<Image>,
    pull: PullSetting,
    user: Option<String>,
    network: Option<String>,
    millicpus: Option<u64>,
    memory_bytes: Option<u64>,
    pids: Option<u64>,
    mounts: Vec<String>,
    image_env: bool,
    env_in_file: bool,
    init: bool,
    secrets_dir: Option<PathBuf>,
    #[serde(deserialize_with = "super::schema::duration")]
    timeout: Duration,
}

impl Default for DockerSection {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/var/run/docker.sock"),
            platform: None,
            image: None,
            pull: PullSetting::default(),
            user: None,
            network: None,
            millicpus: None,
            memory_bytes: None,
            pids: None,
            mounts: Vec::new(),
            image_env: false,
            env_in_file: false,
            init: true,
            secrets_dir: None,
            timeout: Duration::from_secs(60),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PullSetting {
    #[default]
    Missing,
    Always,
    Never,
}

impl Config {
    /// The name of this platform on its daemon or in its namespace, if the operator gave it one.
    pub(crate) fn platform_name(&self) -> Result<Option<Platform>, ConfigError> {
        let (key, name) = match self.runtime {
            RuntimeKind::Local | RuntimeKind::Docker => ("docker.platform", &self.docker.platform),
            RuntimeKind::Kubernetes => ("kubernetes.platform", &self.kubernetes.platform),
        };
        name.as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error| ConfigError::Unusable {
                key,
                problem: format!("{error}"),
                remedy: "give it another name, or leave it out to have one drawn",
            })
    }

    /// How long a start may take. A Pod that did not begin in time is removed, which takes time too.
    pub(crate) fn start_time(&self) -> Duration {
        match self.runtime {
            RuntimeKind::Local | RuntimeKind::Docker => Duration::from_secs(30),
            RuntimeKind::Kubernetes => self.kubernetes.start_timeout + Duration::from_secs(30),
        }
    }

    /// What the Docker runtime is told.
    pub(crate) fn docker(&self, platform: Platform) -> Result<Settings, ConfigError> {
        let section = &self.docker;
        let user = section.user.as_deref().map(str::parse::<Owner>);
        if let Some(Err(error)) = user {
            return Err(ConfigError::Unusable {
                key: "docker.user",
                problem: error.to_string(),
                remedy: "use numbers, because the platform makes the workspace's home for that user",
            });
        }
        let settings = Settings::new(platform, self.state_dir.join("workspaces"));
        Ok(Settings {
            socket: section.socket.clone(),
            secrets: section
                .secrets_dir
                .clone()
                .unwrap_or_else(|| settings.secrets.clone()),
            image: section.image.as_ref().map(ToString::to_string),
            pull: match section.pull {
                PullSetting::Missing => PullPolicy::Missing,
                PullSetting::Always => PullPolicy::Always,
                PullSetting::Never => PullPolicy::Never,
            },
            user: section.user.clone(),
            network: section.network.clone(),
            resources: Resources {
                millicpus: section.millicpus,
                memory_bytes: section.memory_bytes,
                pids: section.pids,
            },
            mounts: section.mounts.clone(),
            image_env: section.image_env,
            env_in_file: section.env_in_file,
            init: section.init,
            timeout: section.timeout,
            ..settings
        })
    }
}
