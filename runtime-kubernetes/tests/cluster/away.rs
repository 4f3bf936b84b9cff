//! An API server that is away, comes back, and has forgotten what a watch could go on from.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use provisionhook_host::runtime::{Exit, Runtime, RuntimeErrorKind};
use provisionhook_runtime_kubernetes::{Access, Homes, KubernetesRuntime};
use runtime_conformance::Subject as _;

use crate::{Kubernetes, api_server::ApiServer, own::spec};

/// What the runtime has logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn begin() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_env_filter("provisionhook_runtime_kubernetes=debug")
            .with_writer(move || writer.clone())
            .init();
        log
    }

    async fn says(&self, words: &str) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            if text.contains(words) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "expected {words:?}: {text}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kubernetes {
    fn over(&self, server: &ApiServer) -> KubernetesRuntime {
        let mut settings = self.settings();
        settings.access = Access::Kubeconfig {
            path: self.0.kubeconfig_for(&server.address()),
            context: None,
        };
        settings.homes = Homes::Ephemeral;
        settings.node_selector = [(self.0.name.clone(), "yes".to_owned())].into();
        KubernetesRuntime::new(settings)
    }

    /// Lets Pods of this test onto the node.
    fn open_node(&self) {
        let label = format!("{}=yes", self.0.name);
        self.0.kubectl(&["label", "node", "localhost", &label]);
    }
}

/// The end is heard although it came while nobody could be asked, and the watch that was begun anew is told that it has expired.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_heard_when_the_api_server_is_back() {
    let log = Log::begin();
    let kubernetes = Kubernetes::fresh().await;
    let mut server = ApiServer::start(&kubernetes.0);
    let runtime = Arc::new(kubernetes.over(&server));
    kubernetes.open_node();
    let spec = spec("away", "sleep 5; exit 6");
    runtime.start(&spec).await.unwrap();
    let waiting = {
        let (runtime, id) = (Arc::clone(&runtime), spec.id().clone());
        tokio::spawn(async move { runtime.wait(&id).await })
    };
    server.end();
    let error = runtime.state(spec.id()).await.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::Unavailable, "{error}");
    log.says("the Pods cannot be watched").await;
    let ended = [
        "wait",
        "--for=condition=Ready=false",
        "pod/provisionhook-test-away",
        "--timeout=60s",
    ];
    kubernetes.0.kubectl(&ended);
    server.start_again();
    assert_eq!(waiting.await.unwrap().unwrap().exit, Exit::Code(6));
    log.says("the watch has expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_goes_on_when_the_api_server_is_back() {
    let kubernetes = Kubernetes::fresh().await;
    let mut server = ApiServer::start(&kubernetes.0);
    let runtime = Arc::new(kubernetes.over(&server));
    let starting = {
        let runtime = Arc::clone(&runtime);
        tokio::spawn(async move { runtime.start(&spec("slow", "sleep 600")).await })
    };
    // The last that a start makes.
    let secret = ["get", "secret", "provisionhook-test-slow.env"];
    while !kubernetes.0.try_kubectl(&secret).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.end();
    kubernetes.open_node();
    kubernetes.0.kubectl(&[
        "wait",
        "--for=condition=Ready",
        "pod/provisionhook-test-slow",
        "--timeout=60s",
    ]);
    assert!(!starting.is_finished());
    server.start_again();
    starting.await.unwrap().unwrap();
}
