//! `Retry-After` on an answer that says to come later.

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

/// The answer, with the wait if one is told.
#[must_use]
pub fn told(wait: Option<Duration>, answer: impl IntoResponse) -> Response {
    match wait {
        Some(wait) => ([(RETRY_AFTER, wait.as_secs().to_string())], answer).into_response(),
        None => answer.into_response(),
    }
}
