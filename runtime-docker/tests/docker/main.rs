//! The runtime over a real Docker Engine: each test starts its own daemon in a directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../tests/support/docker_daemon.rs"]
mod daemon;
mod own;

use std::sync::Arc;

use provisionhook_host::{container::Container, runtime::Runtime};
use provisionhook_runtime_docker::{DockerRuntime, Settings};
use runtime_conformance::Subject;

use crate::daemon::{Daemon, IMAGE};

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
}

impl Subject for Docker {
    async fn fresh() -> Self {
        Self(Daemon::start())
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(DockerRuntime::new(self.settings()))
    }

    fn restarted(&self) -> Arc<dyn Runtime> {
        self.runtime()
    }

    fn container(&self) -> Option<Container> {
        Some(Container {
            image: Some(IMAGE.to_owned()),
            ..Container::default()
        })
    }
}

runtime_conformance::suite!(Docker);
