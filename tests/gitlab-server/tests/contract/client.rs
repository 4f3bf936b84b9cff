//! A client that sends what it is told, and a small company for it to ask about.

use gitlab_server::{Builder, GitlabServer, level};
use reqwest::{Client, Method, Response};
use serde_json::Value;

pub(crate) const SELF: &str = "/personal_access_tokens/self";
pub(crate) const ROTATE: &str = "/personal_access_tokens/self/rotate";

pub(crate) fn builder() -> Builder {
    GitlabServer::builder()
        .user("ada")
        .user("eve")
        .admin("root")
        .group(5, "acme", &[("ada", level::OWNER)])
        .project(58, "acme/web", &[])
}

pub(crate) async fn server() -> GitlabServer {
    builder().start().await.unwrap()
}

/// A status, and what was in the body if it was JSON.
pub(crate) async fn ask(
    gitlab: &GitlabServer,
    method: &str,
    path: &str,
    token: &str,
) -> (u16, Value) {
    let response = try_ask(gitlab, method, path, token).await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// # Errors
/// No answer came.
pub(crate) async fn try_ask(
    gitlab: &GitlabServer,
    method: &str,
    path: &str,
    token: &str,
) -> Result<Response, reqwest::Error> {
    // reqwest wants a TLS provider even for plain HTTP; a second installation changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!("{}/api/v4{path}", gitlab.base_url());
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Client::new().request(method, url);
    request.header("private-token", token).send().await
}

pub(crate) async fn status(gitlab: &GitlabServer, method: &str, path: &str, token: &str) -> u16 {
    ask(gitlab, method, path, token).await.0
}
