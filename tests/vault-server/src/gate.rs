//! What every request passes on its way in: the node's state, the header that a Proxy may want, the quota.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::fault::quota_exceeded;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::server::Shared;

/// The longest request that Vault takes unless it is told otherwise.
const MOST_BYTES: usize = 32 * 1024 * 1024;

pub(crate) async fn gate(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Response {
    let namespace = request.headers().get("x-vault-namespace").cloned();
    let path = request.uri().path().strip_prefix("/v1/").map(str::to_owned);
    let mut response = match path {
        Some(path) => answer(&shared, &path, request).await,
        None => Refusal::nothing_there().into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(namespace) = namespace {
        headers.insert("x-vault-namespace", namespace);
    }
    response
}

async fn answer(shared: &Shared, path: &str, request: HttpRequest) -> Response {
    if let Some(response) = refuse(shared, path, &request) {
        return response;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), MOST_BYTES).await else {
        return Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "http: request body too large",
        )
        .into_response();
    };
    let now = shared.core.clock.now();
    Request::parse(&parts.method, &parts.uri, path, &parts.headers, &body)
        .and_then(|request| shared.locked().vault.handle(request, now))
        .map_or_else(IntoResponse::into_response, IntoResponse::into_response)
}

fn refuse(shared: &Shared, path: &str, request: &HttpRequest) -> Option<Response> {
    let now = shared.core.clock.now();
    let mut inner = shared.locked();
    if let Some(response) = inner.mode.status(path, now) {
        return Some(response);
    }
    if shared.require_request_header && !says_request(request.headers()) {
        let missing = Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "missing \"X-Vault-Request\" header",
        );
        return Some(missing.into_response());
    }
    if let Some(response) = inner.mode.refusal(request.uri()) {
        return Some(response);
    }
    let wait = inner.quota.spend(now)?;
    Some(quota_exceeded(path, Some(wait)).into_response())
}

/// A header that a page in a browser cannot be made to send.
fn says_request(headers: &HeaderMap) -> bool {
    headers
        .get("x-vault-request")
        .is_some_and(|value| value == "true")
}
