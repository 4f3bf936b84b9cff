//! What Prometheus scrapes. Labels come from small, fixed sets or from the names of loaded plugins; never from a caller.

mod plugins;
mod tokens;
mod upkeep;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

use self::{
    plugins::{Boot, Plugins},
    tokens::Tokens,
    upkeep::Upkeep,
};
use crate::{
    fault::Fault, registry::Registry as PluginRegistry, report::PluginReport,
    store::WorkspaceState, token::Broker,
};

/// What was built, for the metric that says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildInfo {
    /// Version of the platform.
    pub version: &'static str,
    /// The commit that it was built from.
    pub commit: &'static str,
    /// The compiler.
    pub rustc: &'static str,
    /// The target triple.
    pub target: &'static str,
}

/// The platform's metrics.
pub struct Metrics {
    /// Locked to register and to scrape only; counting does not come by here.
    registry: Mutex<Registry>,
    provisions: Family<Outcome, Counter>,
    provision_seconds: Histogram,
    waiting: Gauge,
    workspaces: Family<InState, Gauge>,
    upkeep: Upkeep,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

/// Upper bounds of the provision histogram, in seconds.
const SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

impl Metrics {
    /// Metrics of a platform with these plugins, of which boot said this, and this broker.
    #[must_use]
    pub fn new(
        build: BuildInfo,
        plugins: Arc<PluginRegistry>,
        broker: Broker,
        reports: &[PluginReport],
    ) -> Self {
        let mut registry = Registry::with_prefix("provisionhook");
        let labels = vec![
            ("version", build.version),
            ("commit", build.commit),
            ("rustc", build.rustc),
            ("target", build.target),
        ];
        registry.register("build", "What runs", Info::new(labels));
        let (provisions, workspaces) = (
            Family::<Outcome, Counter>::default(),
            Family::<InState, Gauge>::default(),
        );
        let provision_seconds = Histogram::new(SECONDS);
        let waiting = Gauge::default();
        registry.register(
            "provisions",
            "Provisions, by outcome: running, or why not",
            provisions.clone(),
        );
        registry.register(
            "provision_duration_seconds",
            "How long provisions took from their turn, failed ones too",
            provision_seconds.clone(),
        );
        registry.register(
            "provisions_waiting",
            "Provisions that wait for their turn",
            waiting.clone(),
        );
        registry.register(
            "workspaces",
            "Workspaces on record, by state",
            workspaces.clone(),
        );
        registry.register_collector(Box::new(Boot::new(reports)));
        registry.register_collector(Box::new(Plugins(plugins)));
        registry.register_collector(Box::new(Tokens(broker)));
        let upkeep = Upkeep::default();
        upkeep.register(&mut registry);
        for state in WorkspaceState::ALL {
            drop(workspaces.get_or_create(&InState {
                state: state.as_str(),
            }));
        }
        Self {
            registry: Mutex::new(registry),
            provisions,
            provision_seconds,
            waiting,
            workspaces,
            upkeep,
        }
    }

    /// Lets a room above this one show metrics of its own.
    pub(crate) fn register<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.registry())
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // A panic while metrics are written leaves nothing half done.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one provision. `outcome` is `running` or the name of a reason.
    pub(crate) fn provisioned(&self, outcome: &'static str, took: Duration) {
        self.provisions.get_or_create(&Outcome { outcome }).inc();
        self.provision_seconds.observe(took.as_secs_f64());
    }

    /// Shows how many provisions wait for their turn.
    pub(crate) fn waiting(&self) -> Gauge {
        self.waiting.clone()
    }

    /// A workspace goes from one state to another; `None` is not to exist.
    pub(crate) fn moved(&self, from: Option<WorkspaceState>, to: Option<WorkspaceState>) {
        for (state, step) in [(from, -1), (to, 1)] {
            if let Some(state) = state {
                self.workspaces
                    .get_or_create(&InState {
                        state: state.as_str(),
                    })
                    .inc_by(step);
            }
        }
    }

    /// A plugin was called for a workspace that runs or has ended.
    pub(crate) fn called(&self, call: &'static str, plugin: &str, fault: Option<&Fault>) {
        self.upkeep
            .called(call, plugin, fault.map(|fault| fault.kind));
    }

    /// So many times a plugin has yet to hear that a workspace has ended.
    pub(crate) fn owed(&self, plugins: usize) {
        self.upkeep.owed(plugins);
    }

    /// All metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a metric cannot be written, which is a defect.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut encoded = String::new();
        text::encode(&mut encoded, &self.registry())?;
        Ok(encoded)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspaces_are_counted_by_the_state_they_are_in() {
        let metrics = Metrics::new(
            BuildInfo {
                version: "1.2.3",
                ..BuildInfo::default()
            },
            Arc::default(),
            Broker::new(
                crate::token::BrokerSettings::default(),
                crate::redact::Redactor::new(),
            ),
            &[],
        );
        metrics.moved(None, Some(WorkspaceState::Provisioning));
        metrics.moved(
            Some(WorkspaceState::Provisioning),
            Some(WorkspaceState::Running),
        );
        metrics.provisioned("running", Duration::from_millis(3));
        let text = metrics.encode().unwrap();
        for line in [
            "provisionhook_build_info{version=\"1.2.3\",",
            "provisionhook_workspaces{state=\"running\"} 1\n",
            "provisionhook_workspaces{state=\"provisioning\"} 0\n",
            "provisionhook_provisions_total{outcome=\"running\"} 1\n",
            "provisionhook_provision_duration_seconds_bucket{le=\"0.005\"} 1\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
