//! What a token can be tried on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::auth;
use crate::bitbucket::Bitbucket;
use crate::credentials::{Owner, Repository, Token};
use crate::limit;
use crate::refusal::Refusal;

const LARGEST_PAGE: usize = 100;
/// Each of these contains the right to read a repository.
const READS_REPOSITORIES: &[&str] = &[
    "repository",
    "repository:write",
    "pullrequest",
    "pullrequest:write",
];

pub(crate) async fn user(
    State(bitbucket): State<Arc<Bitbucket>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let token = auth::api(&bitbucket, &headers)?;
    let Owner::User(user) = &token.owner else {
        return Err(Refusal::bad_token());
    };
    require(&token, "read:user:bitbucket", &["account"])?;
    Ok(Json(json!({
        "type": "user",
        "username": user.username,
        "nickname": user.username,
        "display_name": user.username,
        "account_status": "active",
    })))
}

pub(crate) async fn workspace(
    State(bitbucket): State<Arc<Bitbucket>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let token = auth::api(&bitbucket, &headers)?;
    require(&token, "read:workspace:bitbucket", READS_REPOSITORIES)?;
    seen(&bitbucket, &token, &workspace)?;
    let base = bitbucket.core.base_url();
    let link =
        |kind: &str, path: &str| json!({ "href": format!("{base}/2.0/{kind}/{workspace}{path}") });
    Ok(Json(json!({
        "type": "workspace",
        "slug": workspace,
        "name": workspace,
        "is_private": true,
        "links": {
            "self": link("workspaces", ""),
            "members": link("workspaces", "/members"),
            "projects": link("workspaces", "/projects"),
            "repositories": link("repositories", ""),
        },
    })))
}

pub(crate) async fn repositories(
    State(bitbucket): State<Arc<Bitbucket>>,
    Path(workspace): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !bitbucket.limit.take(bitbucket.now()) {
        return Ok(limit::rate_limited(None, &bitbucket.core.clock));
    }
    let token = auth::api(&bitbucket, &headers)?;
    require(&token, "read:repository:bitbucket", READS_REPOSITORIES)?;
    let repositories = seen(&bitbucket, &token, &workspace)?;
    let number = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.parse::<usize>().ok())
    };
    let length = number("pagelen").unwrap_or(10).clamp(1, LARGEST_PAGE);
    let page = number("page").unwrap_or(1).max(1);
    let values: Vec<_> = repositories
        .iter()
        .skip((page - 1) * length)
        .take(length)
        .map(shown)
        .collect();
    let mut body =
        json!({ "pagelen": length, "page": page, "size": repositories.len(), "values": values });
    if page * length < repositories.len() {
        let base = bitbucket.core.base_url();
        let next = format!(
            "{base}/2.0/repositories/{workspace}?pagelen={length}&page={}",
            page + 1
        );
        body["next"] = json!(next);
    }
    Ok(Json(body).into_response())
}

pub(crate) async fn repository(
    State(bitbucket): State<Arc<Bitbucket>>,
    Path((workspace, slug)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !bitbucket.limit.take(bitbucket.now()) {
        return Ok(limit::rate_limited(None, &bitbucket.core.clock));
    }
    let token = auth::api(&bitbucket, &headers)?;
    require(&token, "read:repository:bitbucket", READS_REPOSITORIES)?;
    let found = bitbucket
        .repositories
        .iter()
        .find(|one| one.workspace == workspace && one.slug == slug);
    let found = found.filter(|one| token.reaches(one)).ok_or_else(|| {
        let message = format!("You may not have access to this repository or it no longer exists in this workspace: {workspace}/{slug}");
        Refusal::not_found(&message)
    })?;
    Ok(Json(shown(found)).into_response())
}

pub(crate) async fn nothing() -> Refusal {
    Refusal::Error(
        StatusCode::NOT_FOUND,
        json!({
            "message": "Resource not found",
            "detail": "There is no API hosted at this URL.\n\nFor information about our API's, please refer to the documentation at: \
                       https://developer.atlassian.com/bitbucket/api/2/reference/",
        }),
    )
}

fn require(token: &Token, api_token: &str, others: &[&str]) -> Result<(), Refusal> {
    if token.may(api_token, others) {
        return Ok(());
    }
    let required = match token.owner {
        Owner::User(_) => api_token,
        Owner::Access(_) | Owner::Consumer(_) => others.first().copied().unwrap_or(api_token),
    };
    Err(Refusal::scopes(required, &token.scopes))
}

/// The repositories of a workspace that a token reaches.
fn seen(bitbucket: &Bitbucket, token: &Token, workspace: &str) -> Result<Vec<Repository>, Refusal> {
    let here = bitbucket
        .repositories
        .iter()
        .filter(|one| one.workspace == workspace);
    let seen: Vec<_> = here.filter(|one| token.reaches(one)).cloned().collect();
    if seen.is_empty() {
        return Err(Refusal::not_found(&format!(
            "No workspace with identifier '{workspace}'."
        )));
    }
    Ok(seen)
}

fn shown(repository: &Repository) -> Value {
    json!({
        "type": "repository",
        "slug": repository.slug,
        "name": repository.slug,
        "full_name": repository.full_name(),
        "is_private": true,
        "project": { "type": "project", "key": repository.project },
        "workspace": { "type": "workspace", "slug": repository.workspace },
    })
}
