//! A platform over a directory of its own. What is left of it when a test ends is stopped.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    events::EventLog,
    http::{Address, ApiParts, Auth, Limits, Readiness, Server, Tls, TlsError},
    metrics::{BuildInfo, Metrics},
    provision::{Parts, Provisioner, Settings, WorkspaceRequest},
    redact::Redactor,
    registry::Registry,
    runtime::{LocalRuntime, Runtime},
    store::{Filter, Store, Summary, WorkspaceState},
    token::{Broker, BrokerSettings},
    workspace_id::WorkspaceId,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::client::{self, Answer};

pub(crate) const ADMIN: &str = "admin-token-0123456789-0123456789";

const NO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// How to make a platform.
pub(crate) struct Plan {
    pub(crate) registry: Arc<Registry>,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) github_provider: Option<String>,
}

impl Default for Plan {
    fn default() -> Self {
        let settings = Settings {
            grace: Duration::from_secs(5),
            ..Settings::default()
        };
        Self {
            registry: Arc::default(),
            limits: Limits::default(),
            settings,
            github_provider: None,
        }
    }
}

/// A platform that serves.
pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    pub(crate) provisioner: Provisioner,
    pub(crate) runtime: Arc<LocalRuntime>,
    pub(crate) readiness: Readiness,
    pub(crate) store: Store,
    pub(crate) auth: Auth,
    pub(crate) redactor: Redactor,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<Duration, TlsError>>,
    _plugins: Plugins,
    pub(crate) dir: Arc<TempDir>,
}

/// The Tokio runtime of the plugins. Not waited for: a stuck plugin would never let it end.
struct Plugins(Option<tokio::runtime::Runtime>);

impl Drop for Plugins {
    fn drop(&mut self) {
        if let Some(plugins) = self.0.take() {
            plugins.shutdown_background();
        }
    }
}

impl Plan {
    pub(crate) async fn start(self) -> Platform {
        self.start_in(Arc::new(tempfile::tempdir().unwrap())).await
    }

    /// A platform over what an earlier one left in `dir`.
    pub(crate) async fn start_in(self, dir: Arc<TempDir>) -> Platform {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        self.start_at(dir, any.into(), None).await
    }

    /// The same, at this address. Over a Unix socket the platform's `address` is none.
    pub(crate) async fn start_at(
        mut self,
        dir: Arc<TempDir>,
        address: Address,
        tls: Option<Tls>,
    ) -> Platform {
        let server = Server::bind(address).await.unwrap();
        let server = tls.into_iter().fold(server, Server::with_tls);
        let address = server.address().tcp().unwrap_or(NO_ADDRESS);
        self.settings.url = server.url();
        let runtime = Arc::new(local(dir.path()));
        let redactor = Redactor::new();
        let plugins = plugins();
        let broker = broker_on(&plugins, &redactor);
        let metrics = Arc::new(Metrics::new(
            BuildInfo::default(),
            Arc::clone(&self.registry),
            broker.clone(),
            &[],
        ));
        let store = open_store(dir.path()).await;
        let provisioner = Provisioner::new(Parts {
            registry: Arc::clone(&self.registry),
            runtime: Arc::clone(&runtime) as Arc<dyn Runtime>,
            store: store.clone(),
            broker: broker.clone(),
            redactor: redactor.clone(),
            metrics: Arc::clone(&metrics),
            plugins: plugins.handle().clone(),
            settings: self.settings,
        });
        let auth = Auth::bearers([("test", ADMIN)]).unwrap();
        let (readiness, latch) = Readiness::new();
        provisioner.reconcile().await.unwrap();
        drop(latch);
        let (stop, stopped) = oneshot::channel();
        let parts = ApiParts {
            provisioner: provisioner.clone(),
            events: EventLog::new(store.clone()),
            registry: self.registry,
            broker,
            reports: Arc::new([]),
            github_provider: self.github_provider,
            auth: auth.clone(),
            readiness: readiness.clone(),
            metrics,
            limits: self.limits,
        };
        let served = tokio::spawn(server.serve(parts, async {
            let _ = stopped.await;
        }));
        Platform {
            address,
            provisioner,
            runtime,
            readiness,
            store,
            auth,
            redactor,
            stop,
            served,
            _plugins: Plugins(Some(plugins)),
            dir,
        }
    }
}

/// A Tokio runtime for plugins.
fn plugins() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

fn broker_on(plugins: &tokio::runtime::Runtime, redactor: &Redactor) -> Broker {
    let settings = BrokerSettings {
        plugins: Some(plugins.handle().clone()),
        ..BrokerSettings::default()
    };
    Broker::new(settings, redactor.clone())
}

pub(crate) fn local(dir: &Path) -> LocalRuntime {
    LocalRuntime::new(&dir.join("workspaces"), vec![supervisor().into()]).unwrap()
}

/// The store, once the platform before has let go of it.
async fn open_store(dir: &Path) -> Store {
    let path = dir.join("store.sqlite");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Store::open(&path) {
            Ok(store) => return store,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The example that cargo builds beside the tests.
fn supervisor() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("examples/supervisor");
    assert!(
        path.exists(),
        "expected {}, found none: build it with `cargo build --examples -p provisionhook-host`",
        path.display()
    );
    path
}

impl Platform {
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        client::send(self.address, method, path, Some(ADMIN), body.as_deref()).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        client::send(self.address, "GET", path, Some(token), None).await
    }

    /// Creates a workspace that runs `sh -c script`, and gives its id and its token.
    pub(crate) async fn sh(&self, script: &str) -> (WorkspaceId, String) {
        let created = self
            .admin(
                "POST",
                "/workspaces",
                Some(json!({"command": ["sh", "-c", script]})),
            )
            .await;
        assert_eq!(created.status, 201, "{created:?}");
        let json = created.json();
        (
            json["id"].as_str().unwrap().parse().unwrap(),
            json["token"].as_str().unwrap().to_owned(),
        )
    }

    /// All workspaces, the oldest first.
    pub(crate) async fn listed(&self) -> Vec<Summary> {
        let page = self.provisioner.list(Filter::default(), None, usize::MAX);
        page.await.unwrap().workspaces
    }

    /// Waits until the workspace is in this state.
    pub(crate) async fn reaches(&self, id: &WorkspaceId, state: WorkspaceState) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let found = self.provisioner.get(id).await.unwrap().record.state;
            if found == state {
                return;
            }
            assert!(Instant::now() < deadline, "expected {state}, found {found}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The metrics, as text.
    pub(crate) async fn metrics(&self) -> String {
        client::send(self.address, "GET", "/metrics", None, None)
            .await
            .body
    }

    /// The workspace's home.
    pub(crate) fn home(&self, id: &WorkspaceId) -> PathBuf {
        home(&self.dir, id)
    }

    /// Waits until a file in the workspace's home is this.
    pub(crate) async fn has(&self, id: &WorkspaceId, file: &str, text: &str) {
        let path = self.home(id).join(file);
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let found = std::fs::read_to_string(&path).ok();
            if found.as_deref() == Some(text) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{file} is {found:?}, never {text:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the workspace has written, once it has ended.
    pub(crate) async fn output(&self, id: &WorkspaceId) -> String {
        self.reaches(id, WorkspaceState::Stopped).await;
        String::from_utf8(self.provisioner.logs(id, 1 << 20).await.unwrap()).unwrap()
    }

    /// Serves no longer; gives what is left of the drain limit.
    pub(crate) async fn serve_no_longer(self) -> Duration {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap()
    }

    /// Ends this platform and leaves its workspaces alone.
    pub(crate) async fn leave(self) -> Arc<TempDir> {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
        self.provisioner.drain(Duration::from_secs(10)).await;
        Arc::clone(&self.dir)
    }

    /// Ends this platform and all of its workspaces.
    pub(crate) async fn end(self) {
        for (id, _) in self.runtime.list().await.unwrap() {
            self.runtime
                .stop(&id, Duration::from_secs(2))
                .await
                .unwrap();
        }
        self.leave().await;
    }
}

/// The home of a workspace of the platform over this directory.
pub(crate) fn home(dir: &TempDir, id: &WorkspaceId) -> PathBuf {
    dir.path().join("workspaces").join(id.as_str()).join("work")
}

/// A request for a workspace that runs `sh -c script`.
pub(crate) fn request(script: &str) -> WorkspaceRequest {
    WorkspaceRequest::from_json(json!({"command": ["sh", "-c", script]})).unwrap()
}
