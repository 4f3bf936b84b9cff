//! `POST /app/installations/{id}/access_tokens`: the request's schema, its bounds, and the token.

mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::clock;
use crate::fault::Fault;
use crate::github::Github;
use crate::headers;
use crate::installation::{Installation, Level, Permissions};
use crate::refusal::Refusal;
use crate::routes::mint::request::TokenRequest;
use crate::tokens::{Grant, IssuedToken, TokenForm};

pub(crate) async fn mint(
    State(github): State<Arc<Github>>,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    github.authenticate_app(&headers)?;
    let id: u64 = id.parse().map_err(|_| Refusal::not_found())?;
    let installation = github
        .installation(|installation| installation.id == id)
        .ok_or_else(Refusal::not_found)?;
    if installation.suspension.is_some() {
        return Err(Refusal::suspended());
    }
    let request = TokenRequest::parse(&body)?;
    let permissions = granted(&installation, &request)?;
    let repositories = covered(&installation, &request)?;
    let form = form(&github, &headers, uri.path());
    issue(&github, &installation, form, permissions, repositories)
}

fn issue(
    github: &Github,
    installation: &Installation,
    form: TokenForm,
    permissions: Permissions,
    repositories: Option<Vec<String>>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let now = github.core.clock.now();
    let fault = github.faults.take(Fault::is_about_the_token);
    let (known_after, permitted_after) = match fault {
        Some(Fault::ReplicationLag(lag)) => (lag, lag),
        Some(Fault::PermissionsLag(lag)) => (Duration::ZERO, lag),
        _ => (github.replication_lag, github.replication_lag),
    };
    let expires_at = if fault == Some(Fault::ExpiredOnArrival) {
        now.saturating_sub(Duration::from_secs(60)).unwrap_or(now)
    } else {
        clock::later(now, github.token_lifetime)
    };
    let grant = Grant {
        installation_id: installation.id,
        issued_at: now,
        expires_at,
        known_from: clock::later(now, known_after),
        permitted_from: clock::later(now, permitted_after),
        permissions,
        repositories,
    };
    let issued = github
        .tokens
        .issue(form, github.app.id, grant)
        .map_err(|_| Refusal::other(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"))?;
    let mut body = shown(installation, &issued);
    if fault == Some(Fault::EmptyToken) {
        body["token"] = json!("");
    }
    Ok((StatusCode::CREATED, Json(body)))
}

fn shown(installation: &Installation, issued: &IssuedToken) -> Value {
    // GitHub writes whole seconds.
    let expires_at = issued.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut body = json!({
        "token": issued.token,
        "expires_at": expires_at,
        "permissions": issued.permissions,
        "repository_selection": installation.selection(),
    });
    if let Some(repositories) = &issued.repositories {
        body["repository_selection"] = json!("selected");
        body["repositories"] = repositories
            .iter()
            .map(|name| installation.repository_to_json(name))
            .collect();
    }
    body
}

/// Enterprise Servers issue the classic form only; elsewhere a client may choose while GitHub rolls the other one out.
fn form(github: &Github, headers: &HeaderMap, path: &str) -> TokenForm {
    if headers::is_enterprise(path) {
        return TokenForm::Classic;
    }
    match headers
        .get("x-github-stateless-s2s-token")
        .map(|choice| choice.as_bytes())
    {
        Some(b"enabled") => TokenForm::Stateless,
        Some(b"disabled") => TokenForm::Classic,
        _ => github.token_form,
    }
}

fn granted(installation: &Installation, request: &TokenRequest) -> Result<Permissions, Refusal> {
    if request.permissions.is_empty() {
        return Ok(installation.permissions.clone());
    }
    if request
        .permissions
        .iter()
        .any(|(name, level)| !installation.grants(name, *level))
    {
        return Err(Refusal::unprocessable(
            "The permissions requested are not granted to this installation.",
        ));
    }
    let mut permissions = request.permissions.clone();
    // GitHub adds this one to whatever was asked for.
    if installation.grants("metadata", Level::Read) {
        permissions
            .entry("metadata".to_owned())
            .or_insert(Level::Read);
    }
    Ok(permissions)
}

/// The repositories that the token is narrowed to; none when the request names none.
fn covered(
    installation: &Installation,
    request: &TokenRequest,
) -> Result<Option<Vec<String>>, Refusal> {
    if request.repositories.is_empty() && request.repository_ids.is_empty() {
        return Ok(None);
    }
    let named = request
        .repositories
        .iter()
        .map(|name| installation.covers(name).then(|| name.clone()));
    let numbered = request
        .repository_ids
        .iter()
        .map(|id| installation.repository_named_by(*id).cloned());
    let mut repositories = named.chain(numbered).collect::<Option<Vec<String>>>().ok_or_else(|| {
        Refusal::unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.")
    })?;
    repositories.sort();
    repositories.dedup();
    Ok(Some(repositories))
}
