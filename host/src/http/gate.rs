//! What every request passes before it is routed: an id, the end of the boot, the limit on requests at once, the limit on time; and after it, the log.
//!
//! One function instead of a stack of layers: each layer would cost a boxed future, and a timer that hardly any request needs.

use std::{
    convert::Infallible,
    fmt::Write as _,
    net::IpAddr,
    pin::pin,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    task::Poll,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request},
    response::{IntoResponse as _, Response},
};
use hyper::body::{Body as _, Incoming};
use tower::Service as _;

use super::{
    Limits, Readiness, Route,
    attempts::{Attempts, Verdict},
    counts::HttpMetrics,
    error::{ApiError, BadToken, Cause},
};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken over from a caller.
pub(super) const MAX_REQUEST_ID: usize = 64;

/// Stands before the router.
pub(crate) struct Gate {
    router: Router,
    metrics: HttpMetrics,
    readiness: Readiness,
    max_requests: usize,
    time: Duration,
    running: AtomicUsize,
    ids: RequestIds,
    attempts: Attempts,
}

impl Gate {
    pub(crate) fn new(
        router: Router,
        metrics: HttpMetrics,
        readiness: Readiness,
        limits: &Limits,
    ) -> Self {
        Self {
            router,
            metrics,
            readiness,
            max_requests: limits.max_requests,
            time: limits.request_time,
            running: AtomicUsize::new(0),
            ids: RequestIds::new(),
            attempts: Attempts::new(limits.bad_tokens),
        }
    }

    /// Answers one request, which came from `peer`; none stands for a Unix socket.
    pub(crate) async fn serve(
        &self,
        request: Request<Incoming>,
        peer: Option<IpAddr>,
    ) -> Result<Response, Infallible> {
        let id = self.ids.of(&request);
        let method = request.method().clone();
        let mut response = self.admit(request).await;
        if let Some(bad) = response.extensions_mut().remove::<BadToken>() {
            response = self.bad_token(response, bad, &id, peer);
        }
        log(&id, &method, &mut response);
        response.headers_mut().insert(REQUEST_ID, id);
        Ok(response)
    }

    async fn admit(&self, request: Request<Incoming>) -> Response {
        let running = Running::enter(&self.running);
        // Probes are let in always: a platform that is busy, or waits for its runtime, is not dead.
        if !is_probe(request.uri().path()) {
            // Tokens that will be good are not known yet, and workspaces are still compared with their records.
            if self.readiness.is_starting() {
                return self.refuse(ApiError::starting());
            }
            if running.before >= self.max_requests {
                return self.refuse(ApiError::overloaded());
            }
        }
        let request = request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(body)
            }
        });
        let mut answer = pin!(self.router.clone().call(request));
        // Most answers are there at the first poll; only the others need a timer.
        let first =
            std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        let answer = match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => match tokio::time::timeout(self.time, answer).await {
                Ok(answer) => answer,
                Err(_) => return self.refuse(ApiError::timed_out()),
            },
        };
        let Ok(response) = answer;
        response
    }

    /// Logs an attempt with a bad token, and refuses an address that makes many.
    fn bad_token(
        &self,
        answer: Response,
        bad: BadToken,
        id: &HeaderValue,
        peer: Option<IpAddr>,
    ) -> Response {
        let from = peer.map_or_else(|| "unix socket".to_owned(), |peer| peer.to_string());
        let id = id.to_str().unwrap_or_default();
        let wait = match self.attempts.failed(peer, Instant::now()) {
            Verdict::Answer => {
                let route = bad.route.pattern();
                tracing::warn!(request_id = id, from, route, "[auth] invalid token");
                return answer;
            }
            Verdict::RefuseAndLog(wait) => {
                tracing::warn!(
                    request_id = id,
                    from,
                    seconds = wait.as_secs(),
                    "[auth] many invalid tokens: more are refused and not logged for now"
                );
                wait
            }
            Verdict::Refuse(wait) => wait,
        };
        self.refuse(ApiError::many_bad_tokens(wait))
    }

    fn refuse(&self, error: ApiError) -> Response {
        let response = error.into_response();
        self.metrics.count(Route::None, response.status());
        response
    }
}

fn is_probe(path: &str) -> bool {
    matches!(path, "/health" | "/ready" | "/metrics")
}

/// Says in the log why a request failed. Successes are the business of metrics.
fn log(id: &HeaderValue, method: &Method, response: &mut Response) {
    let Some(Cause { tag, text, route }) = response.extensions_mut().remove::<Cause>() else {
        return;
    };
    let (id, status) = (id.to_str().unwrap_or_default(), response.status().as_u16());
    let (method, route) = (method.as_str(), route.pattern());
    if response.status().is_server_error() {
        tracing::error!(request_id = id, method, route, status, "{tag}: {text}");
    } else {
        tracing::warn!(request_id = id, method, route, status, "{tag}: {text}");
    }
}

/// One request that runs. Counted until dropped, so a caller who goes away makes room.
struct Running<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Running<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        Self {
            count,
            before: count.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes request ids: a part that is new at each start, and a number.
struct RequestIds {
    start: u32,
    next: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        // Ids are for correlation only: without randomness they are still unique within one run.
        Self {
            start: getrandom::u32().unwrap_or_default(),
            next: AtomicU64::new(1),
        }
    }

    /// The id that the caller gave, if it is short and harmless, or else a new one.
    fn of<B>(&self, request: &Request<B>) -> HeaderValue {
        let given = request
            .headers()
            .get(REQUEST_ID)
            .filter(|given| is_harmless(given.as_bytes()));
        given.cloned().unwrap_or_else(|| self.draw())
    }

    fn draw(&self) -> HeaderValue {
        let mut id = String::with_capacity(26);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Writing to a string cannot fail.
        let _ = write!(id, "{:08x}-{number:x}", self.start);
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
    }
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &[u8]) -> HeaderValue {
        let request = Request::builder()
            .header(REQUEST_ID, given)
            .body(())
            .unwrap();
        RequestIds::new().of(&request)
    }

    #[test]
    fn a_harmless_request_id_is_kept_and_another_replaced() {
        assert_eq!(id_for(b"abc-1.2_X"), "abc-1.2_X");
        for bad in [&b""[..], b"a b", b"a\"b", &[b'a'; 65], "\u{e9}".as_bytes()] {
            assert_ne!(id_for(bad).as_bytes(), bad);
        }
    }

    #[test]
    fn drawn_ids_differ() {
        let ids = RequestIds::new();
        assert_ne!(ids.draw(), ids.draw());
    }

    #[test]
    fn a_request_counts_until_it_is_dropped() {
        let count = AtomicUsize::new(0);
        let first = Running::enter(&count);
        assert_eq!((first.before, Running::enter(&count).before), (0, 1));
        drop(first);
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}
