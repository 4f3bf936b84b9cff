//! The ways in which GitHub can be made to fail, on purpose.

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use server_kit::{Voice, body};

use crate::clock;
use crate::refusal::Refusal;

const JSON: &str = "application/json; charset=utf-8";

/// What goes wrong. The four about the token count only requests that get one; all others count every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 403, `x-ratelimit-remaining: 0`, and a reset that far in the future.
    RateLimitedPrimary(Duration),
    /// 403 or 429 with the message of the secondary limit, and with `retry-after` if there is one.
    RateLimitedSecondary {
        /// 403 or 429; GitHub sends either.
        status: StatusCode,
        /// What `retry-after` says, in whole seconds; none leaves the header out.
        retry_after: Option<Duration>,
    },
    /// The status (GitHub: 500, 502, 503) with a page of HTML.
    ServerError(StatusCode),
    /// The right answer, that much later.
    Slow(Duration),
    /// Half an answer, then the connection is closed.
    CutInTheMiddle,
    /// 200 (201 for a `POST`) and a page of HTML.
    NotJson,
    /// 200 (201 for a `POST`) and a JSON object with a token of that many bytes.
    HugeBody(usize),
    /// 201 and a token of no characters.
    EmptyToken,
    /// 201 and a token that had already expired a minute ago.
    ExpiredOnArrival,
    /// 201 and a good token, which is refused with 401 for that long.
    ReplicationLag(Duration),
    /// 201 and a good token, which is known at once, but whose permissions are not for that long: 403, and 404 for a repository.
    PermissionsLag(Duration),
    /// 401 "Bad credentials".
    BadCredentials,
}

impl Fault {
    pub(crate) fn is_about_the_token(&self) -> bool {
        matches!(
            self,
            Self::EmptyToken
                | Self::ExpiredOnArrival
                | Self::ReplicationLag(_)
                | Self::PermissionsLag(_)
        )
    }

    /// The answer instead of the right one; none when the right one follows.
    pub(crate) fn answer(self, method: &Method, now: Timestamp) -> Option<Response> {
        let success = if method == Method::POST {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        match self {
            Self::RateLimitedPrimary(resets_in) => Some(limited_for(resets_in, now)),
            Self::RateLimitedSecondary {
                status,
                retry_after,
            } => Some(secondary(status, retry_after)),
            Self::ServerError(status) => {
                Some((status, Html("<html><body><h1>Unicorn!</h1></body></html>")).into_response())
            }
            Self::CutInTheMiddle => {
                Some((success, body::cut(JSON, r#"{"token":"ghs_"#)).into_response())
            }
            Self::NotJson => Some(
                (
                    success,
                    Html("<html><body>Please log in to the guest network.</body></html>"),
                )
                    .into_response(),
            ),
            Self::HugeBody(bytes) => {
                let head = r#"{"expires_at":"2099-01-01T00:00:00Z","token":"ghs_"#;
                Some((success, body::huge(JSON, head, bytes)).into_response())
            }
            Self::BadCredentials => Some(Refusal::bad_credentials().into_response()),
            Self::Slow(_)
            | Self::EmptyToken
            | Self::ExpiredOnArrival
            | Self::ReplicationLag(_)
            | Self::PermissionsLag(_) => None,
        }
    }
}

/// GitHub's words for what every service says.
pub(crate) const VOICE: Voice = Voice {
    rate_limited: |wait, clock| limited_for(wait.unwrap_or_default(), clock.now()),
    unauthorized: || Refusal::bad_credentials().into_response(),
};

fn limited_for(wait: Duration, now: Timestamp) -> Response {
    rate_limited(clock::later(now, wait).as_second())
}

/// 403 as GitHub answers when the hour's requests are used up; the reset is in seconds since 1970.
pub(crate) fn rate_limited(reset: i64) -> Response {
    let mut response = Refusal::other(
        StatusCode::FORBIDDEN,
        "API rate limit exceeded for installation.",
    )
    .into_response();
    response
        .headers_mut()
        .insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
    response
        .headers_mut()
        .insert("x-ratelimit-reset", HeaderValue::from(reset));
    response
}

fn secondary(status: StatusCode, retry_after: Option<Duration>) -> Response {
    let message =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let mut response = Refusal::other(status, message).into_response();
    if let Some(retry_after) = retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
    }
    response
}

#[cfg(test)]
mod tests {
    use server_kit::{Faults, Times};

    use super::*;

    #[test]
    fn a_fault_lasts_as_often_as_it_was_asked_for() {
        let faults = Faults::default();
        let for_a_request = || faults.take(|fault: &Fault| !fault.is_about_the_token());
        let for_a_token = || faults.take(Fault::is_about_the_token);
        faults.set(Fault::NotJson, Times::Next(2));
        assert!(for_a_token().is_none(), "a token's fault is another matter");
        assert_eq!(
            [(); 3].map(|()| for_a_request().is_some()),
            [true, true, false]
        );
        faults.set(Fault::EmptyToken, Times::Always);
        assert!(for_a_request().is_none());
        assert_eq!([(); 3].map(|()| for_a_token().is_some()), [true; 3]);
        faults.clear();
        assert!(for_a_token().is_none());
    }
}
