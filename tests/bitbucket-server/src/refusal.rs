//! What Bitbucket says when it refuses.

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An answer other than success.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The API's standard form.
    Error(StatusCode, Value),
    /// The form of OAuth.
    OAuth(&'static str, String),
    /// A user name and password that do not belong together: no body at all.
    Basic,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: &str) -> Self {
        Self::Error(status, json!({ "message": message }))
    }

    /// 401: a Bearer token that is none, or that is to be presented in another way.
    pub(crate) fn bad_token() -> Self {
        let message = "Token is invalid, expired, or not supported for this endpoint.";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 401: an OAuth token whose two hours are over.
    pub(crate) fn expired() -> Self {
        let message = "Access token expired. Use your refresh token to obtain a new access token.";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403: a good token without the scope.
    pub(crate) fn scopes(required: &str, granted: &[String]) -> Self {
        Self::Error(
            StatusCode::FORBIDDEN,
            json!({
                "message": "Your credentials lack one or more required privilege scopes.",
                "detail": { "required": [required], "granted": granted },
            }),
        )
    }

    /// 404: not there, or not for this token to see.
    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Error(status, error) => {
                (status, Json(json!({ "type": "error", "error": error }))).into_response()
            }
            Self::OAuth(error, description) => {
                let body = json!({ "error": error, "error_description": description });
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Self::Basic => {
                let mut response = StatusCode::UNAUTHORIZED.into_response();
                let realm = HeaderValue::from_static("Basic realm=\"Bitbucket.org HTTP\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, realm);
                response
            }
        }
    }
}
