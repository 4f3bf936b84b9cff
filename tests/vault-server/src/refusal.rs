//! What Vault says when it refuses: a status, and a list of messages under `errors`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer other than success.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    errors: Vec<String>,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            errors: vec![error.into()],
            retry_after: None,
        }
    }

    /// 400 with the given message.
    pub(crate) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// 403. The same whether the token is unknown, expired, revoked, of another namespace, or has no policy for it.
    pub(crate) fn denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission denied")
    }

    /// 404 without a word: nothing is stored there.
    pub(crate) fn nothing_there() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 404: no engine has this path.
    pub(crate) fn unsupported_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "1 error occurred:\n\t* unsupported path\n\n",
        )
    }

    /// 405: the path does not take this method.
    pub(crate) fn unsupported_operation() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "1 error occurred:\n\t* unsupported operation\n\n",
        )
    }

    /// Says when to come back.
    pub(crate) fn retry_after(self, seconds: Option<u64>) -> Self {
        Self {
            retry_after: seconds,
            ..self
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "errors": self.errors }))).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
