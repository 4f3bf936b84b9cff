//! What every request passes on its way in and out: the record, the fault that is switched on, the headers, the rate limit.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::DATE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::fault::{self, Fault};
use crate::github::Github;
use crate::headers;
use crate::ledger::Quota;

pub(crate) async fn gate(
    State(github): State<Arc<Github>>,
    request: Request,
    next: Next,
) -> Response {
    let (entry, quota) = github.ledger.open(
        request.method().as_str(),
        request.uri().path(),
        github.clock.now(),
    );
    let mut response = answer(&github, quota, request, next).await;
    stamp(response.headers_mut(), quota, github.clock.now());
    github.ledger.close(entry, response.status().as_u16());
    response
}

async fn answer(github: &Github, quota: Quota, request: Request, next: Next) -> Response {
    match github.faults.for_a_request() {
        Some(Fault::Slow(delay)) => github.pause(delay).await,
        Some(fault) => {
            if let Some(response) = fault.answer(request.method(), github.clock.now()) {
                return response;
            }
        }
        None => {}
    }
    if let Some(response) = headers::refuse(request.headers(), request.uri().path()) {
        return response;
    }
    if quota.exceeded() {
        return fault::rate_limited(quota.reset);
    }
    next.run(request).await
}

/// Every answer tells the time by GitHub's clock, and what is left of the quota, unless a fault already told otherwise.
fn stamp(headers: &mut HeaderMap, quota: Quota, now: Timestamp) {
    let quota_headers = [
        ("x-ratelimit-limit", HeaderValue::from(quota.limit)),
        (
            "x-ratelimit-remaining",
            HeaderValue::from(quota.remaining()),
        ),
        ("x-ratelimit-reset", HeaderValue::from(quota.reset)),
        ("x-ratelimit-used", HeaderValue::from(quota.used)),
        ("x-ratelimit-resource", HeaderValue::from_static("core")),
    ];
    for (name, value) in quota_headers {
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(value);
    }
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .ok()
        .and_then(|date| HeaderValue::try_from(date).ok());
    if let Some(date) = date {
        headers.insert(DATE, date);
    }
}
