//! One page of a list, with the headers that lead on.

use axum::Json;
use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::asked::Asked;
use crate::gitlab::Gitlab;

const DEFAULT_SIZE: usize = 20;
const LARGEST_SIZE: usize = 100;

pub(crate) fn page(gitlab: &Gitlab, asked: &Asked, items: Vec<Value>) -> Response {
    let number = |name| asked.params.text(name).and_then(|text| text.parse().ok());
    let size = number("per_page")
        .unwrap_or(DEFAULT_SIZE)
        .clamp(1, LARGEST_SIZE);
    let page = number("page").unwrap_or(1).max(1);
    let total = items.len();
    let pages = total.div_ceil(size).max(1);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-page", page),
        ("x-per-page", size),
        ("x-total", total),
        ("x-total-pages", pages),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    if page < pages {
        headers.insert("x-next-page", HeaderValue::from(page + 1));
        let base = gitlab.core.base_url();
        let link = format!(
            "<{base}{}?page={}&per_page={size}>; rel=\"next\"",
            asked.uri.path(),
            page + 1
        );
        if let Ok(link) = HeaderValue::try_from(link) {
            headers.insert(LINK, link);
        }
    }
    let shown: Vec<Value> = items
        .into_iter()
        .skip((page - 1) * size)
        .take(size)
        .collect();
    (headers, Json(shown)).into_response()
}
