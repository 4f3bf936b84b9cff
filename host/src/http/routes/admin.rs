//! The admin's routes to the platform itself.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};

use crate::http::{Api, auth::Admin, query::NoParameters, view};

/// `GET /admin/plugins`: the boot report, and the plugins in the order in which they run.
pub(crate) async fn plugins(_: Admin, _: NoParameters, State(api): State<Arc<Api>>) -> Response {
    let plugins = api.registry.snapshot();
    let view = view::Plugins {
        plugins: plugins.iter().map(|plugin| view::plugin(plugin)).collect(),
        reports: &api.reports,
    };
    Json(view).into_response()
}
