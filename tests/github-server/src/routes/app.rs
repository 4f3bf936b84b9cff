//! The routes that tell an App about itself and where it is installed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{AppendHeaders, IntoResponse};
use serde_json::{Value, json};

use crate::github::Github;
use crate::installation::Installation;
use crate::refusal::Refusal;
use crate::routes::page::Page;

type Answer = Result<Json<Value>, Refusal>;

pub(crate) async fn app(State(github): State<Arc<Github>>, headers: HeaderMap) -> Answer {
    github.authenticate_app(&headers)?;
    let permissions = github
        .installations()
        .first()
        .map(|installation| installation.permissions.clone());
    Ok(Json(json!({
        "id": github.app.id,
        "slug": "provisionhook-test",
        "client_id": github.app.client_id,
        "name": "provisionhook test",
        "owner": { "login": "provisionhook", "id": 1, "type": "Organization" },
        "permissions": permissions.unwrap_or_default(),
        "events": [],
        "installations_count": github.installations().len(),
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    })))
}

pub(crate) async fn installations(
    State(github): State<Arc<Github>>,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    github.authenticate_app(&headers)?;
    let all: Vec<Value> = github
        .installations()
        .iter()
        .map(|installation| shown(&github, installation))
        .collect();
    let link = page.link(all.len(), github.core.base_url(), &uri);
    Ok((AppendHeaders(link), Json(page.of(all))))
}

pub(crate) async fn by_number(
    State(github): State<Arc<Github>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    find(&github, &headers, |installation| {
        installation.id.to_string() == id
    })
}

pub(crate) async fn of_repository(
    State(github): State<Arc<Github>>,
    Path((owner, repository)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    find(&github, &headers, |installation| {
        installation.owner.eq_ignore_ascii_case(&owner) && installation.covers(&repository)
    })
}

pub(crate) async fn of_organization(
    State(github): State<Arc<Github>>,
    Path(owner): Path<String>,
    headers: HeaderMap,
) -> Answer {
    find(&github, &headers, |installation| {
        !installation.user && installation.owner.eq_ignore_ascii_case(&owner)
    })
}

/// GitHub answers here for an organization too.
pub(crate) async fn of_user(
    State(github): State<Arc<Github>>,
    Path(owner): Path<String>,
    headers: HeaderMap,
) -> Answer {
    find(&github, &headers, |installation| {
        installation.owner.eq_ignore_ascii_case(&owner)
    })
}

fn find(github: &Github, headers: &HeaderMap, wanted: impl Fn(&Installation) -> bool) -> Answer {
    github.authenticate_app(headers)?;
    let installation = github.installation(wanted).ok_or_else(Refusal::not_found)?;
    Ok(Json(shown(github, &installation)))
}

fn shown(github: &Github, installation: &Installation) -> Value {
    installation.to_json(github.app.id, &github.app.client_id, github.core.base_url())
}
