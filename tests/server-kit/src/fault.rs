//! The ways in which a service can be made to fail, on purpose.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use http_body_util::channel::Channel;

use crate::core::Core;

const CHUNK: usize = 64 * 1024;
const JSON: &str = "application/json";

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service's own refusal of too many requests, which may say for how long.
    RateLimited(Option<Duration>),
    /// The service's own refusal of credentials that it does not know.
    Unauthorized,
    /// The status with this JSON, as the service itself would say it. Nothing is done.
    Said(StatusCode, String),
    /// The status, usually a 5xx, with a page of HTML. Nothing is done.
    ServerError(StatusCode),
    /// The same, but what was asked for is done: a proxy gave up waiting.
    ServerErrorAfterwards(StatusCode),
    /// The right answer; what was asked for is done that much later.
    Slow(Duration),
    /// What was asked for is done at once; the right answer comes that much later.
    SlowAnswer(Duration),
    /// What was asked for is done, and the connection is closed without an answer.
    LostAnswer,
    /// Half an answer, then the connection is closed. Nothing is done.
    CutInTheMiddle,
    /// 200 and a page of HTML.
    NotJson,
    /// 200 and a JSON object with a token of that many bytes.
    HugeBody(usize),
}

impl Fault {
    /// The answer instead of the right one; none when the right one is needed first.
    pub(crate) fn answer(&self, core: &Core) -> Option<Response> {
        match self {
            Self::RateLimited(wait) => Some((core.voice.rate_limited)(*wait, &core.clock)),
            Self::Unauthorized => Some((core.voice.unauthorized)()),
            Self::Said(status, json) => {
                let body = ([(CONTENT_TYPE, JSON)], json.clone());
                Some((*status, body).into_response())
            }
            Self::ServerError(status) => Some(page(*status)),
            Self::CutInTheMiddle => Some(cut()),
            Self::NotJson => Some(page(StatusCode::OK)),
            Self::HugeBody(bytes) => Some(huge(*bytes)),
            Self::ServerErrorAfterwards(_)
            | Self::Slow(_)
            | Self::SlowAnswer(_)
            | Self::LostAnswer => None,
        }
    }
}

/// For how many requests a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next so many.
    Next(usize),
    /// All, until it is replaced or cleared.
    Always,
}

/// The fault that is switched on, if any.
#[derive(Default)]
pub(crate) struct Faults {
    active: Mutex<Option<Active>>,
}

struct Active {
    part: String,
    fault: Fault,
    left: Times,
}

impl Faults {
    pub(crate) fn set(&self, part: &str, fault: Fault, left: Times) {
        let part = part.to_owned();
        *self.locked() = Some(Active { part, fault, left });
    }

    pub(crate) fn clear(&self) {
        *self.locked() = None;
    }

    /// The fault that befalls a request, counted.
    pub(crate) fn befalls(&self, line: &str) -> Option<Fault> {
        let mut active = self.locked();
        let found = active.as_mut().filter(|found| line.contains(&found.part))?;
        let fault = found.fault.clone();
        match &mut found.left {
            Times::Always => {}
            Times::Next(0) => return None,
            Times::Next(left) => *left -= 1,
        }
        Some(fault)
    }

    fn locked(&self) -> MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn page(status: StatusCode) -> Response {
    let page = "<html><body>Please log in to the guest network.</body></html>";
    (status, Html(page)).into_response()
}

/// No answer at all: the connection is closed before the head of the answer has left.
pub(crate) fn lost() -> Response {
    let (sender, body) = Channel::<Bytes, io::Error>::new(1);
    sender.abort(io::Error::other("lost on purpose"));
    ([(CONTENT_LENGTH, "512")], Body::new(body)).into_response()
}

/// The head of an answer and the beginning of its body; then the connection is closed.
fn cut() -> Response {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        let half = Bytes::from_static(br#"{"token":"half"#);
        if sender.send_data(half).await.is_ok() {
            sender.abort(io::Error::other("cut on purpose"));
        }
    });
    let headers = [(CONTENT_TYPE, JSON), (CONTENT_LENGTH, "512")];
    (headers, Body::new(body)).into_response()
}

fn huge(bytes: usize) -> Response {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'a'; CHUNK]);
        let mut left = bytes;
        let mut sent = sender.send_data(Bytes::from_static(br#"{"token":""#)).await;
        while sent.is_ok() && left > 0 {
            let size = left.min(CHUNK);
            left -= size;
            sent = sender.send_data(chunk.slice(..size)).await;
        }
        if sent.is_ok() {
            // A client that has seen enough has gone by now.
            drop(sender.send_data(Bytes::from_static(br#""}"#)).await);
        }
    });
    ([(CONTENT_TYPE, JSON)], Body::new(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_befalls_what_it_is_for_and_as_often_as_asked_for() {
        let faults = Faults::default();
        faults.set("POST /t", Fault::NotJson, Times::Next(2));
        let befalls = |line: &str| faults.befalls(line).is_some();
        assert!(!befalls("GET /t"));
        assert_eq!([(); 3].map(|()| befalls("POST /t/1")), [true, true, false]);
        faults.set("", Fault::LostAnswer, Times::Always);
        assert_eq!([(); 3].map(|()| befalls("GET /")), [true; 3]);
        faults.clear();
        assert!(!befalls("GET /"));
    }
}
