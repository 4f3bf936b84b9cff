//! Refusals, in the words of Google's services.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// `{"error":{"code","message","status"}}`, as all of Google's JSON APIs have it.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: StatusCode,
    status: &'static str,
    message: String,
    details: Value,
}

impl Refusal {
    fn new(code: StatusCode, status: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            status,
            message: message.into(),
            details: json!([]),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    pub(crate) fn precondition(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "FAILED_PRECONDITION", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    pub(crate) fn exists(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", message)
    }

    pub(crate) fn denied(permission: &str, resource: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            format!(
                "Permission '{permission}' denied for resource '{resource}' (or it may not exist)."
            ),
        )
        .reason("IAM_PERMISSION_DENIED", "iam.googleapis.com")
    }

    pub(crate) fn disabled_service() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "Secret Manager API has not been used in project 1 before or it is disabled. Enable it by visiting \
             https://console.developers.google.com/apis/api/secretmanager.googleapis.com/overview?project=1 then retry.",
        )
        .reason("SERVICE_DISABLED", "googleapis.com")
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication \
             credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
        .reason("ACCESS_TOKEN_TYPE_UNSUPPORTED", "googleapis.com")
    }

    pub(crate) fn exhausted() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Access requests' and limit 'Access requests per minute' of service \
             'secretmanager.googleapis.com' for consumer 'project_number:1'.",
        )
        .reason("RATE_LIMIT_EXCEEDED", "googleapis.com")
    }

    fn reason(self, reason: &str, domain: &str) -> Self {
        let info = json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain });
        Self {
            details: json!([info]),
            ..self
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error =
            json!({ "code": self.code.as_u16(), "message": self.message, "status": self.status });
        if self.details != json!([]) {
            error["details"] = self.details;
        }
        (self.code, Json(json!({ "error": error }))).into_response()
    }
}

/// `{"error","error_description"}`, as OAuth's endpoints have it.
#[derive(Debug)]
pub(crate) struct GrantRefusal(pub(crate) &'static str, pub(crate) String);

impl GrantRefusal {
    pub(crate) fn invalid_grant(description: impl Into<String>) -> Self {
        Self("invalid_grant", description.into())
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self("invalid_request", description.into())
    }
}

impl IntoResponse for GrantRefusal {
    fn into_response(self) -> Response {
        let status = if self.0 == "invalid_client" {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::BAD_REQUEST
        };
        (
            status,
            Json(json!({ "error": self.0, "error_description": self.1 })),
        )
            .into_response()
    }
}
