//! What every request passes on its way in and out: the fault that is switched on, the headers, the rate limit.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::fault::{self, Fault};
use crate::github::Github;
use crate::headers;
use crate::quota::Quota;

pub(crate) async fn gate(
    State(github): State<Arc<Github>>,
    request: Request,
    next: Next,
) -> Response {
    let quota = github.hour.spend(github.core.clock.now());
    let mut response = answer(&github, quota, request, next).await;
    stamp(response.headers_mut(), quota);
    response
}

async fn answer(github: &Github, quota: Quota, request: Request, next: Next) -> Response {
    match github.faults.take(|fault| !fault.is_about_the_token()) {
        Some(Fault::Slow(delay)) => github.core.pause(delay).await,
        Some(fault) => {
            if let Some(response) = fault.answer(request.method(), github.core.clock.now()) {
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

/// Every answer tells what is left of the quota, unless a fault already told otherwise.
fn stamp(headers: &mut HeaderMap, quota: Quota) {
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
}
