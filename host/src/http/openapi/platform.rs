//! What probes, scrapers and admins ask of the platform itself.

use axum::http::StatusCode;
use schemars::SchemaGenerator;
use serde_json::json;

use super::{answer::Answer, described::Described};
use crate::http::{
    error::ApiError,
    routes::health::{Health, OPEN_METRICS},
    view,
};

const TAG: &str = "platform";

pub(super) fn health() -> Described {
    Described::open(TAG, "health", "Ask whether the platform lives", "")
        .answers(StatusCode::OK, Answer::exactly("It lives.", &Health::Lives))
}

pub(super) fn ready() -> Described {
    Described::open(
        TAG,
        "ready",
        "Ask whether the platform is ready",
        "Ready is a platform that has booted and does not shut down.",
    )
    .answers(StatusCode::OK, Answer::exactly("It is.", &Health::Ready))
    .answers(
        StatusCode::SERVICE_UNAVAILABLE,
        Answer::exactly("It boots, or shuts down.", &Health::NotReady),
    )
}

pub(super) fn metrics(schemas: &mut SchemaGenerator) -> Described {
    Described::open(
        TAG,
        "metrics",
        "Read the metrics",
        "Numbers about all of the platform; no name of a workspace is in them.",
    )
    .answers(
        StatusCode::OK,
        Answer::new("The metrics, as OpenMetrics text.")
            .sent_as(OPEN_METRICS, json!({"type": "string"})),
    )
    .fails(schemas, [ApiError::internal("", "")])
}

pub(super) fn openapi(schemas: &mut SchemaGenerator) -> Described {
    Described::open(
        TAG,
        "openapi",
        "Read this document",
        "It says nothing of this platform but its version.",
    )
    .answers(
        StatusCode::OK,
        Answer::new("An OpenAPI 3.1 document.")
            .sent_as("application/json", json!({"type": "object"})),
    )
    .asks_nothing(schemas)
    .fails(schemas, [ApiError::overloaded(), ApiError::starting()])
}

pub(super) fn plugins(schemas: &mut SchemaGenerator) -> Described {
    let answer = Answer::json::<view::Plugins<'_>>("The plugins and the boot report.", schemas);
    Described::open(
        "plugins",
        "plugins",
        "List the plugins",
        "Those that run, in the order in which they are called, and what boot has made of each file of the plugin directory.",
    )
    .for_admins(schemas)
    .asks_nothing(schemas)
    .answers(StatusCode::OK, answer)
}
