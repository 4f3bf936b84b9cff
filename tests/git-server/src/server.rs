//! The handle of a running server, and its routes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path as Parts, RawQuery, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use server_kit::{Running, Voice, listen};
use tempfile::TempDir;

use crate::{
    access::{self, Api},
    authority, backend,
    front::{Front, Names},
};

const GIT: &str = "github.com";
const API: &str = "api.github.com";

/// A running server. It ends when it is dropped.
pub struct GitServer {
    inner: Arc<Inner>,
    front: Front,
    directory: TempDir,
    _running: Running,
}

struct Inner {
    root: PathBuf,
    api: Api,
    requests: Mutex<Vec<GitRequest>>,
}

/// One request of a git client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitRequest {
    /// `owner/name`.
    pub repository: String,
    /// `git-upload-pack` for clones and fetches, `git-receive-pack` for pushes.
    pub service: String,
    /// The token that it came with.
    pub token: Option<String>,
    /// The status of the answer.
    pub status: u16,
}

impl GitServer {
    /// Starts, on the tokio runtime of the caller, in front of the API server with this base URL.
    pub async fn start(api: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let inner = Arc::new(Inner {
            root: directory.path().join("repositories"),
            api: Api::new(api),
            requests: Mutex::default(),
        });
        let voice = Voice {
            rate_limited: |_, _| StatusCode::TOO_MANY_REQUESTS.into_response(),
            unauthorized: || access::unauthorized("Invalid username or password."),
        };
        let listening = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), voice)
            .await
            .unwrap();
        let names: Names = [
            (format!("{GIT}:443"), address(listening.core().base_url())),
            (format!("{API}:443"), address(api)),
        ]
        .into();
        let tls = authority::acceptor(&[GIT, API], &directory.path().join("ca.pem"));
        Self {
            front: Front::start(names, tls).await,
            _running: listening.serve(router(Arc::clone(&inner))),
            inner,
            directory,
        }
    }

    /// The proxy through which `https://github.com` is this server: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn proxy(&self) -> String {
        format!("http://{}", self.front.address)
    }

    /// The certificate authority to trust, as PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Makes a repository with one commit on `main`.
    pub fn add_repository(&self, full_name: &str) {
        let place = self.place(full_name);
        git(
            Path::new("."),
            &[
                "init",
                "--quiet",
                "--bare",
                "-b",
                "main",
                place.to_str().unwrap(),
            ],
        );
        let tree = git(&place, &["hash-object", "-w", "-t", "tree", "/dev/null"]);
        let commit = git(&place, &["commit-tree", &tree, "-m", "begin"]);
        git(&place, &["update-ref", "refs/heads/main", &commit]);
    }

    /// The subjects of the commits on `main`, the newest first.
    #[must_use]
    pub fn subjects(&self, full_name: &str) -> Vec<String> {
        let log = git(&self.place(full_name), &["log", "--format=%s", "main"]);
        log.lines().map(str::to_owned).collect()
    }

    /// All requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<GitRequest> {
        let requests = self.inner.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn place(&self, full_name: &str) -> PathBuf {
        self.inner.root.join(format!("{full_name}.git"))
    }
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// What git prints, without the last line's end.
fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=nobody",
            "-c",
            "user.email=nobody@localhost",
        ])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn router(inner: Arc<Inner>) -> Router {
    Router::new()
        .route("/{owner}/{repository}/info/refs", get(refs))
        .route("/{owner}/{repository}/{service}", post(service))
        .layer(DefaultBodyLimit::disable())
        .with_state(inner)
}

async fn refs(
    State(inner): State<Arc<Inner>>,
    Parts((owner, name)): Parts<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let service = query
        .strip_prefix("service=")
        .unwrap_or_default()
        .to_owned();
    let request = Asked {
        method: Method::GET,
        owner,
        name,
        service,
        headers,
    };
    inner
        .answer(request, "info/refs", &query, Bytes::new())
        .await
}

async fn service(
    State(inner): State<Arc<Inner>>,
    Parts((owner, name, service)): Parts<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let rest = service.clone();
    let request = Asked {
        method: Method::POST,
        owner,
        name,
        service,
        headers,
    };
    inner.answer(request, &rest, "", body).await
}

struct Asked {
    method: Method,
    owner: String,
    name: String,
    service: String,
    headers: HeaderMap,
}

impl Inner {
    async fn answer(&self, asked: Asked, rest: &str, query: &str, body: Bytes) -> Response {
        let name = asked.name.strip_suffix(".git").unwrap_or(&asked.name);
        let repository = format!("{}/{name}", asked.owner);
        let token = access::token(&asked.headers);
        let write = asked.service == "git-receive-pack";
        let response = match self.api.check(token.as_deref(), &repository, write).await {
            Err(refusal) => refusal,
            Ok(()) => {
                let call = backend::Call {
                    method: &asked.method,
                    path: format!("/{repository}.git/{rest}"),
                    query,
                    headers: &asked.headers,
                    body,
                };
                backend::answer(&self.root, call).await
            }
        };
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(GitRequest {
            repository,
            service: asked.service,
            token,
            status: response.status().as_u16(),
        });
        response
    }
}
