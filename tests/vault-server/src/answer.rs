//! What Vault says when all is well: one envelope for everything.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::random;

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The usual form.
    Envelope(Box<Envelope>),
    /// A body that is not in an envelope, or was put into one before.
    Plain(StatusCode, Value),
    /// No body: 204, or 202 for what is done later.
    Empty(StatusCode),
}

/// The fields that every answer with a body has.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) status: StatusCode,
    pub(crate) lease_id: String,
    pub(crate) lease_seconds: u64,
    pub(crate) renewable: bool,
    pub(crate) data: Value,
    pub(crate) auth: Value,
    pub(crate) wrap_info: Value,
    pub(crate) warnings: Vec<String>,
}

impl Default for Envelope {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            lease_id: String::new(),
            lease_seconds: 0,
            renewable: false,
            data: Value::Null,
            auth: Value::Null,
            wrap_info: Value::Null,
            warnings: Vec::new(),
        }
    }
}

impl Envelope {
    fn shown(self) -> Value {
        let warnings = if self.warnings.is_empty() {
            Value::Null
        } else {
            json!(self.warnings)
        };
        json!({
            "request_id": random::uuid(),
            "lease_id": self.lease_id,
            "renewable": self.renewable,
            "lease_duration": self.lease_seconds,
            "data": self.data,
            "wrap_info": self.wrap_info,
            "warnings": warnings,
            "auth": self.auth,
        })
    }
}

impl Answer {
    pub(crate) fn data(data: Value) -> Self {
        Self::of(Envelope {
            data,
            ..Envelope::default()
        })
    }

    pub(crate) fn of(envelope: Envelope) -> Self {
        Self::Envelope(Box::new(envelope))
    }

    /// 204.
    pub(crate) fn nothing() -> Self {
        Self::Empty(StatusCode::NO_CONTENT)
    }

    /// The body, for whoever unwraps it later; none if there is nothing to wrap.
    pub(crate) fn into_body(self) -> Option<Value> {
        match self {
            Self::Envelope(envelope) => Some(envelope.shown()),
            Self::Plain(_, body) => Some(body),
            Self::Empty(_) => None,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Envelope(envelope) => (envelope.status, Json(envelope.shown())).into_response(),
            Self::Plain(status, body) => (status, Json(body)).into_response(),
            Self::Empty(status) => status.into_response(),
        }
    }
}
