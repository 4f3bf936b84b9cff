//! How plugins keep workspaces that run, and clean up after those that have ended.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::fault::FaultKind;

/// Counters of the calls beside the chain.
#[derive(Default)]
pub(super) struct Upkeep {
    calls: Family<Call, Counter>,
    faults: Family<Failed, Counter>,
    owed: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    call: &'static str,
    plugin: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    call: &'static str,
    plugin: String,
    kind: &'static str,
}

impl Upkeep {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "upkeep_calls",
            "Calls of plugins for workspaces that run (tend, contribute) or have ended (ended)",
            self.calls.clone(),
        );
        registry.register(
            "upkeep_faults",
            "Such calls that failed, by kind",
            self.faults.clone(),
        );
        registry.register(
            "ends_owed",
            "How many times a plugin has yet to clean up after a workspace that has ended",
            self.owed.clone(),
        );
    }

    pub(super) fn called(&self, call: &'static str, plugin: &str, fault: Option<FaultKind>) {
        let plugin = plugin.to_owned();
        if let Some(kind) = fault {
            let failed = Failed {
                call,
                plugin: plugin.clone(),
                kind: kind.as_str(),
            };
            self.faults.get_or_create(&failed).inc();
        }
        self.calls.get_or_create(&Call { call, plugin }).inc();
    }

    pub(super) fn owed(&self, plugins: usize) {
        self.owed.set(i64::try_from(plugins).unwrap_or(i64::MAX));
    }
}
