//! One page of a list, and the `link` header that leads to the next.

use axum::http::header::LINK;
use axum::http::{HeaderName, HeaderValue, Uri};
use serde::Deserialize;

const DEFAULT_SIZE: usize = 30;
const LARGEST_SIZE: usize = 100;

/// The query of a listing. GitHub takes numbers out of range for the nearest one in range.
#[derive(Deserialize)]
pub(crate) struct Page {
    page: Option<usize>,
    per_page: Option<usize>,
}

impl Page {
    pub(crate) fn of<T>(&self, items: Vec<T>) -> Vec<T> {
        items
            .into_iter()
            .skip((self.number() - 1).saturating_mul(self.size()))
            .take(self.size())
            .collect()
    }

    /// The `link` header, empty when there is no further page.
    pub(crate) fn link(
        &self,
        total: usize,
        base_url: &str,
        uri: &Uri,
    ) -> Option<(HeaderName, HeaderValue)> {
        let last = total.div_ceil(self.size());
        if self.number() >= last {
            return None;
        }
        let to = |page: usize, rel: &str| {
            format!(
                "<{base_url}{}?per_page={}&page={page}>; rel=\"{rel}\"",
                uri.path(),
                self.size()
            )
        };
        let link = format!("{}, {}", to(self.number() + 1, "next"), to(last, "last"));
        HeaderValue::try_from(link).ok().map(|link| (LINK, link))
    }

    fn number(&self) -> usize {
        self.page.unwrap_or(1).max(1)
    }

    fn size(&self) -> usize {
        self.per_page.unwrap_or(DEFAULT_SIZE).clamp(1, LARGEST_SIZE)
    }
}
