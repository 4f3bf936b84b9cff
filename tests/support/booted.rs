//! A plugin directory, booted by the host.

use std::time::Duration;

use provisionhook_host::{
    boot::{BootOutcome, boot},
    load::Services,
    policy::Policy,
    redact::Redactor,
    services::{
        http::{HttpClient, HttpSettings},
        state::StateStore,
    },
    verify::ConfigSource,
};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// The longest that a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A directory and what boot made of it.
pub(crate) struct Booted {
    _directory: TempDir,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) outcome: BootOutcome,
}

struct NoVariables;

impl ConfigSource for NoVariables {
    fn read_env(&self, _name: &str) -> Option<Zeroizing<String>> {
        None
    }
}

impl Booted {
    /// Boots a directory with whatever is in it.
    pub(crate) fn new(directory: TempDir, policy: &Policy, load_limit: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let services = Services {
            http: HttpClient::new(&HttpSettings::default()).unwrap(),
            state: StateStore::at(&directory.path().join("state")),
            redactor: Redactor::new(),
            runtime: runtime.handle().clone(),
            load_limit,
        };
        let outcome = boot(Some(directory.path()), policy, &NoVariables, &services).unwrap();
        Self {
            _directory: directory,
            runtime,
            outcome,
        }
    }

    /// What the report of this file says, named without `.so`: `loaded`, or the stage and the reason.
    pub(crate) fn report(&self, file: &str) -> String {
        let file = format!("{file}.so");
        let report = self
            .outcome
            .reports
            .iter()
            .find(|report| report.file.ends_with(&file))
            .unwrap();
        match report.stage {
            Some(stage) => format!("{stage}: {}", report.reason),
            None => report.state.to_string(),
        }
    }

    /// Names of the plugins that run, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.outcome.registry.names()
    }

    /// Name of the plugin that the platform would ask for tokens.
    pub(crate) fn first_token_provider(&self) -> Option<String> {
        let provider = self.outcome.registry.first_token_provider();
        provider.map(|plugin| plugin.name.clone())
    }
}
