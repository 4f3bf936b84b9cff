//! The state of the node: what its health check says, and what becomes of all other requests.

use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;

use crate::refusal::Refusal;

/// What the node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It serves.
    #[default]
    Active,
    /// A standby that forwards to the active node, so that nobody notices but the health check.
    Standby,
    /// A standby that redirects to this base URL, because the active node takes nothing that is forwarded.
    Redirecting(String),
    /// A standby that has lost the active node.
    Leaderless,
    /// A performance standby, which reads by itself.
    PerformanceStandby,
    /// A secondary for disaster recovery, which serves nobody.
    DisasterRecovery,
    /// Sealed, as after each start.
    Sealed,
    /// Never initialized.
    Uninitialized,
}

impl Mode {
    /// `sys/health` and `sys/seal-status`, which every node answers to everybody.
    pub(crate) fn status(&self, path: &str, now: Timestamp) -> Option<Response> {
        let sealed = matches!(self, Self::Sealed | Self::Uninitialized);
        let initialized = *self != Self::Uninitialized;
        match path {
            "sys/health" => {
                let body = json!({
                    "initialized": initialized,
                    "sealed": sealed,
                    "standby": !matches!(self, Self::Active),
                    "performance_standby": *self == Self::PerformanceStandby,
                    "server_time_utc": now.as_second(),
                    "version": "1.20.0",
                });
                Some((self.health(), Json(body)).into_response())
            }
            "sys/seal-status" => {
                let body = json!({ "type": "shamir", "initialized": initialized, "sealed": sealed, "t": 1, "n": 1, "progress": 0 });
                Some(Json(body).into_response())
            }
            _ => None,
        }
    }

    fn health(&self) -> StatusCode {
        let number = match self {
            Self::Active => 200,
            Self::Standby | Self::Redirecting(_) | Self::Leaderless => 429,
            Self::DisasterRecovery => 472,
            Self::PerformanceStandby => 473,
            Self::Uninitialized => 501,
            Self::Sealed => 503,
        };
        StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer to any other request instead of the right one; none when the right one follows.
    pub(crate) fn refusal(&self, uri: &Uri) -> Option<Response> {
        match self {
            Self::Active | Self::Standby | Self::PerformanceStandby => None,
            Self::Redirecting(leader) => {
                let path = uri.path_and_query().map_or("", |path| path.as_str());
                let to = [(LOCATION, format!("{leader}{path}"))];
                Some((StatusCode::TEMPORARY_REDIRECT, to).into_response())
            }
            Self::Leaderless => Some(
                Refusal::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "local node not active but active cluster node not found",
                )
                .into_response(),
            ),
            Self::DisasterRecovery => Some(
                Refusal::bad_request("path disabled in replication DR secondary mode")
                    .into_response(),
            ),
            Self::Sealed | Self::Uninitialized => Some(
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed").into_response(),
            ),
        }
    }
}
