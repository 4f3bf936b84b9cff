//! The runtime over a real API server and a real kubelet, which `cargo xtask cluster` starts. The platform is the service account of
//! `deploy/kubernetes`, with its Role and no other right.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and is told where its cluster is by a variable"
)]

#[path = "../../../tests/support/api_server.rs"]
mod api_server;
mod away;
#[path = "../../../tests/support/cluster.rs"]
mod cluster;
mod deploy;
mod own;
mod rights;

use std::{sync::Arc, time::Duration};

use provisionhook_host::{container::Container, runtime::Runtime};
use provisionhook_runtime_kubernetes::{Access, KubernetesRuntime, PullPolicy, Settings};
use runtime_conformance::Subject;

use crate::cluster::{IMAGE, Namespace};

/// Workspaces in a namespace of the test's own.
struct Kubernetes(Namespace);

impl Kubernetes {
    fn settings(&self) -> Settings {
        Settings {
            access: Access::Kubeconfig {
                path: self.0.kubeconfig(),
                context: None,
            },
            pull: PullPolicy::Never,
            host_network: true,
            stop_grace: Duration::from_secs(2),
            ..Settings::new(
                "test".parse().unwrap(),
                self.0.directory().join("workspaces"),
            )
        }
    }

    fn container() -> Container {
        Container {
            image: Some(IMAGE.to_owned()),
            ..Container::default()
        }
    }
}

impl Subject for Kubernetes {
    async fn fresh() -> Self {
        Self(Namespace::new())
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(KubernetesRuntime::new(self.settings()))
    }

    fn restarted(&self) -> Arc<dyn Runtime> {
        self.runtime()
    }

    fn container(&self) -> Option<Container> {
        Some(Self::container())
    }

    /// The image's own, and where the API server is.
    fn adds(&self) -> &[&str] {
        &[
            "HOSTNAME",
            "OF_THE_IMAGE",
            "KUBERNETES_PORT",
            "KUBERNETES_PORT_443_TCP",
            "KUBERNETES_PORT_443_TCP_ADDR",
            "KUBERNETES_PORT_443_TCP_PORT",
            "KUBERNETES_PORT_443_TCP_PROTO",
            "KUBERNETES_SERVICE_HOST",
            "KUBERNETES_SERVICE_PORT",
            "KUBERNETES_SERVICE_PORT_HTTPS",
        ]
    }
}

runtime_conformance::suite!(Kubernetes, cannot pause);
