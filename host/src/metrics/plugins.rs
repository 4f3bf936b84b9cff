//! The health of each plugin, read when scraped from the counters that the chain keeps anyway.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use crate::{
    health::{BreakerState, HealthReport},
    registry::Registry,
    report::{PluginReport, State},
};

/// Reads the registry.
#[derive(Debug)]
pub(super) struct Plugins(pub(super) Arc<Registry>);

/// What boot said, which does not change.
#[derive(Debug)]
pub(super) struct Boot {
    counts: [(State, u64); 3],
}

impl Boot {
    pub(super) fn new(reports: &[PluginReport]) -> Self {
        let count = |state| {
            (
                state,
                reports
                    .iter()
                    .filter(|report| report.state == state)
                    .count() as u64,
            )
        };
        Self {
            counts: [State::Loaded, State::Refused, State::Disabled].map(count),
        }
    }
}

impl Collector for Boot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut plugins = encoder.encode_descriptor(
            "plugins",
            "Files of the plugin directory, by what became of them",
            None,
            MetricType::Gauge,
        )?;
        for (state, count) in &self.counts {
            let labels = [("state", state.to_string())];
            ConstGauge::new(*count).encode(plugins.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Plugins {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // The same instance may be registered twice, and two in code may share a name; a series may not come twice.
        let mut read: Vec<(String, HealthReport)> = Vec::new();
        for plugin in self.0.snapshot().iter() {
            if read.iter().all(|(name, _)| *name != plugin.name) {
                read.push((plugin.name.clone(), plugin.health.report()));
            }
        }
        let mut calls = encoder.encode_descriptor(
            "plugin_calls",
            "Calls of a plugin's mutator that have ended",
            None,
            MetricType::Counter,
        )?;
        for (name, health) in &read {
            ConstCounter::new(health.calls)
                .encode(calls.encode_family(&[("plugin", name.as_str())])?)?;
        }
        let mut faults = encoder.encode_descriptor(
            "plugin_faults",
            "Those that failed, by kind",
            None,
            MetricType::Counter,
        )?;
        for (name, health) in &read {
            for (kind, count) in &health.faults {
                ConstCounter::new(*count)
                    .encode(faults.encode_family(&[("plugin", name.as_str()), ("kind", kind)])?)?;
            }
        }
        let mut open = encoder.encode_descriptor(
            "plugin_breaker_open",
            "1 while a plugin is not called because it was broken",
            None,
            MetricType::Gauge,
        )?;
        for (name, health) in &read {
            let value = u64::from(health.breaker != BreakerState::Closed);
            ConstGauge::new(value).encode(open.encode_family(&[("plugin", name.as_str())])?)?;
        }
        let mut stuck = encoder.encode_descriptor(
            "plugin_stuck_calls",
            "Calls that were given up and have not returned",
            None,
            MetricType::Gauge,
        )?;
        for (name, health) in &read {
            ConstGauge::new(u64::from(health.stuck))
                .encode(stuck.encode_family(&[("plugin", name.as_str())])?)?;
        }
        Ok(())
    }
}
