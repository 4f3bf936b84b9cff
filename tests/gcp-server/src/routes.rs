//! All routes of all services.

mod metadata;
mod secrets;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};

use crate::refusal::Refusal;
use crate::world::Gcp;

pub(crate) fn router(gcp: &Arc<Gcp>) -> Router {
    Router::new()
        .route("/token", post(tokens::oauth))
        .route("/v1/token", post(tokens::exchange))
        .route("/", get(metadata::root))
        .route("/computeMetadata/v1/{*path}", get(metadata::value))
        // `{name}:verb` is no path of axum's, so these take all that is below a project.
        .route(
            "/v1/projects/{*path}",
            get(secrets::get).post(secrets::post),
        )
        .fallback(|| async {
            Refusal::not_found("The requested URL was not found on this server.").into_response()
        })
        .with_state(Arc::clone(gcp))
}
