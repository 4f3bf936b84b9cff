//! `provisionhook serve`: the order of boot, until a signal ends it.

mod init;
mod reload;
mod runtime;

use std::{
    error::Error, fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::Path, process::ExitCode,
    sync::Arc, time::Duration,
};

use provisionhook_host::{
    events::EventLog,
    http::{ApiParts, Auth, Limits, Readiness},
    metrics::{BuildInfo, Metrics},
    provision::{Parts, Provisioner, Settings},
    runtime::Runtime,
    services::{http::HttpClient, state::StateStore},
    store::Store,
    token::{Broker, BrokerSettings},
    webhooks::Webhooks,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use self::reload::Reload;
use super::{
    CommandResult,
    boot::{self, Booted},
};
use crate::{
    config::{Config, ConfigError, Loaded},
    control::Control,
};

/// How much longer than a provision and a start a request may take.
const REQUEST_HEADROOM: Duration = Duration::from_secs(30);

/// Serves until TERM or INT; workspaces live on. `load` reads the configuration again.
pub(super) fn run(
    config: &Config,
    load: &dyn Fn() -> Result<Loaded, ConfigError>,
) -> CommandResult {
    config.check_to_serve()?;
    // Before any plugin runs; and again when the socket is there.
    config.auth(&config.listen)?;
    config.tls(&config.listen)?;
    config.webhooks()?;
    let http = tokio::runtime::Builder::new_multi_thread()
        .thread_name("http")
        .enable_all()
        .build()?;
    let booted = boot::start(config, StateStore::at(&config.state_dir))?;
    booted.check_required()?;
    http.block_on(serve(config, load, &booted))?;
    info!("provisionhook has stopped");
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    config: &Config,
    load: &dyn Fn() -> Result<Loaded, ConfigError>,
    booted: &Booted,
) -> Result<(), Box<dyn Error>> {
    let hangup = signal(SignalKind::hangup())?;
    let server = init::listen(config).await?;
    let auth = config.auth(server.address())?;
    let (readiness, latch) = Readiness::new();
    let url = config.public_url.clone().unwrap_or_else(|| server.url());
    make_state_directory(&config.state_dir)?;
    // The store first: its lock keeps a second platform away from the workspaces, too.
    let store = Store::open(&config.state_dir.join("state.db"))?;
    let control = Control::listen(&config.state_dir, store.clone());
    let (runtime, hiding) = runtime::of(config, booted).await?;
    let parts = assemble(config, booted, store, auth.clone(), readiness, runtime, url)?;
    let provisioner = parts.provisioner.clone();
    let (events, retention) = (parts.events.clone(), config.events.retention());
    // A client of their own: receivers that hang take no plugin's place.
    let client = HttpClient::new(&boot::http_settings(config)?)?;
    let webhooks = Webhooks::new(config.webhooks()?, &client, events.clone(), &parts.metrics);
    let reload = Reload {
        load,
        address: server.address().clone(),
        auth,
        tls: server.tls().cloned(),
        webhooks: webhooks.clone(),
        hangup,
        hiding,
    };
    info!(address = %server.address(), tls = server.tls().is_some(), "listening");
    let ready = async {
        provisioner.reconcile().await?;
        drop(latch);
        info!("ready");
        init::ready();
        tokio::select! {
            () = events.prune(retention) => {}
            () = webhooks.run() => {}
        }
        Ok::<_, Box<dyn Error>>(())
    };
    // Requests and what goes on behind them have one limit.
    let left = tokio::select! {
        served = server.serve(parts, terminated()?) => served?,
        // Ends only by an error.
        failed = ready => failed.map(|()| config.server.drain)?,
        // Neither ends, and neither waits for a runtime that is away.
        () = reload.run() => config.server.drain,
        () = control.run() => config.server.drain,
    };
    provisioner.drain(left).await;
    Ok(())
}

/// Makes the state directory, for the platform's user alone, if it is missing.
fn make_state_directory(path: &Path) -> Result<(), String> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            format!(
                "`state_dir`: expected a directory {} or the right to make it, found: {error}; make it, owned by the platform's user",
                path.display()
            )
        })
}

/// Everything behind the API, over this runtime.
pub(super) fn assemble(
    config: &Config,
    booted: &Booted,
    store: Store,
    auth: Auth,
    readiness: Readiness,
    runtime: Arc<dyn Runtime>,
    url: String,
) -> Result<ApiParts, Box<dyn Error>> {
    let registry = Arc::clone(&booted.registry);
    let build = BuildInfo {
        version: env!("CARGO_PKG_VERSION"),
        commit: env!("PROVISIONHOOK_BUILD_COMMIT"),
        rustc: env!("PROVISIONHOOK_BUILD_RUSTC"),
        target: env!("PROVISIONHOOK_BUILD_TARGET"),
    };
    let settings = BrokerSettings {
        plugins: Some(booted.plugins.handle().clone()),
        ..BrokerSettings::default()
    };
    let broker = Broker::new(settings, booted.redactor.clone());
    let metrics = Arc::new(Metrics::new(
        build,
        Arc::clone(&registry),
        broker.clone(),
        &booted.reports,
    ));
    let events = EventLog::new(store.clone());
    let provisioner = Provisioner::new(Parts {
        registry: Arc::clone(&registry),
        broker: broker.clone(),
        runtime,
        store,
        redactor: booted.redactor.clone(),
        metrics: Arc::clone(&metrics),
        plugins: booted.plugins.handle().clone(),
        settings: Settings {
            runtime: config.runtime.as_str().to_owned(),
            url,
            base_env: boot::base_env(config, &registry)?,
            chain_time: config.provision.budget,
            at_once: config.provision.at_once,
            queue: config.provision.queue,
            grace: config.workspace.stop_grace,
            start_time: config.start_time(),
            ttl: config.workspace.ttl(),
            ..Settings::default()
        },
    });
    Ok(ApiParts {
        provisioner,
        events,
        registry,
        broker,
        reports: Arc::clone(&booted.reports),
        github_provider: config.git.provider.clone(),
        auth,
        readiness,
        metrics,
        limits: limits(config),
    })
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_body: config.server.max_body_bytes,
        request_time: config
            .server
            .request_timeout
            .max(config.provision.budget + config.start_time() + REQUEST_HEADROOM),
        max_requests: config.server.max_concurrent,
        max_streams: config.server.max_streams,
        bad_tokens: config.server.invalid_tokens_per_minute,
        drain_time: config.server.drain,
        ..Limits::default()
    }
}

/// Resolves at TERM or INT.
fn terminated() -> Result<impl Future<Output = ()>, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "TERM",
            _ = interrupt.recv() => "INT",
        };
        init::stopping();
        info!(
            signal = name,
            "stopping: no new requests, running ones may finish"
        );
    })
}
