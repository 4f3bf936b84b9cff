//! What the metrics say of webhooks.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge},
};

use crate::{metrics::Metrics, unix_ms};

/// Counts by webhook and outcome. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Family<Labels, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    webhook: String,
    outcome: Outcome,
}

/// What came of an event, or of an attempt.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, prometheus_client::encoding::EncodeLabelValue,
)]
#[expect(non_camel_case_types, reason = "they are shown as they are written")]
pub(super) enum Outcome {
    /// Events that were taken.
    delivered,
    /// Attempts that were not.
    failed,
    /// Events that were tried for too long.
    given_up,
    /// Events that were not kept for long enough.
    lost,
}

/// How far one webhook is behind.
#[derive(Debug)]
pub(super) struct Lag {
    webhook: String,
    /// Since when the event has waited that is being delivered, in milliseconds since the Unix epoch; 0 for none.
    since: AtomicI64,
    /// 1 once the receiver has said that it wants no more.
    disabled: AtomicI64,
}

/// The webhooks' lags, read when scraped.
#[derive(Debug)]
struct Lags(Vec<Arc<Lag>>);

/// Counts that `metrics` shows, and these lags.
pub(super) fn shown_by(metrics: &Metrics, lags: &[Arc<Lag>]) -> Counts {
    let counts = Counts::default();
    if !lags.is_empty() {
        metrics.register(|registry| {
            registry.register(
                "webhook_deliveries",
                "Events by webhook: delivered, given up or lost; and attempts that failed",
                counts.0.clone(),
            );
            registry.register_collector(Box::new(Lags(lags.to_vec())));
        });
    }
    counts
}

impl Counts {
    pub(super) fn add(&self, webhook: &str, outcome: Outcome, count: u64) {
        let labels = Labels {
            webhook: webhook.to_owned(),
            outcome,
        };
        self.0.get_or_create(&labels).inc_by(count);
    }
}

impl Lag {
    pub(super) fn new(webhook: &str) -> Self {
        Self {
            webhook: webhook.to_owned(),
            since: AtomicI64::new(0),
            disabled: AtomicI64::new(0),
        }
    }

    /// An event of this time is being delivered.
    pub(super) fn begin(&self, at: i64) {
        self.since.store(at, Ordering::Relaxed);
    }

    /// Nothing is.
    pub(super) fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// Nothing ever will be.
    pub(super) fn disable(&self) {
        self.disabled.store(1, Ordering::Relaxed);
        self.end();
    }

    fn seconds(&self) -> i64 {
        match self.since.load(Ordering::Relaxed) {
            0 => 0,
            since => unix_ms::now().saturating_sub(since).max(0) / 1000,
        }
    }
}

impl Collector for Lags {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name, help, value: fn(&Lag) -> i64| {
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for lag in &self.0 {
                let labels = [("webhook", lag.webhook.as_str())];
                ConstGauge::new(value(lag)).encode(gauge.encode_family(&labels)?)?;
            }
            Ok(())
        };
        gauge(
            "webhook_lag_seconds",
            "How long the event has waited that a webhook is delivering",
            Lag::seconds,
        )?;
        gauge(
            "webhook_disabled",
            "1 once the receiver has answered 410",
            |lag| lag.disabled.load(Ordering::Relaxed),
        )
    }
}
