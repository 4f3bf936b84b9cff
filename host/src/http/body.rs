//! Reads the JSON body of a request, within limits of size and time.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use crate::http::{Limits, error::ApiError};

/// How much of a body that is too large is read all the same.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

/// The JSON body of `request`.
///
/// # Errors
/// 415 for another content type, 413 for more than `limit` bytes, 408 for a body that takes longer than `time`, 400 for what is not JSON.
pub(crate) async fn json(
    request: Request<Body>,
    limit: usize,
    time: Duration,
) -> Result<Value, ApiError> {
    check_type(request.headers())?;
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if announced
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| length > limit)
    {
        drop(tokio::time::timeout(time, discard(request.into_body())).await);
        return Err(ApiError::too_large(limit));
    }
    let body = Limited::new(request.into_body(), limit).collect();
    let bytes = match tokio::time::timeout(time, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(ApiError::too_large(limit)),
        Ok(Err(_)) => return Err(broken_off()),
        Err(_) => return Err(ApiError::slow_body()),
    };
    parse(&bytes)
}

/// Reads a body that is not wanted: a client that writes before it reads would see a broken connection and no answer.
async fn discard(mut body: Body) {
    let mut left = MAX_DISCARDED;
    while left > 0
        && let Some(Ok(frame)) = body.frame().await
    {
        left = left.saturating_sub(frame.data_ref().map_or(1, Bytes::len));
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let found = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(no_json())
}

fn no_json() -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "expected the content type application/json, found another or none",
    )
}

fn broken_off() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "the body broke off")
}

/// Every way in which [`json`] may fail, for the description of the API.
pub(crate) fn refusals() -> Vec<ApiError> {
    let limit = Limits::default().max_body;
    let others = [
        no_json(),
        ApiError::too_large(limit),
        ApiError::slow_body(),
        broken_off(),
    ];
    let malformed = parse(&Bytes::from_static(b"{")).err();
    malformed.into_iter().chain(others).collect()
}

fn parse(bytes: &Bytes) -> Result<Value, ApiError> {
    // serde_json's own text names what it met, never the value.
    serde_json::from_slice(bytes).map_err(|error| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("expected a JSON body, found malformed JSON: {error}"),
        )
    })
}
