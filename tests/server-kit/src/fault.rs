//! The ways in which a service can be made to fail, on purpose.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};

use crate::body;
use crate::core::Core;

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
            Self::CutInTheMiddle => Some(body::cut(JSON, r#"{"token":"half"#)),
            Self::NotJson => Some(page(StatusCode::OK)),
            Self::HugeBody(bytes) => Some(body::huge(JSON, r#"{"token":""#, *bytes)),
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
    /// One, once so many have been spared.
    OneAfter(usize),
    /// All, until it is replaced or cleared.
    Always,
}

/// The fault that is switched on, if any.
pub struct Faults<F> {
    active: Mutex<Option<(F, Times)>>,
}

impl<F: Clone> Faults<F> {
    /// Switches a fault on, in place of the one before.
    pub fn set(&self, fault: F, times: Times) {
        *self.locked() = Some((fault, times));
    }

    /// Switches the fault off.
    pub fn clear(&self) {
        *self.locked() = None;
    }

    /// The fault that befalls what it is wanted for, counted.
    pub fn take(&self, wanted: impl Fn(&F) -> bool) -> Option<F> {
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

    fn locked(&self) -> MutexGuard<'_, Option<(F, Times)>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Default for Faults<F> {
    fn default() -> Self {
        Self {
            active: Mutex::new(None),
        }
    }
}

pub(crate) fn page(status: StatusCode) -> Response {
    let page = "<html><body>Please log in to the guest network.</body></html>";
    (status, Html(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_befalls_what_it_is_for_and_as_often_as_asked_for() {
        let faults = Faults::default();
        faults.set("POST /t", Times::Next(2));
        let befalls = |line: &str| faults.take(|part| line.contains(part)).is_some();
        assert!(!befalls("GET /t"));
        assert_eq!([(); 3].map(|()| befalls("POST /t/1")), [true, true, false]);
        faults.set("", Times::Always);
        assert_eq!([(); 3].map(|()| befalls("GET /")), [true; 3]);
        faults.clear();
        assert!(!befalls("GET /"));
    }
}
