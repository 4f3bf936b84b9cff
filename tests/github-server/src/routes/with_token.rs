//! The routes that an installation token opens.

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use serde_json::{Value, json};

use crate::github::Github;
use crate::refusal::Refusal;
use crate::routes::page::Page;

pub(crate) async fn repositories(
    State(github): State<Arc<Github>>,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let (token, installation) = github.authenticate_installation(&headers)?;
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
    let link = page.link(total, &github.base_url, &uri);
    let body =
        json!({ "total_count": total, "repository_selection": selection, "repositories": shown });
    Ok((AppendHeaders(link), Json(body)))
}

pub(crate) async fn revoke(
    State(github): State<Arc<Github>>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let (token, _) = github.authenticate_installation(&headers)?;
    github.tokens.revoke(&token.token);
    Ok(StatusCode::NO_CONTENT)
}
