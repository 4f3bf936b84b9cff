//! One server, the proxy in front of it, and the plugin that asks through it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use provisionhook_host::{
    boot::BootOutcome,
    call::{Attributes, Call},
    capability::{Scope, Sharing},
    chain,
    env::BaseEnv,
    fault::Fault,
    redact::Guard,
    token::{Broker, BrokerSettings, Provider, TokenError, TokenErrorKind},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    Given, Subject, Way,
    ask::Failure,
    log, plugin,
    proxy::{Mischief, Proxy},
    search,
};

/// How long a case waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// What a server is told when nothing in the case ends.
const LONG: Duration = Duration::from_secs(3600);
/// How long a call may take when slowness is not what the case is about.
const BUDGET: Duration = Duration::from_secs(10);

/// Dropped in this order: the plugin is gone before its server is, and the runtime ends last.
pub(crate) struct World<S> {
    way: Way,
    outcome: BootOutcome,
    broker: Mutex<Broker>,
    pub(crate) proxy: Proxy,
    pub(crate) subject: S,
    workspaces: AtomicUsize,
    budget: Duration,
    /// What was handed out, kept out of the log as long as its workspace lives, which it does here.
    given: Mutex<Vec<String>>,
    guards: Mutex<Vec<Guard>>,
    _directory: TempDir,
    pub(crate) runtime: Runtime,
}

/// How a world differs from the usual one.
pub(crate) struct Plan {
    pub(crate) lifetime: Duration,
    pub(crate) budget: Duration,
    /// What is wrong with the server while the plugin is loaded.
    pub(crate) at_boot: Option<Mischief>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            lifetime: LONG,
            budget: BUDGET,
            at_boot: None,
        }
    }
}

impl<S: Subject> World<S> {
    pub(crate) fn new(way: Way) -> Self {
        Self::planned(way, Plan::default())
    }

    pub(crate) fn planned(way: Way, plan: Plan) -> Self {
        let log = log::started();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap();
        let subject = S::start(runtime.handle(), plan.lifetime);
        let proxy = runtime.block_on(Proxy::start(&subject.upstream()));
        if let Some(mischief) = plan.at_boot {
            proxy.break_after(0, mischief);
        }
        let directory = plugin::directory(&subject, &proxy.base_url());
        let outcome = plugin::booted::<S>(
            directory.path(),
            subject.policy(),
            plan.budget,
            runtime.handle(),
            &log.redactor,
        );
        Self {
            way,
            outcome,
            broker: Mutex::new(Broker::new(BrokerSettings::default(), log.redactor.clone())),
            proxy,
            subject,
            workspaces: AtomicUsize::new(0),
            budget: plan.budget,
            given: Mutex::default(),
            guards: Mutex::default(),
            _directory: directory,
            runtime,
        }
    }

    /// Starts over with an empty cache of the host's.
    pub(crate) fn set_broker(&self, settings: BrokerSettings) {
        let broker = Broker::new(settings, log::started().redactor.clone());
        *self.broker.lock().unwrap_or_else(PoisonError::into_inner) = broker;
    }

    /// A workspace asks for what the first scope says.
    ///
    /// # Errors
    /// The plugin's fault, or the host's.
    pub(crate) fn ask(&self) -> Result<Given, Failure> {
        self.ask_for(&self.subject.scopes()[0])
    }

    /// # Errors
    /// The plugin's fault, or the host's.
    pub(crate) fn ask_for(&self, scope: &Scope) -> Result<Given, Failure> {
        self.runtime.block_on(self.asked(scope.clone()))
    }

    /// A new workspace asks, unless the plugin has something else for each of them.
    ///
    /// # Errors
    /// The plugin's fault, or the host's.
    pub(crate) async fn asked(&self, scope: Scope) -> Result<Given, Failure> {
        let plugin = &self.outcome.registry.snapshot()[0];
        let number = match (self.way, plugin.sharing) {
            (Way::Tokens, Sharing::PerWorkspace) => 0,
            _ => self.workspaces.fetch_add(1, Relaxed),
        };
        self.asked_by(number, scope).await
    }

    /// # Errors
    /// The plugin's fault, or the host's.
    pub(crate) async fn asked_by(&self, workspace: usize, scope: Scope) -> Result<Given, Failure> {
        let call = Call {
            attributes: Attributes {
                workspace_id: format!("ws-{workspace}"),
                name: format!("workspace {workspace}"),
                tenant: "acme".to_owned(),
                ..Attributes::default()
            },
            ..Call::default()
        };
        let begun = Instant::now();
        let result = match self.way {
            Way::Tokens => self.token(&call, &scope).await,
            Way::Variables => self.variables(call).await,
        };
        let given = result.map_err(|fault| Failure::new(fault, begun))?;
        self.remember(&given);
        Ok(given)
    }

    /// # Errors
    /// The plugin's fault, or the broker's.
    async fn token(&self, call: &Call, scope: &Scope) -> Result<Given, Fault> {
        let plugin = self.outcome.registry.token_provider(S::PLUGIN);
        let provider = plugin.and_then(|plugin| Provider::of(&plugin)).unwrap();
        let broker = {
            let broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
            broker.clone()
        };
        let token = broker.token(&provider, call, scope).await;
        token.map(Given::Token).map_err(into_fault)
    }

    /// # Errors
    /// The plugin's fault.
    async fn variables(&self, call: Call) -> Result<Given, Fault> {
        let plugins = self.outcome.registry.snapshot();
        let (settings, base) = (chain::Settings::default(), Arc::new(BaseEnv::new()));
        // More than the plugin's own, so that it is the plugin's that runs out.
        let budget = self.budget * 2;
        let outcome =
            chain::run_within(self.runtime.handle(), budget, plugins, base, call, settings)
                .await
                .map_err(|error| error.fault)?;
        let guards = outcome.protect(&log::started().redactor);
        self.guards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(guards);
        Ok(Given::Variables(outcome.env))
    }

    fn remember(&self, given: &Given) {
        let mut known = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in given.secrets() {
            if !known.iter().any(|known| known == secret) {
                known.push(secret.to_owned());
            }
        }
    }

    /// Asks until it works again, as workspaces do.
    pub(crate) fn recovered(&self) -> Given {
        let begun = Instant::now();
        loop {
            match self.ask() {
                Ok(given) => return given,
                Err(failure) => assert!(
                    begun.elapsed() < PATIENCE,
                    "expected the provider to recover within {PATIENCE:?} without a restart, found still: {failure:?}"
                ),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Panics if a fault's message is nothing for an operator, or gives a secret away.
    pub(crate) fn assert_discreet(&self, failure: &Failure) {
        failure.assert_readable();
        self.assert_hidden(&failure.message, "the fault's message");
    }

    /// The end of every case: nothing that was secret in it stands in the log.
    pub(crate) fn finish(self) {
        let log = log::started().text();
        assert!(
            log.contains(S::PLUGIN),
            "expected the log to have something of {}, found nothing, so it proves nothing",
            S::PLUGIN
        );
        self.assert_hidden(&log, "the log");
    }

    fn assert_hidden(&self, text: &str, place: &str) {
        let mut secrets = self.subject.secrets();
        secrets.extend(self.proxy.credentials());
        secrets.extend(
            self.given
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .cloned(),
        );
        for secret in secrets {
            if let Some(form) = search::find(text, &secret) {
                let line = text
                    .lines()
                    .find(|line| search::find(line, &secret).is_some());
                panic!(
                    "expected no secret in {place}, found {secret:?} {form}: {}",
                    line.unwrap_or(text)
                );
            }
        }
    }
}

/// How many requests a single ask causes of a plugin that was just loaded.
pub(crate) fn requests_of_one_ask<S: Subject>(way: Way) -> usize {
    let world = World::<S>::new(way);
    let before = world.proxy.requests();
    let given = world
        .ask()
        .unwrap_or_else(|failure| panic!("the first ask failed: {failure:?}"));
    world.subject.check(&given);
    let caused = world.proxy.requests() - before;
    assert!(
        caused > 0,
        "expected the first ask to reach the server, found no request; what no workspace needs is not to be fetched at boot"
    );
    caused
}

fn into_fault(error: TokenError) -> Fault {
    if let TokenErrorKind::Provider(fault) = error.kind {
        return fault;
    }
    Fault::new(error.fault_kind(), error.to_string())
}
