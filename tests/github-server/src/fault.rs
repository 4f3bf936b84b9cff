//! The ways in which GitHub can be made to fail, on purpose.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use http_body_util::channel::Channel;
use jiff::Timestamp;

use crate::clock;
use crate::refusal::Refusal;

const CHUNK: usize = 64 * 1024;

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
    fn is_about_the_token(&self) -> bool {
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
            Self::RateLimitedPrimary(resets_in) => {
                Some(rate_limited(clock::later(now, resets_in).as_second()))
            }
            Self::RateLimitedSecondary {
                status,
                retry_after,
            } => Some(secondary(status, retry_after)),
            Self::ServerError(status) => {
                Some((status, Html("<html><body><h1>Unicorn!</h1></body></html>")).into_response())
            }
            Self::CutInTheMiddle => Some(cut(success)),
            Self::NotJson => Some(
                (
                    success,
                    Html("<html><body>Please log in to the guest network.</body></html>"),
                )
                    .into_response(),
            ),
            Self::HugeBody(bytes) => Some(huge(success, bytes)),
            Self::BadCredentials => Some(Refusal::bad_credentials().into_response()),
            Self::Slow(_)
            | Self::EmptyToken
            | Self::ExpiredOnArrival
            | Self::ReplicationLag(_)
            | Self::PermissionsLag(_) => None,
        }
    }
}

/// For how many requests a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next so many.
    Next(usize),
    /// One, once so many have been spared.
    OneAfter(usize),
    /// All, until it is replaced or cleared.
    Always,
}

/// The fault that is switched on, if any.
#[derive(Default)]
pub(crate) struct Faults {
    active: Mutex<Option<(Fault, Times)>>,
}

impl Faults {
    pub(crate) fn set(&self, fault: Fault, times: Times) {
        *self.locked() = Some((fault, times));
    }

    pub(crate) fn clear(&self) {
        *self.locked() = None;
    }

    /// The fault that befalls a request, counted.
    pub(crate) fn for_a_request(&self) -> Option<Fault> {
        self.take(|fault| !fault.is_about_the_token())
    }

    /// The fault that befalls a token that is being issued, counted.
    pub(crate) fn for_a_token(&self) -> Option<Fault> {
        self.take(Fault::is_about_the_token)
    }

    fn take(&self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut active = self.locked();
        let (fault, times) = active.take_if(|(fault, _)| wanted(fault))?;
        match times {
            Times::Next(0) => return None,
            Times::Next(1) | Times::OneAfter(0) => {}
            Times::OneAfter(more) => {
                *active = Some((fault, Times::OneAfter(more - 1)));
                return None;
            }
            Times::Next(more) => *active = Some((fault.clone(), Times::Next(more - 1))),
            Times::Always => *active = Some((fault.clone(), Times::Always)),
        }
        Some(fault)
    }

    fn locked(&self) -> MutexGuard<'_, Option<(Fault, Times)>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

fn cut(status: StatusCode) -> Response {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        let half = Bytes::from_static(br#"{"token":"ghs_"#);
        if sender.send_data(half).await.is_ok() {
            sender.abort(io::Error::other("cut on purpose"));
        }
    });
    (
        status,
        [
            (CONTENT_TYPE, "application/json; charset=utf-8"),
            (CONTENT_LENGTH, "512"),
        ],
        Body::new(body),
    )
        .into_response()
}

fn huge(status: StatusCode, bytes: usize) -> Response {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'a'; CHUNK]);
        let mut left = bytes;
        let mut sent = sender
            .send_data(Bytes::from_static(
                br#"{"expires_at":"2099-01-01T00:00:00Z","token":"ghs_"#,
            ))
            .await;
        while sent.is_ok() && left > 0 {
            let size = left.min(CHUNK);
            left -= size;
            sent = sender.send_data(chunk.slice(..size)).await;
        }
        if sent.is_ok() {
            // A client that has seen enough has gone by now, which is no fault of the server.
            drop(sender.send_data(Bytes::from_static(br#""}"#)).await);
        }
    });
    (
        status,
        [(CONTENT_TYPE, "application/json; charset=utf-8")],
        Body::new(body),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lasts_as_often_as_it_was_asked_for() {
        let faults = Faults::default();
        faults.set(Fault::NotJson, Times::Next(2));
        assert!(
            faults.for_a_token().is_none(),
            "a token's fault is another matter"
        );
        assert_eq!(
            [(); 3].map(|()| faults.for_a_request().is_some()),
            [true, true, false]
        );
        faults.set(Fault::EmptyToken, Times::Always);
        assert!(faults.for_a_request().is_none());
        assert_eq!([(); 3].map(|()| faults.for_a_token().is_some()), [true; 3]);
        faults.clear();
        assert!(faults.for_a_token().is_none());
    }
}
