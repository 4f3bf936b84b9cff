//! What GitLab says when it refuses: `message` for the API's own errors, `error` for parameters and for tokens.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An answer other than success.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: Value,
    authenticate: Option<String>,
}

impl Refusal {
    /// A status and the message that stands for it.
    pub(crate) fn other(status: StatusCode, message: &str) -> Self {
        Self {
            status,
            body: json!({ "message": message }),
            authenticate: None,
        }
    }

    /// 401: no token, or one that GitLab never heard of.
    pub(crate) fn unauthorized() -> Self {
        Self::other(StatusCode::UNAUTHORIZED, "401 Unauthorized")
    }

    /// 401: a token that GitLab knows, but that works no more.
    pub(crate) fn invalid_token(description: &str) -> Self {
        let body = json!({ "error": "invalid_token", "error_description": description });
        let header = format!(
            "Bearer realm=\"The API\", error=\"invalid_token\", error_description=\"{description}\""
        );
        Self {
            status: StatusCode::UNAUTHORIZED,
            body,
            authenticate: Some(header),
        }
    }

    /// 403: a good token without any of these scopes.
    pub(crate) fn insufficient_scope(scopes: &[&str]) -> Self {
        let body = json!({
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": scopes.join(" "),
        });
        Self {
            status: StatusCode::FORBIDDEN,
            body,
            authenticate: None,
        }
    }

    /// 403, with the reason.
    pub(crate) fn forbidden(reason: Option<&str>) -> Self {
        let reason = reason.map(|reason| format!(" - {reason}"));
        let message = format!("403 Forbidden{}", reason.unwrap_or_default());
        Self::other(StatusCode::FORBIDDEN, &message)
    }

    /// 404: `what` begins with a capital, and may be empty.
    pub(crate) fn not_found(what: &str) -> Self {
        let message = format!("404 {what} Not Found").replace("  ", " ");
        Self::other(StatusCode::NOT_FOUND, &message)
    }

    /// 405: the wrong kind of token for this route.
    pub(crate) fn not_allowed() -> Self {
        Self::other(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed")
    }

    /// 400: it was understood, and cannot be done.
    pub(crate) fn bad_request(reason: &str) -> Self {
        let message = format!("400 Bad request - {reason}");
        Self::other(StatusCode::BAD_REQUEST, &message)
    }

    /// 400: parameters that are missing or malformed.
    pub(crate) fn parameters(errors: &[String]) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            body: json!({ "error": errors.join(", ") }),
            authenticate: None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let header = self.authenticate.and_then(|value| value.parse().ok());
        if let Some(header) = header {
            response.headers_mut().insert(WWW_AUTHENTICATE, header);
        }
        response
    }
}
