//! The metadata server of a machine on Google's cloud.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::world::Gcp;

const FLAVOR: [(&str, &str); 2] = [
    ("metadata-flavor", "Google"),
    ("server", "Metadata Server for VM"),
];

/// What clients ask to see whether they are on Google's cloud.
pub(crate) async fn root(State(gcp): State<Arc<Gcp>>) -> Response {
    match gcp.trust.machine {
        Some(_) => (FLAVOR, "computeMetadata/\n").into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(crate) async fn value(
    State(gcp): State<Arc<Gcp>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    if headers
        .get("metadata-flavor")
        .is_none_or(|flavor| flavor != "Google")
    {
        return (
            StatusCode::FORBIDDEN,
            FLAVOR,
            "Missing Metadata-Flavor:Google header.\n",
        )
            .into_response();
    }
    if headers.contains_key("x-forwarded-for") {
        return (StatusCode::FORBIDDEN, FLAVOR, "It must not be forwarded.\n").into_response();
    }
    let Some(account) = &gcp.trust.machine else {
        return (
            StatusCode::NOT_FOUND,
            FLAVOR,
            "The service account was not found.\n",
        )
            .into_response();
    };
    let own = format!("instance/service-accounts/{account}");
    match path.trim_end_matches('/').replace("instance/service-accounts/default", &own).strip_prefix(&own) {
        Some("/token") => {
            let token = gcp.issue(account);
            let body = json!({ "access_token": token, "expires_in": gcp.expires_in(), "token_type": "Bearer" });
            (FLAVOR, Json(body)).into_response()
        }
        Some("/email") => (FLAVOR, account.clone()).into_response(),
        Some("") => (FLAVOR, Json(json!({ "email": account, "scopes": [crate::world::CLOUD], "aliases": ["default"] }))).into_response(),
        None if path == "project/project-id" => (FLAVOR, "p").into_response(),
        Some(_) | None => (StatusCode::NOT_FOUND, FLAVOR, "Not found.\n").into_response(),
    }
}
