//! The ways in which Vault, or the way to it, can be made to fail on purpose.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use server_kit::{Clock, Voice};

use crate::refusal::Refusal;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The status (500, 502, …) with Vault's list of errors.
    Error(StatusCode),
    /// The status with a page of HTML, as a load balancer sends it.
    Proxy(StatusCode),
    /// 429 of a rate limit quota, with `Retry-After` in whole seconds if there is one.
    RateLimited(Option<Duration>),
    /// 412: the node has not caught up with a write yet.
    BehindIndex,
    /// 403, as for a token that is no longer any good.
    Denied,
    /// The right answer, that much later.
    Slow(Duration),
    /// The request is carried out, and the connection is closed without an answer.
    LostAnswer,
    /// Half an answer, then the connection is closed. Nothing is carried out.
    CutInTheMiddle,
    /// 200 and a page of HTML.
    NotJson,
    /// 200 and a JSON object with a value of that many bytes.
    HugeBody(usize),
}

impl From<Fault> for server_kit::Fault {
    fn from(fault: Fault) -> Self {
        let said =
            |status, error: &str| Self::Said(status, json!({ "errors": [error] }).to_string());
        match fault {
            Fault::Error(status) => said(status, "internal error"),
            Fault::BehindIndex => said(
                StatusCode::PRECONDITION_FAILED,
                "required index state not present",
            ),
            Fault::Proxy(status) => Self::ServerError(status),
            Fault::RateLimited(wait) => Self::RateLimited(wait),
            Fault::Denied => Self::Unauthorized,
            Fault::Slow(delay) => Self::Slow(delay),
            Fault::LostAnswer => Self::LostAnswer,
            Fault::CutInTheMiddle => Self::CutInTheMiddle,
            Fault::NotJson => Self::NotJson,
            Fault::HugeBody(bytes) => Self::HugeBody(bytes),
        }
    }
}

/// Vault's words for what every service says.
pub(crate) const VOICE: Voice = Voice {
    rate_limited,
    unauthorized: || Refusal::denied().into_response(),
};

fn rate_limited(wait: Option<Duration>, _: &Clock) -> Response {
    quota_exceeded("…", wait.map(|wait| wait.as_secs())).into_response()
}

/// 429 as a quota sends it.
pub(crate) fn quota_exceeded(path: &str, retry_after: Option<u64>) -> Refusal {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("request path \"{path}\": rate limit quota exceeded"),
    )
    .retry_after(retry_after)
}
