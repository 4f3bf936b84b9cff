//! What the store says when it refuses.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer other than success.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// 400, and what was found.
    Invalid(&'static str),
    /// 401.
    Unauthorized,
    /// 403.
    Denied,
    /// 404: no such path.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 429.
    RateLimited,
}

impl Refusal {
    pub(crate) const fn invalid(found: &'static str) -> Self {
        Self::Invalid(found)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Invalid(found) => (StatusCode::BAD_REQUEST, "invalid_request", found),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "unknown token"),
            Self::Denied => (StatusCode::FORBIDDEN, "denied", "this tenant is not served"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "no such path"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "only GET",
            ),
            Self::RateLimited => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "too many requests",
            ),
        };
        let body = Json(json!({ "error": { "code": code, "message": message } }));
        if status == StatusCode::UNAUTHORIZED {
            return (status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response();
        }
        (status, body).into_response()
    }
}
