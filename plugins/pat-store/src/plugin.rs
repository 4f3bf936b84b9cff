//! The plugin: what the host calls.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use provisionhook_plugin_abi::prelude::*;
use provisionhook_provider_kit::outside::Hosted;

use crate::{
    config::{Config, HostToken},
    document::{Document, Entry, Lack},
    store::{Asker, Held, Store},
};

/// How long an answer is waited for when the host gives no deadline.
const USUAL_LIMIT: Duration = Duration::from_secs(8);

/// What is kept back of the host's time, so that a fault of ours comes before the host gives up.
const RESERVE: Duration = Duration::from_millis(100);

/// One configured store.
pub struct PatStore {
    store: Store<Hosted>,
    host: Host,
    inject: BTreeMap<String, String>,
    token: Option<String>,
    tokens: BTreeMap<String, HostToken>,
}

impl Plugin for PatStore {
    type Config = Config;

    /// Reads the file, or has the credentials checked, so that what is wrong is reported at boot.
    fn create(mut config: Config, host: &Host) -> Result<Self, Fault> {
        let is_file = config.file.is_some();
        let names = config.names();
        let store = Store::new(&mut config, Hosted(host.clone()))?;
        let plugin = Self {
            store,
            host: host.clone(),
            inject: config.inject,
            token: config.token,
            tokens: config.tokens,
        };
        host.block_on(plugin.store.check())?;
        tracing::info!(store = plugin.store.name(), "ready");
        if is_file {
            let held = host.block_on(plugin.store.document(&Asker {
                tenant: "",
                workspace: "",
                limit: USUAL_LIMIT,
            }))?;
            names
                .iter()
                .try_for_each(|name| plugin.find(&held.document, name).map(drop))?;
        }
        Ok(plugin)
    }
}

impl EnvMutator for PatStore {
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        if self.inject.is_empty() {
            return Ok(());
        }
        let held = self.store.document(&self.asker(call)).await?;
        for (variable, name) in &self.inject {
            env.set_secret(variable, &self.usable(&held, name)?.value)?;
        }
        Ok(())
    }
}

impl TokenProvider for PatStore {
    /// The secret that is configured for the host that is asked for; else one that the store marks with it; else the default.
    async fn token(&self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        let held = self.store.document(&self.asker(call)).await?;
        let (name, username) = self.chosen(&held.document, scope.audience())?;
        let entry = self.usable(&held, name)?;
        let mut token = Token::new(entry.value.as_str());
        if let Some(expires_at) = entry.expires_at {
            token = token.expires_at(system_time(expires_at));
        }
        Ok(match username.or(entry.username.as_deref()) {
            Some(username) => token.username(username),
            None => token,
        })
    }
}

impl PatStore {
    fn asker<'c>(&self, call: &'c Call<'_>) -> Asker<'c> {
        let remaining = self.host.clock().remaining(call);
        Asker {
            tenant: call.tenant(),
            workspace: call.workspace_id(),
            limit: remaining.map_or(USUAL_LIMIT, |left| left.saturating_sub(RESERVE)),
        }
    }

    /// The name of the secret for a host, and the user name that is configured with it.
    fn chosen<'p>(
        &'p self,
        document: &'p Document,
        host: &str,
    ) -> Result<(&'p str, Option<&'p str>), Fault> {
        let is_it = |other: &str| !host.is_empty() && other.eq_ignore_ascii_case(host);
        if let Some((_, token)) = self.tokens.iter().find(|(other, _)| is_it(other)) {
            return Ok((&token.secret, token.username.as_deref()));
        }
        let mut marked = document
            .secrets
            .iter()
            .filter(|(_, entry)| entry.host.as_deref().is_some_and(is_it));
        let name = marked.next().map(|(name, _)| name).or(self.token.as_ref());
        name.map(|name| (name.as_str(), None)).ok_or_else(|| {
            Fault::denied(format!(
                "expected a secret for the host \"{host}\" (under `tokens`, or marked with it in {}), found none, and no `token` is \
                 configured",
                self.store.name()
            ))
        })
    }

    fn find<'s>(&self, document: &'s Document, name: &str) -> Result<&'s Entry, Fault> {
        if let Some(entry) = document.secrets.get(name) {
            return Ok(entry);
        }
        let place = self.store.name();
        Err(match document.lacks.get(name) {
            Some(Lack::Denied) => Fault::denied(format!(
                "{place}: expected to be allowed to read `{name}`, found that it is not; grant it there, or mend `inject`, `token` or `tokens`"
            )),
            Some(Lack::Unusable(why)) => Fault::config(format!("{place}: `{name}`: {why}")),
            Some(Lack::NotFound) => Fault::config(format!(
                "{place}: expected a secret named `{name}`, found none; add it, or mend `inject`, `token` or `tokens`"
            )),
            None => {
                let names: Vec<&str> = document.secrets.keys().map(String::as_str).collect();
                let found = if names.is_empty() {
                    "no secret at all".to_owned()
                } else {
                    names.join(", ")
                };
                Fault::config(format!(
                    "{place}: expected a secret named `{name}`, found {found}; add it, or mend `inject`, `token` or `tokens`"
                ))
            }
        })
    }

    fn usable<'s>(&self, held: &'s Held, name: &str) -> Result<&'s Entry, Fault> {
        let entry = self.find(&held.document, name)?;
        let Some(end) = entry
            .expires_at
            .filter(|end| system_time(*end) <= self.host.clock().now())
        else {
            return Ok(entry);
        };
        let end = end.round(jiff::Unit::Second).unwrap_or(Timestamp::MIN);
        let place = self.store.name();
        Err(if held.is_stale {
            Fault::transient(format!(
                "{place}: the secret `{name}` expired at {end}, and the store does not answer, so that there is no newer one; it will be asked \
                 again"
            ))
        } else {
            Fault::config(format!(
                "{place}: the secret `{name}` expired at {end}; put a new one there"
            ))
        })
    }
}

/// What is before 1970 expired long ago: that it was in 1970 is near enough.
fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH
        + Duration::from_millis(at.as_millisecond().try_into().unwrap_or_default())
}

export_plugin! {
    PatStore {
        capabilities: [env_mutator, token_provider],
        execution: async,
        writes: ["config:/inject"],
        secrets: ["config:/inject"],
        hosts: [
            "config:/http/base_url",
            "api.doppler.com", "config:/doppler/base_url",
            "app.infisical.com", "config:/infisical/base_url",
            "config:/onepassword_connect/base_url",
        ],
        config_schema: include_str!("../config.schema.json"),
    }
}
