//! The ways in which Vault, or the way to it, can be made to fail on purpose.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use http_body_util::channel::Channel;

use crate::refusal::Refusal;

const JSON: &str = "application/json";

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
    /// The request is carried out, and then the connection is closed in the middle of the answer.
    CutInTheMiddle,
    /// 200 and a page of HTML.
    NotJson,
    /// 200 and a JSON object with a secret of that many bytes.
    HugeBody(usize),
}

/// For how many requests a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next so many.
    Next(usize),
    /// All, until it is cleared.
    Always,
}

/// The faults that are switched on, in the order in which they were.
#[derive(Default)]
pub(crate) struct Faults {
    active: Vec<(String, Fault, Times)>,
}

impl Faults {
    /// Switches a fault on for paths that begin so, without `/v1/`.
    pub(crate) fn add(&mut self, prefix: &str, fault: Fault, times: Times) {
        self.active.push((prefix.to_owned(), fault, times));
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// The fault that befalls a request, counted.
    pub(crate) fn befalls(&mut self, path: &str) -> Option<Fault> {
        self.active.retain(|(_, _, times)| *times != Times::Next(0));
        let (_, fault, times) = self
            .active
            .iter_mut()
            .find(|(prefix, _, _)| path.starts_with(prefix.as_str()))?;
        if let Times::Next(more) = times {
            *more -= 1;
        }
        Some(fault.clone())
    }
}

impl Fault {
    /// The answer instead of the right one; none when the right one is made first.
    pub(crate) fn answer(&self, path: &str) -> Option<Response> {
        match self {
            Self::Error(status) => Some(Refusal::new(*status, "internal error").into_response()),
            Self::Proxy(status) => {
                Some((*status, Html("<html><h1>Try again later</h1></html>")).into_response())
            }
            Self::RateLimited(wait) => Some(rate_limited(path, wait.map(|wait| wait.as_secs()))),
            Self::BehindIndex => Some(
                Refusal::new(
                    StatusCode::PRECONDITION_FAILED,
                    "required index state not present",
                )
                .into_response(),
            ),
            Self::Denied => Some(Refusal::denied().into_response()),
            Self::NotJson => {
                Some(Html("<html>Please log in to the guest network.</html>").into_response())
            }
            Self::HugeBody(bytes) => Some(huge(*bytes)),
            Self::Slow(_) | Self::CutInTheMiddle => None,
        }
    }
}

/// 429 as a quota sends it.
pub(crate) fn rate_limited(path: &str, retry_after: Option<u64>) -> Response {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("request path \"{path}\": rate limit quota exceeded"),
    )
    .retry_after(retry_after)
    .into_response()
}

/// The beginning of an answer that has another end.
pub(crate) fn cut() -> Response {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        if sender
            .send_data(Bytes::from_static(br#"{"data":{"pass"#))
            .await
            .is_ok()
        {
            sender.abort(io::Error::other("cut on purpose"));
        }
    });
    let headers = [(CONTENT_TYPE, JSON), (CONTENT_LENGTH, "512")];
    (headers, Body::new(body)).into_response()
}

fn huge(bytes: usize) -> Response {
    let mut body = br#"{"data":{"data":{"password":""#.to_vec();
    body.resize(body.len() + bytes, b'a');
    body.extend_from_slice(br#""},"metadata":{"version":1}}}"#);
    ([(CONTENT_TYPE, JSON)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lasts_as_often_as_it_was_asked_for_where_it_was_asked_for() {
        let mut faults = Faults::default();
        faults.add("secret/", Fault::NotJson, Times::Next(2));
        faults.add("", Fault::BehindIndex, Times::Always);
        assert_eq!(faults.befalls("auth/token"), Some(Fault::BehindIndex));
        let befallen = [(); 3].map(|()| faults.befalls("secret/a"));
        assert_eq!(
            befallen.map(Option::unwrap),
            [Fault::NotJson, Fault::NotJson, Fault::BehindIndex]
        );
        faults.clear();
        assert_eq!(faults.befalls("secret/a"), None);
    }
}
