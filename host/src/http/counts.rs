//! HTTP requests by route and status.

use std::sync::Arc;

use axum::http::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::Route;
use crate::metrics::Metrics;

/// Counts answers. A clone counts into the same counters.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    /// By route, in the order of [`Route::ALL`]: the answer that counts most is one atomic addition, without the family's lock.
    ok: [Counter; Route::ALL.len()],
    all: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: &'static str,
    status: u16,
}

impl HttpMetrics {
    /// Counts that `metrics` shows.
    pub(super) fn shown_by(metrics: &Metrics) -> Self {
        metrics.register(Self::new)
    }

    fn new(registry: &mut Registry) -> Self {
        let all = Family::<Labels, Counter>::default();
        registry.register(
            "http_requests",
            "HTTP requests answered, by route and status",
            all.clone(),
        );
        let ok = Route::ALL.map(|route| {
            all.get_or_create_owned(&Labels {
                route: route.pattern(),
                status: 200,
            })
        });
        Self(Arc::new(Counters { ok, all }))
    }

    /// Counts one answer.
    pub(super) fn count(&self, route: Route, status: StatusCode) {
        if status == StatusCode::OK {
            // INVARIANT: `Route::ALL` lists the routes in the order of their discriminants; a test compares them.
            if let Some(counter) = self.0.ok.get(route as usize) {
                counter.inc();
            }
            return;
        }
        self.0
            .all
            .get_or_create(&Labels {
                route: route.pattern(),
                status: status.as_u16(),
            })
            .inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_listed_in_the_order_of_their_discriminants() {
        for (index, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, index, "{route:?}");
        }
    }

    #[test]
    fn answers_are_counted_by_route_and_status() {
        let mut registry = Registry::default();
        let metrics = HttpMetrics::new(&mut registry);
        metrics.count(Route::Health, StatusCode::OK);
        metrics.clone().count(Route::Health, StatusCode::OK);
        metrics.count(Route::Token, StatusCode::UNAUTHORIZED);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(
            text.contains("http_requests_total{route=\"/health\",status=\"200\"} 2"),
            "{text}"
        );
        assert!(
            text.contains("{route=\"/workspaces/{id}/tokens/{provider}\",status=\"401\"} 1"),
            "{text}"
        );
    }
}
