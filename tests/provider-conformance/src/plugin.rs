//! The plugin in a directory of its own, booted by the host.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use provisionhook_host::{
    boot::{BootOutcome, boot},
    load::{DEFAULT_LOAD_LIMIT, Services},
    policy::{OnTransient, PluginPolicy, Policy},
    redact::Redactor,
    services::{
        http::{HttpClient, HttpSettings},
        state::StateStore,
    },
    verify::ConfigSource,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use crate::Subject;

struct NoVariables;

impl ConfigSource for NoVariables {
    fn read_env(&self, _: &str) -> Option<Zeroizing<String>> {
        None
    }
}

/// Writes a file into the plugin directory that nobody else may read, and gives the reference to it that belongs into the
/// config: `{"$file": …}`.
#[must_use = "the config refers to the file"]
pub fn secret_file(directory: &Path, name: &str, contents: &str) -> Value {
    let file = directory.join(name);
    private(&file, contents);
    json!({ "$file": file })
}

fn private(file: &Path, contents: &str) {
    fs::write(file, contents).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Puts the plugin and its config into a directory. Cargo leaves the plugin beside the test.
pub(crate) fn directory<S: Subject>(subject: &S, base_url: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let built = format!("lib{}.so", S::PLUGIN.replace('-', "_"));
    let built = env::current_exe().unwrap().with_file_name(built);
    let plugin = directory.path().join(S::PLUGIN);
    fs::copy(&built, plugin.with_extension("so")).unwrap();
    let config = subject.config(base_url, directory.path());
    private(&plugin.with_extension("json"), &config.to_string());
    directory
}

/// Loads it; panics with the host's report if it is refused.
pub(crate) fn booted<S: Subject>(
    directory: &Path,
    policy: PluginPolicy,
    budget: Duration,
    runtime: &Handle,
    redactor: &Redactor,
) -> BootOutcome {
    let policy = PluginPolicy {
        budget: Some(budget),
        on_transient: OnTransient::Fail,
        ..policy
    };
    let policy = Policy {
        plugins: [(S::PLUGIN.to_owned(), policy)].into(),
        ..Policy::default()
    };
    let services = Services {
        http: HttpClient::new(&HttpSettings::default()).unwrap(),
        state: StateStore::at(&directory.join("state")),
        redactor: redactor.clone(),
        runtime: runtime.clone(),
        load_limit: DEFAULT_LOAD_LIMIT,
    };
    let outcome = boot(Some(directory), &policy, &NoVariables, &services).unwrap();
    let reports: Vec<_> = outcome.reports.iter().map(ToString::to_string).collect();
    assert_eq!(
        outcome.registry.names(),
        [S::PLUGIN],
        "expected the plugin to be loaded: {reports:?}"
    );
    // As the platform does; so there is something in the log of a plugin that has nothing to say.
    outcome.registry.log();
    outcome
}
