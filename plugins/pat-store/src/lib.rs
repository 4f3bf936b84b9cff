//! Serves personal access tokens, and any other secret, from a local file: plain JSON or TOML, or encrypted with age.
#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and the error types say what can go wrong"
)]

mod config;
mod decrypt;
mod document;
mod file;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use provisionhook_plugin_abi::prelude::*;

pub use self::config::Config;
use self::{
    document::{Entry, Secrets},
    file::SecretsFile,
};

/// One configured store.
pub struct PatStore {
    config: Config,
    file: SecretsFile,
    host: Host,
}

impl Plugin for PatStore {
    type Config = Config;

    /// Reads the file once, so that a wrong path, mode or identity is reported at boot.
    fn create(mut config: Config, host: &Host) -> Result<Self, Fault> {
        let file = SecretsFile::new(&config.file, config.identity.take()).map_err(Fault::config)?;
        let store = Self {
            config,
            file,
            host: host.clone(),
        };
        let secrets = store.secrets()?;
        for name in store.config.inject.values().chain(&store.config.token) {
            store.find(&secrets, name)?;
        }
        Ok(store)
    }
}

impl EnvMutator for PatStore {
    async fn mutate(&self, _call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let secrets = self.secrets()?;
        for (variable, name) in &self.config.inject {
            env.set_secret(variable, &self.usable(&secrets, name)?.value)?;
        }
        Ok(())
    }
}

impl TokenProvider for PatStore {
    /// The secret that is marked with the host that is asked for; else the configured one.
    async fn token(&self, _call: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        let secrets = self.secrets()?;
        let host = scope.audience();
        let marked = secrets.iter().find(|(_, entry)| {
            !host.is_empty()
                && entry
                    .host
                    .as_deref()
                    .is_some_and(|marked| marked.eq_ignore_ascii_case(host))
        });
        let name = marked.map(|(name, _)| name).or(self.config.token.as_ref()).ok_or_else(|| {
            Fault::denied(format!(
                "expected a secret marked with \"host\": \"{host}\" in {}, found none, and no `token` is configured",
                self.config.file.display()
            ))
        })?;
        let entry = self.usable(&secrets, name)?;
        let mut token = Token::new(entry.value.as_str());
        if let Some(expires_at) = entry.expires_at {
            token = token.expires_at(system_time(expires_at));
        }
        Ok(match &entry.username {
            Some(username) => token.username(username),
            None => token,
        })
    }
}

impl PatStore {
    fn secrets(&self) -> Result<Arc<Secrets>, Fault> {
        self.file.secrets().map_err(Fault::config)
    }

    fn find<'s>(&self, secrets: &'s Secrets, name: &str) -> Result<&'s Entry, Fault> {
        secrets.get(name).ok_or_else(|| {
            let names: Vec<&str> = secrets.keys().map(String::as_str).collect();
            Fault::config(format!(
                "{}: expected a secret named `{name}`, found {}; add it, or mend `inject` or `token`",
                self.config.file.display(),
                if names.is_empty() { "no secret at all".to_owned() } else { names.join(", ") }
            ))
        })
    }

    fn usable<'s>(&self, secrets: &'s Secrets, name: &str) -> Result<&'s Entry, Fault> {
        let entry = self.find(secrets, name)?;
        let now = self.host.clock().now();
        match entry.expires_at {
            Some(at) if system_time(at) <= now => Err(Fault::config(format!(
                "{}: the secret `{name}` expired at {}; put a new one there",
                self.config.file.display(),
                at.round(jiff::Unit::Second).unwrap_or(Timestamp::MIN)
            ))),
            _ => Ok(entry),
        }
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
        execution: blocking,
        writes: ["config:/inject"],
        secrets: ["config:/inject"],
        config_schema: include_str!("../config.schema.json"),
    }
}
