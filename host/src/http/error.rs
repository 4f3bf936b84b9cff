//! What a caller outside is told when something fails. Only here, and in the file
//! beside it for workspaces, failures are mapped to status codes.
//!
//! A caller gets a canonical reason; the cause travels beside the answer to the log, and never leaves the platform.

mod workspace;

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    fault::FaultKind,
    http::Route,
    provision::Problem,
    token::{TokenError, TokenErrorKind},
};

/// A failed request.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    body: Body,
    headers: Vec<(header::HeaderName, HeaderValue)>,
    cause: Option<Cause>,
    bad_token: bool,
}

/// What the log says of a failed request. Rides on the response as an extension.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// What the log line begins with, so that operators can grep for it.
    pub(crate) tag: &'static str,
    /// The cause, without secrets.
    pub(crate) text: String,
    /// The route that failed; [`Counted`](crate::http::route::Counted) fills it in.
    pub(crate) route: Route,
}

/// The request came with a token that opens nothing. Rides on the response as an extension, to those who count attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BadToken {
    /// The route that was tried; [`Counted`](crate::http::route::Counted) fills it in.
    pub(crate) route: Route,
}

/// Why a request failed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct Body {
    /// The canonical reason, for people. The cause is in the platform's log, under the `x-request-id` of the answer.
    error: String,
    /// The workspace that it is about, where one was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<String>,
    /// Everything that is wrong with the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        let body = Body {
            error: error.into(),
            workspace: None,
            problems: Vec::new(),
        };
        Self(Box::new(Parts {
            status,
            body,
            headers: Vec::new(),
            cause: None,
            bad_token: false,
        }))
    }

    /// The same, with the cause for the log.
    pub(crate) fn because(mut self, tag: &'static str, text: impl Into<String>) -> Self {
        self.0.cause = Some(Cause {
            tag,
            text: text.into(),
            route: Route::None,
        });
        self
    }

    /// The same, with the workspace that it is about.
    pub(crate) fn about(mut self, workspace: impl Into<String>) -> Self {
        self.0.body.workspace = Some(workspace.into());
        self
    }

    /// The same, with the time after which to try again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0
            .headers
            .push((header::RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        self
    }

    /// 400 with everything that is wrong at once.
    pub(crate) fn problems(error: &str, problems: Vec<Problem>) -> Self {
        let mut refused = Self::new(StatusCode::BAD_REQUEST, error);
        refused.0.body.problems = problems;
        refused
    }

    /// 401: no bearer token.
    pub(crate) fn unauthenticated() -> Self {
        Self::challenge(
            "a bearer token is required",
            "Bearer realm=\"provisionhook\"",
        )
    }

    /// 401: a token that does not open this route. Whether it opens another, and whether the workspace exists, is not said.
    pub(crate) fn invalid_token() -> Self {
        let mut refused = Self::challenge(
            "invalid token",
            "Bearer realm=\"provisionhook\", error=\"invalid_token\"",
        );
        refused.0.bad_token = true;
        refused
    }

    /// 429: one address has tried many tokens that open nothing.
    pub(crate) fn many_bad_tokens(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many invalid tokens: try again later",
        )
        .retry_after(wait.as_secs())
    }

    /// 403: a workspace's token, told from its shape alone.
    pub(crate) fn admins_only() -> Self {
        Self::new(StatusCode::FORBIDDEN, "this route takes the admin token")
    }

    /// 403: an admin token.
    pub(crate) fn workspace_only() -> Self {
        let error = "this route takes the workspace's own token";
        Self::new(StatusCode::FORBIDDEN, error)
    }

    /// The answer, for the description of the API: its status, its body, and the headers that are its own.
    pub(super) fn sample(&self) -> (StatusCode, Value, impl Iterator<Item = &header::HeaderName>) {
        let body = serde_json::to_value(&self.0.body).unwrap_or_default();
        let own = self.0.headers.iter().map(|(name, _)| name);
        (self.0.status, body, own.chain([&header::CACHE_CONTROL]))
    }

    /// 403: in the development mode, a request that was not made to this machine by name.
    pub(crate) fn not_local() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "expected a loopback address or localhost in the Host header, found another name",
        )
    }

    fn challenge(error: &str, challenge: &'static str) -> Self {
        let mut refused = Self::new(StatusCode::UNAUTHORIZED, error);
        refused.0.headers.push((
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        ));
        refused
    }

    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no such route")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
    }

    pub(crate) fn no_workspace() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no such workspace")
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("expected a body of at most {limit} bytes, found more: shorten it"),
        )
    }

    pub(crate) fn slow_body() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time: send it again",
        )
    }

    /// 503: the platform has not yet taken over the workspaces of the one before.
    pub(crate) fn starting() -> Self {
        let error = "the platform is starting: try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error).retry_after(1)
    }

    /// 429: as many requests are running, or as many provisions waiting, as the operator allows.
    pub(crate) fn overloaded() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests at once: try again later",
        )
        .retry_after(1)
    }

    /// 429: as many streams are open as the platform was told to keep.
    pub(crate) fn many_streams() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many streams at once: try again later",
        )
        .retry_after(5)
    }

    /// 410: what follows that event is not kept any more, or the event has not happened.
    pub(crate) fn events_gone(first: i64, last: i64) -> Self {
        Self::new(
            StatusCode::GONE,
            format!(
                "expected the number of an event from {first} to {last}, found another, and what followed it is not kept: \
                 look at the state of the workspaces, and go on from {last}"
            ),
        )
    }

    /// 504: the platform gave up waiting for its own answer.
    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the request took too long: look at the state before you try again",
        )
    }

    /// 500 with the canonical reason only.
    pub(crate) fn internal(tag: &'static str, cause: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error").because(tag, cause)
    }
}

/// What the log line of a failed token begins with. Operators grep for it.
const TOKEN_TAG: &str = "[github] token refresh failed";

impl ApiError {
    /// A token that cannot be had, as clients of the two GitHub routes know it: these bodies and no others.
    pub(crate) fn github_token(error: &TokenError) -> Self {
        if error.kind == TokenErrorKind::NoPlugins {
            return Self::new(StatusCode::NOT_FOUND, "no GitHub App configured");
        }
        if is_absent(&error.kind) {
            return Self::new(StatusCode::NOT_FOUND, "no token provider registered");
        }
        Self::refresh_failed(error)
    }

    /// A token that cannot be had, on the other routes.
    pub(crate) fn token(error: &TokenError) -> Self {
        if is_absent(&error.kind) {
            return Self::new(StatusCode::NOT_FOUND, "no such token provider");
        }
        let because =
            |status, reason: &str| Self::new(status, reason).because(TOKEN_TAG, error.to_string());
        match error.fault_kind() {
            FaultKind::Denied => because(StatusCode::FORBIDDEN, "token denied"),
            FaultKind::Transient => because(
                StatusCode::SERVICE_UNAVAILABLE,
                "token not available for now",
            )
            .retry_after(error.retry_after().map_or(1, |time| time.as_secs())),
            FaultKind::TimedOut => {
                because(StatusCode::GATEWAY_TIMEOUT, "token refresh took too long")
            }
            FaultKind::Config
            | FaultKind::Internal
            | FaultKind::Panicked
            | FaultKind::Cancelled => Self::refresh_failed(error),
        }
    }

    fn refresh_failed(error: &TokenError) -> Self {
        let empty = error.kind == TokenErrorKind::EmptyToken;
        let reason = if empty {
            "token refresh failed: empty token"
        } else {
            "token refresh failed"
        };
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, reason).because(TOKEN_TAG, error.to_string())
    }
}

/// Whether there is nobody to ask.
const fn is_absent(kind: &TokenErrorKind) -> bool {
    matches!(
        kind,
        TokenErrorKind::NoPlugins
            | TokenErrorKind::NoProvider
            | TokenErrorKind::UnknownProvider { .. }
    )
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts {
            status,
            body,
            headers,
            cause,
            bad_token,
        } = *self.0;
        let mut response = (status, Json(body)).into_response();
        response
            .headers_mut()
            .extend(headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(cause) = cause {
            response.extensions_mut().insert(cause);
        }
        if bad_token {
            let route = Route::None;
            response.extensions_mut().insert(BadToken { route });
        }
        response
    }
}
