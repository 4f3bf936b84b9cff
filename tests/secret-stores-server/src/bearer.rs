//! The token that a client presents.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// What stands behind `Bearer `; none if there is no such header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}
