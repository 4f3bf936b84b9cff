//! What probes and scrapers ask. None of it needs a token, and none of it tells more than that.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use crate::http::{Api, error::ApiError, openapi, query::NoParameters};

/// The content type of the OpenMetrics text format.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a probe is told.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "status")]
pub(crate) enum Health {
    /// The process lives and answers.
    #[serde(rename = "ok")]
    Lives,
    /// Traffic is welcome.
    #[serde(rename = "ready")]
    Ready,
    /// It is not.
    #[serde(rename = "not ready")]
    NotReady,
}

/// The process lives and answers.
pub(crate) async fn health() -> Response {
    Json(Health::Lives).into_response()
}

/// Traffic is welcome: boot is done, and no shutdown has begun.
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Response {
    match api.readiness.is_ready() {
        true => Json(Health::Ready).into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(Health::NotReady)).into_response(),
    }
}

/// The description of the API. It tells nothing of this platform but its version.
pub(crate) async fn openapi(_: NoParameters) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], openapi::bytes()).into_response()
}

/// All metrics, in the OpenMetrics text format.
pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, ApiError> {
    match api.metrics.encode() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()),
        Err(error) => Err(ApiError::internal(
            "[metrics] encoding failed",
            error.to_string(),
        )),
    }
}
