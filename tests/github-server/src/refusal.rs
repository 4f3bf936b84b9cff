//! What GitHub says when it refuses: a status, a message and a link, as one JSON object.
//!
//! Most messages are on record word for word (see the README); the schema's messages follow the form of those that are.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

const REST: &str = "https://docs.github.com/rest";
const CREATE_TOKEN: &str =
    "https://docs.github.com/rest/reference/apps#create-an-installation-access-token-for-an-app";

/// An answer other than success.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    documentation_url: &'static str,
}

impl Refusal {
    /// 401 with the given message.
    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message, REST)
    }

    /// 401: whatever came as a JSON web token is none, or is not signed with the App's key.
    pub(crate) fn not_a_jwt() -> Self {
        Self::unauthorized("A JSON web token could not be decoded")
    }

    /// 401: an installation token that is unknown, expired or revoked.
    pub(crate) fn bad_credentials() -> Self {
        Self::unauthorized("Bad credentials")
    }

    /// 404: a good JSON web token of an App that does not exist here.
    pub(crate) fn no_such_app() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Integration not found", REST)
    }

    /// 404: no such route, installation, repository or account.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found", REST)
    }

    /// 403: the installation's owner suspended it.
    pub(crate) fn suspended() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This installation has been suspended",
            CREATE_TOKEN,
        )
    }

    /// 403: the token has not got the permission.
    pub(crate) fn not_permitted() -> Self {
        Self::other(
            StatusCode::FORBIDDEN,
            "Resource not accessible by integration",
        )
    }

    /// 400 with the given message.
    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message, CREATE_TOKEN)
    }

    /// 422 with the given message.
    pub(crate) fn unprocessable(message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message, CREATE_TOKEN)
    }

    /// Any other status.
    pub(crate) fn other(status: StatusCode, message: &str) -> Self {
        Self::new(status, message, REST)
    }

    fn new(status: StatusCode, message: &str, documentation_url: &'static str) -> Self {
        Self {
            status,
            message: message.to_owned(),
            documentation_url,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "message": self.message,
            "documentation_url": self.documentation_url,
            "status": self.status.as_u16().to_string(),
        });
        (self.status, Json(body)).into_response()
    }
}
