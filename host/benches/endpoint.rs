//! What the token endpoint costs a caller, against a bare hyper that answers the same bytes: one connection, one request
//! after the other, over loopback.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::{
    convert::Infallible,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use axum::body::{Body, Bytes};
use criterion::{Criterion, criterion_group, criterion_main};
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use provisionhook_host::{
    call::{Attributes, Call},
    capability::{Outcome, Scope, Token, TokenProvider},
    events::EventLog,
    http::{ApiParts, Auth, Limits, Readiness, Server},
    metrics::{BuildInfo, Metrics},
    provision::{Parts, Provisioner, Settings, WorkspaceToken},
    redact::Redactor,
    registry::{Plugin, Registry},
    runtime::LocalRuntime,
    secret::Secret,
    store::Store,
    token::{Broker, BrokerSettings},
};

struct Fixed;

impl TokenProvider for Fixed {
    fn token<'a>(&'a self, _: &'a Call, _: &'a Scope) -> Outcome<'a, Token> {
        let value = Secret::new("ghs_0123456789abcdef0123456789abcdef0123");
        let expires_at = Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1));
        Outcome::Ready(Ok(Token {
            value,
            expires_at,
            username: None,
        }))
    }
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!(
            "GET /workspaces/ws-bench/github-installation-token HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let mut client = Self {
            stream,
            request: request.into_bytes(),
            answer: vec![0; 4096],
        };
        assert!(client.ask().starts_with(b"HTTP/1.1 200 "));
        client
    }

    /// One request; the answer comes in one piece.
    fn ask(&mut self) -> &[u8] {
        self.stream.write_all(&self.request).unwrap();
        let read = self.stream.read(&mut self.answer).unwrap();
        assert!(read > 0);
        &self.answer[..read]
    }
}

/// A server that knows one answer.
async fn bare() -> SocketAddr {
    const BODY: &[u8] = br#"{"token":"ghs_0123456789abcdef0123456789abcdef0123","expires_at":"2026-11-23T13:00:00Z"}"#;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = service_fn(async |_| {
            Ok::<_, Infallible>(Response::new(Body::from(Bytes::from_static(BODY))))
        });
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), answer)
            .await
            .unwrap();
    });
    address
}

/// The platform, with one workspace that is open to the token.
async fn platform(dir: &std::path::Path) -> (SocketAddr, WorkspaceToken) {
    let registry = Arc::new(Registry::new());
    registry.register(Plugin {
        tokens: Some(Arc::new(Fixed)),
        ..Plugin::in_code("github")
    });
    let redactor = Redactor::new();
    let broker = Broker::new(BrokerSettings::default(), redactor.clone());
    let metrics = Metrics::new(
        BuildInfo::default(),
        Arc::clone(&registry),
        broker.clone(),
        &[],
    );
    let metrics = Arc::new(metrics);
    let store = Store::open(&dir.join("store")).unwrap();
    let provisioner = Provisioner::new(Parts {
        registry: Arc::clone(&registry),
        runtime: Arc::new(
            LocalRuntime::new(&dir.join("workspaces"), vec!["/bin/false".into()]).unwrap(),
        ),
        store: store.clone(),
        broker: broker.clone(),
        redactor,
        metrics: Arc::clone(&metrics),
        plugins: tokio::runtime::Handle::current(),
        settings: Settings::default(),
    });
    let token = WorkspaceToken::generate().unwrap();
    let attributes = Attributes {
        workspace_id: "ws-bench".into(),
        ..Attributes::default()
    };
    provisioner.access().open(
        token.hash(),
        Call {
            attributes,
            ..Call::default()
        },
        Vec::new(),
    );
    let parts = ApiParts {
        provisioner,
        events: EventLog::new(store),
        registry,
        broker,
        reports: Arc::new([]),
        github_provider: None,
        auth: Auth::bearers([("bench", "an-admin-token-for-the-bench-alone")]).unwrap(),
        readiness: Readiness::new().0,
        metrics,
        limits: Limits::default(),
    };
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let address = server.address().tcp().unwrap();
    tokio::spawn(server.serve(parts, std::future::pending()));
    (address, token)
}

fn endpoint(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let bare = runtime.block_on(bare());
    let (platform, token) = runtime.block_on(platform(dir.path()));
    let mut group = criterion.benchmark_group("endpoint");
    let mut client = Client::new(bare, token.secret().expose());
    group.bench_function("bare hyper", |bencher| bencher.iter(|| client.ask().len()));
    let mut client = Client::new(platform, token.secret().expose());
    group.bench_function("token", |bencher| bencher.iter(|| client.ask().len()));
    group.finish();
    runtime.shutdown_background();
}

criterion_group!(benches, endpoint);
criterion_main!(benches);
