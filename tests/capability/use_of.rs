//! Calls as the platform makes them: a chain over a workspace's environment, a token through the broker.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    call::Call,
    capability::{Scope, Token},
    chain::{self, Settings},
    env::BaseEnv,
    redact::Redactor,
    token::{Broker, BrokerSettings, Provider, TokenError},
};

use crate::booted::{Booted, PATIENCE};

impl Booted {
    /// The environment that the plugins make of an empty one.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let plugins = self.outcome.registry.snapshot();
        // Busy machines are not what is tested here.
        let settings = Settings {
            plugin_budget: PATIENCE,
            ..Settings::default()
        };
        let call = call();
        let run = chain::run(&plugins, Arc::new(BaseEnv::new()), &call, &settings);
        let outcome = self.runtime.block_on(run).unwrap();
        let exposed = |(name, value): (String, provisionhook_host::env::EnvValue)| {
            (name, value.value.expose().to_owned())
        };
        outcome.env.into_iter().map(exposed).collect()
    }

    /// A token for one repository from the plugin of this name.
    pub(crate) fn token(&self, name: &str) -> Arc<Token> {
        let mut scope = Scope::default();
        scope.repositories.push("acme/site".to_owned());
        self.token_for(name, &scope).unwrap()
    }

    /// A token for a scope.
    ///
    /// # Errors
    /// The provider's.
    pub(crate) fn token_for(&self, name: &str, scope: &Scope) -> Result<Arc<Token>, TokenError> {
        let plugin = self.outcome.registry.token_provider(name).unwrap();
        let provider = Provider::of(&plugin).unwrap();
        let broker = Broker::new(BrokerSettings::default(), Redactor::new());
        self.runtime
            .block_on(broker.token(&provider, &call(), scope))
    }
}

fn call() -> Call {
    let mut call = Call {
        deadline: Instant::now().checked_add(PATIENCE),
        ..Call::default()
    };
    call.attributes.workspace_id = "w1".to_owned();
    call.attributes.name = "site".to_owned();
    call.attributes.labels.insert("team".into(), "blue".into());
    call
}

/// Whether a token lives for about an hour from now, as the outside plugin says.
pub(crate) fn lives_an_hour(token: &Token) -> bool {
    let left = token
        .expires_at
        .unwrap()
        .duration_since(jiff::Timestamp::now());
    let left = Duration::try_from(left).unwrap();
    left <= Duration::from_secs(3600) && left > Duration::from_secs(3600) - PATIENCE
}
