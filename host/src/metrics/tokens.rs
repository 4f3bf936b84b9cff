//! The counts of the token broker, read when scraped.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use crate::token::Broker;

/// Reads the broker.
pub(super) struct Tokens(pub(super) Broker);

impl Collector for Tokens {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.counts();
        for (name, help, count) in [
            (
                "token_hits",
                "Token requests that the cache answered",
                counts.hits,
            ),
            (
                "token_misses",
                "Token requests that waited for a provider",
                counts.misses,
            ),
            (
                "token_refreshes",
                "Times that a token provider was asked",
                counts.refreshes,
            ),
            (
                "token_failures",
                "Those of them that came to no token",
                counts.failures,
            ),
        ] {
            let counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(counter)?;
        }
        let cached = u64::try_from(self.0.len()).unwrap_or(u64::MAX);
        let gauge = encoder.encode_descriptor(
            "tokens_cached",
            "Tokens that are kept",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(cached).encode(gauge)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
