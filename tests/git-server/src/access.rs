//! Who may do what: the API is asked, for each request, about the token that it came with.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

/// The only user name that goes with a token of an App.
const USER: &str = "x-access-token";

/// A GitHub API server.
pub(crate) struct Api {
    url: String,
    client: reqwest::Client,
}

#[derive(Default, Deserialize)]
struct Repository {
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Default, Deserialize)]
struct Permissions {
    pull: bool,
    push: bool,
}

impl Api {
    pub(crate) fn new(url: &str) -> Self {
        // Another part of the process may have been first, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .no_proxy()
            .user_agent("git-server");
        Self {
            url: url.to_owned(),
            client: client.build().unwrap(),
        }
    }

    /// # Errors
    /// The answer for somebody who may not: 401 for a token that is none, 404 for a repository that it does not reach, 403 for one
    /// that it may not read or write.
    pub(crate) async fn check(
        &self,
        token: Option<&str>,
        repository: &str,
        write: bool,
    ) -> Result<(), Response> {
        let token = token.ok_or_else(|| unauthorized("No anonymous access."))?;
        let url = format!("{}/repos/{repository}", self.url);
        let answer = self
            .client
            .get(url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(unauthorized("Invalid username or password.")),
            StatusCode::FORBIDDEN => return Err(refused(StatusCode::FORBIDDEN, "Access denied.")),
            _ => return Err(refused(StatusCode::NOT_FOUND, "Repository not found.")),
        }
        let shown: Repository = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let allowed = if write {
            shown.permissions.push
        } else {
            shown.permissions.pull
        };
        if allowed {
            return Ok(());
        }
        Err(refused(
            StatusCode::FORBIDDEN,
            "Write access to repository not granted.",
        ))
    }
}

/// The password of HTTP basic authentication, if the user name is the right one.
pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, pair) = value.split_once(' ')?;
    let pair = BASE64_STANDARD.decode(pair.trim()).ok()?;
    let (user, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    (scheme.eq_ignore_ascii_case("basic") && user == USER).then(|| password.to_owned())
}

pub(crate) fn unauthorized(text: &str) -> Response {
    let mut response = refused(StatusCode::UNAUTHORIZED, text);
    let challenge = header::HeaderValue::from_static("Basic realm=\"GitHub\"");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn refused(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
