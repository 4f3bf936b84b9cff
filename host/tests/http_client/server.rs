//! A real HTTP server on loopback, with or without TLS, that behaves well or badly as it is asked to.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::Query,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Where a server listens. It ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn plain() -> Self {
        Self::start(None).await
    }

    /// With a certificate for `localhost`, and the file with the authority that signed it.
    pub(crate) async fn tls() -> (Self, Authority) {
        let authority = Authority::new();
        (Self::start(Some(authority.acceptor())).await, authority)
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let listener = Listener {
            tcp,
            tls,
            connections: Arc::clone(&connections),
        };
        tokio::spawn(async move { axum::serve(listener, routes()).await });
        Self {
            address,
            connections,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// An authority of the test's own.
pub(crate) struct Authority {
    certificate: rcgen::CertifiedKey<rcgen::KeyPair>,
    pub(crate) file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, certificate.cert.pem()).unwrap();
        Self {
            certificate,
            file,
            _directory: directory,
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
            self.certificate.signing_key.serialize_der(),
        ));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.cert.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn routes() -> Router {
    Router::new()
        .route("/echo", any(echo))
        .route("/redirect", any(redirect))
        .route(
            "/loop",
            any(|| async { (StatusCode::FOUND, [("location", "/loop")]) }),
        )
        .route(
            "/slow",
            get(|| async { tokio::time::sleep(Duration::from_secs(600)).await }),
        )
        .route("/large", get(|| async { vec![b'x'; 100_000] }))
        .route(
            "/fails",
            get(|| async {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [("retry-after", "7")],
                    "later",
                )
            }),
        )
}

/// Answers with what it was sent: the method, each header, and the body.
async fn echo(method: Method, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    let mut text = format!("{method}\n");
    for (name, value) in &headers {
        text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    let mut answer = text.into_bytes();
    answer.extend_from_slice(b"\n");
    answer.extend_from_slice(&body);
    answer
}

async fn redirect(Query(query): Query<BTreeMap<String, String>>) -> Response {
    let status = StatusCode::from_u16(query["status"].parse().unwrap()).unwrap();
    (status, [("location", query["to"].clone())]).into_response()
}

struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: Arc<AtomicUsize>,
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl axum::serve::Listener for Listener {
    type Io = Box<dyn Stream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.tcp.accept().await else {
                continue;
            };
            self.connections.fetch_add(1, Ordering::SeqCst);
            if let Some(stream) = self.secure(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

impl Listener {
    /// `None` for a client that does not trust the certificate.
    async fn secure(&self, stream: TcpStream) -> Option<Box<dyn Stream>> {
        match &self.tls {
            None => Some(Box::new(stream)),
            Some(tls) => Some(Box::new(tls.accept(stream).await.ok()?)),
        }
    }
}
