//! The routes, at the root as on api.github.com and under `/api/v3` as on an Enterprise Server.

mod app;
mod mint;
mod page;
mod with_token;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::gate;
use crate::github::Github;
use crate::refusal::Refusal;

pub(crate) fn router(github: &Arc<Github>) -> Router {
    let routes = Router::new()
        .route("/app", get(app::app))
        .route("/app/installations", get(app::installations))
        .route("/app/installations/{id}", get(app::by_number))
        .route("/app/installations/{id}/access_tokens", post(mint::mint))
        .route(
            "/repos/{owner}/{repository}/installation",
            get(app::of_repository),
        )
        .route("/orgs/{owner}/installation", get(app::of_organization))
        .route("/users/{owner}/installation", get(app::of_user))
        .route("/repos/{owner}/{repository}", get(with_token::repository))
        .route("/installation/token", delete(with_token::revoke))
        .route("/installation/repositories", get(with_token::repositories));
    Router::new()
        .merge(routes.clone())
        .nest("/api/v3", routes)
        .fallback(async || Refusal::not_found())
        .method_not_allowed_fallback(async || Refusal::not_found())
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(github),
            gate::gate,
        ))
        .with_state(Arc::clone(github))
}
