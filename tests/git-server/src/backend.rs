//! `git http-backend`, called as a CGI program is.

use std::{path::Path, process::Stdio};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode},
};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// One request, after its credentials were found good.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    /// From the root of all repositories.
    pub(crate) path: String,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Bytes,
}

/// Git's answer. Panics if there is no git.
pub(crate) async fn answer(root: &Path, call: Call<'_>) -> Response<Body> {
    let header = |name: &str| {
        let value = call.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        // It lets those push who have a name.
        .env("REMOTE_USER", "somebody")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", call.method.as_str())
        .env("PATH_INFO", &call.path)
        .env("QUERY_STRING", call.query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", call.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = call.body.clone();
    // Beside the reading, as git may answer before it has read everything.
    let writing = tokio::spawn(async move { drop(input.write_all(&body).await) });
    let output = child.wait_with_output().await.unwrap();
    writing.await.unwrap();
    parsed(&output.stdout)
}

/// A CGI program writes headers, `Status` among them, an empty line and the body.
fn parsed(output: &[u8]) -> Response<Body> {
    let end = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    for line in std::str::from_utf8(&output[..end]).unwrap().split("\r\n") {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "Status" {
            *response.status_mut() = StatusCode::from_bytes(&value.as_bytes()[..3]).unwrap();
        } else {
            response.headers_mut().append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
    }
    response
}
