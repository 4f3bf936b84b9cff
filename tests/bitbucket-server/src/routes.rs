//! The routes of the API below `/2.0`, of the site, and of git.

mod api;
mod git;
mod oauth;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::bitbucket::Bitbucket;

pub(crate) fn router(bitbucket: &Arc<Bitbucket>) -> Router {
    Router::new()
        .route("/2.0/user", get(api::user))
        .route("/2.0/workspaces/{workspace}", get(api::workspace))
        .route("/2.0/repositories/{workspace}", get(api::repositories))
        .route("/2.0/repositories/{workspace}/{slug}", get(api::repository))
        .route("/site/oauth2/access_token", post(oauth::access_token))
        .route("/{workspace}/{slug}/info/refs", get(git::info_refs))
        .fallback(api::nothing)
        .with_state(Arc::clone(bitbucket))
}
