//! The runtime over a real Docker Engine, and over a real Podman: each test starts its own daemon in a directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the tests of the platform ask more of it")]
#[path = "../../../tests/support/docker_daemon.rs"]
mod daemon;
mod events;
mod own;
mod pull;
#[path = "../../../tests/support/registry.rs"]
mod registry;

use std::sync::Arc;

use provisionhook_host::{container::Container, runtime::Runtime};
use provisionhook_runtime_docker::{DockerRuntime, Settings};
use runtime_conformance::Subject;

use crate::daemon::{Daemon, IMAGE, Make};

/// Workspaces on a daemon.
struct Docker(Daemon);

impl Docker {
    fn settings(&self) -> Settings {
        let root = self.0.directory().join("workspaces");
        Settings {
            socket: self.0.socket(),
            secrets: self.0.directory().join("secrets"),
            network: Some("none".to_owned()),
            ..Settings::new("test".parse().unwrap(), root)
        }
    }

    fn container() -> Container {
        Container {
            image: Some(IMAGE.to_owned()),
            ..Container::default()
        }
    }
}

impl Subject for Docker {
    async fn fresh() -> Self {
        Self(Daemon::start(Make::Docker))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(DockerRuntime::new(self.settings()))
    }

    fn restarted(&self) -> Arc<dyn Runtime> {
        self.runtime()
    }

    fn container(&self) -> Option<Container> {
        Some(Self::container())
    }
}

/// The same over Podman, which has no init of its own unless one is installed.
struct Podman(Docker);

impl Subject for Podman {
    async fn fresh() -> Self {
        Self(Docker(Daemon::start(Make::Podman)))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        let settings = Settings {
            init: false,
            ..self.0.settings()
        };
        Arc::new(DockerRuntime::new(settings))
    }

    fn restarted(&self) -> Arc<dyn Runtime> {
        self.runtime()
    }

    /// Podman takes a name without a value for one that is not said.
    fn adds(&self) -> &[&str] {
        &["HOSTNAME", "TERM", "container", "OF_THE_IMAGE"]
    }

    fn container(&self) -> Option<Container> {
        Some(Docker::container())
    }
}

mod engine {
    runtime_conformance::suite!(super::Docker);
}

mod podman {
    runtime_conformance::suite!(super::Podman);
}
