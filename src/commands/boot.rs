//! What every command that loads plugins does first: the log, the outgoing HTTP client, the plugins.

use std::{collections::BTreeMap, error::Error, path::PathBuf, sync::Arc};

use provisionhook_host::{
    boot::{BootOutcome, boot},
    load::{DEFAULT_LOAD_LIMIT, Services, raise_file_limit},
    redact::Redactor,
    registry::Registry,
    report::{PluginReport, State},
    services::{
        http::{HttpClient, HttpSettings},
        state::StateStore,
    },
};
use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::{info, warn};

use super::{git_config, logging};
use crate::{
    build,
    config::{Config, ConfigError, Environment as _, OperatorEnvironment, ProcessEnvironment},
};

/// Threads on which plugins run: not those that serve HTTP, so that a plugin that does not return blocks nobody else.
const PLUGIN_THREADS: usize = 8;

/// The plugins, loaded, and what they run on.
pub(super) struct Booted {
    pub(super) plugins: PluginRuntime,
    pub(super) redactor: Redactor,
    pub(super) registry: Arc<Registry>,
    pub(super) reports: Arc<[PluginReport]>,
    /// The files of the plugins' secrets.
    pub(super) secret_files: Vec<PathBuf>,
    /// How many files a workspace may have open: the limit that the platform was started with. None = no limit.
    pub(super) open_files: Option<u64>,
    missing_required: Vec<String>,
}

/// Where plugins run; its timers and sockets serve them. Nobody waits for it to end: a plugin may be stuck in a call.
pub(super) struct PluginRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl PluginRuntime {
    fn of(runtime: Runtime) -> Self {
        Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for PluginRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts the log and loads the plugins, which keep their state there. A plugin that is refused is a report; `check_required` says whether that may be.
pub(super) fn start(config: &Config, state: StateStore) -> Result<Booted, Box<dyn Error>> {
    let redactor = Redactor::new();
    logging::start(&config.log, &redactor)?;
    info!(version = build::LONG_VERSION, "provisionhook starts");
    let open_files = getrlimit(Resource::Nofile).current;
    if let Err(error) = raise_file_limit() {
        warn!(%error, "the limit on open files could not be raised; each plugin keeps one open");
    }
    let plugins = Builder::new_multi_thread()
        .worker_threads(PLUGIN_THREADS)
        .thread_name("plugins")
        .enable_all()
        .build()?;
    let services = Services {
        http: HttpClient::new(&http_settings(config)?)?,
        state,
        redactor: redactor.clone(),
        runtime: plugins.handle().clone(),
        load_limit: DEFAULT_LOAD_LIMIT,
    };
    let directory = config.plugins.directory.as_path();
    let outcome = boot(
        Some(directory),
        &config.policy(),
        &OperatorEnvironment,
        &services,
    )?;
    report(&outcome);
    let BootOutcome {
        registry,
        reports,
        missing_required,
        secret_files,
        ..
    } = outcome;
    Ok(Booted {
        plugins: PluginRuntime::of(plugins),
        redactor,
        registry: Arc::new(registry),
        reports: reports.into(),
        secret_files,
        open_files,
        missing_required,
    })
}

impl Booted {
    /// Fails, naming them, if plugins that the operator marked `required` do not run.
    pub(super) fn check_required(&self) -> Result<(), String> {
        match self.missing_required.as_slice() {
            [] => Ok(()),
            missing => Err(format!(
                "expected the required plugins to run, found {} refused; see the reports above, or set `required = false`",
                missing.join(", ")
            )),
        }
    }
}

/// What every workspace gets under everything else: what the operator configured, what is inherited by name, and git's
/// way to ask the platform for a token.
pub(super) fn base_env(
    config: &Config,
    registry: &Registry,
) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut env = vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())];
    let inherited = config.workspace.inherit.iter();
    env.extend(inherited.filter_map(|name| {
        ProcessEnvironment
            .get(name)
            .map(|value| (name.clone(), value))
    }));
    env.extend(
        config
            .workspace
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let first = registry.first_token_provider();
    let program = match &config.workspace.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    env.extend(git_config::variables(
        &config.git,
        first.map(|plugin| plugin.name.clone()),
        &program,
    ));
    let authority = config.tls.ca_file.iter();
    env.extend(authority.map(|path| {
        (
            "PROVISIONHOOK_CA_FILE".to_owned(),
            path.display().to_string(),
        )
    }));
    let last_wins: BTreeMap<String, String> = env.into_iter().collect();
    Ok(last_wins.into_iter().collect())
}

pub(super) fn http_settings(config: &Config) -> Result<HttpSettings, ConfigError> {
    let proxy = config.http_client.proxy.as_ref();
    Ok(HttpSettings {
        proxy: proxy
            .map(|proxy| proxy.resolve("http_client.proxy"))
            .transpose()?,
        no_proxy: config.http_client.no_proxy.clone(),
        ca_file: config.http_client.ca_file.clone(),
        connect_timeout: config.http_client.connect_timeout,
        timeout: config.http_client.timeout,
        ..HttpSettings::default()
    })
}

fn report(outcome: &BootOutcome) {
    for warning in &outcome.warnings {
        warn!("{warning}");
    }
    for report in &outcome.reports {
        match report.state {
            State::Loaded | State::Passed => log_warnings(report),
            State::Disabled => info!(file = %report.file.display(), "plugin disabled"),
            State::Refused => warn!(file = %report.file.display(), "plugin refused: {report}"),
        }
    }
    outcome.registry.log();
}

fn log_warnings(report: &PluginReport) {
    for warning in &report.warnings {
        warn!(file = %report.file.display(), "{warning}");
    }
}
