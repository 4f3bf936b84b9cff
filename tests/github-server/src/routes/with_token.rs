//! The routes that an installation token opens.

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use serde_json::{Value, json};

use crate::github::Github;
use crate::installation::Level;
use crate::refusal::Refusal;
use crate::routes::page::Page;

pub(crate) async fn repositories(
    State(github): State<Arc<Github>>,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let (token, installation) = github.authorize_installation(&headers)?;
    let selection = if token.repositories.is_some() {
        "selected"
    } else {
        installation.selection()
    };
    let names = token
        .repositories
        .unwrap_or_else(|| installation.repositories.clone());
    let total = names.len();
    let shown: Vec<Value> = page
        .of(names)
        .iter()
        .map(|name| installation.repository_to_json(name))
        .collect();
    let link = page.link(total, github.core.base_url(), &uri);
    let body =
        json!({ "total_count": total, "repository_selection": selection, "repositories": shown });
    Ok((AppendHeaders(link), Json(body)))
}

/// A private repository is not there for those who may not see it.
pub(crate) async fn repository(
    State(github): State<Arc<Github>>,
    Path((owner, repository)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let (token, installation) = github.authenticate_installation(&headers)?;
    let permitted = token.permitted_from <= github.core.clock.now();
    let covered = installation.owner.eq_ignore_ascii_case(&owner)
        && installation.covers(&repository)
        && token.covers(&repository);
    if !permitted || !covered {
        return Err(Refusal::not_found());
    }
    let mut shown = installation.repository_to_json(&repository);
    let contents = token.permissions.get("contents");
    shown["permissions"] = json!({
        "admin": false,
        "maintain": false,
        "push": contents >= Some(&Level::Write),
        "triage": false,
        "pull": contents.is_some(),
    });
    Ok(Json(shown))
}

pub(crate) async fn revoke(
    State(github): State<Arc<Github>>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let (token, _) = github.authenticate_installation(&headers)?;
    github.tokens.revoke(&token.token);
    Ok(StatusCode::NO_CONTENT)
}
