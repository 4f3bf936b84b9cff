//! Picks up rotated admin tokens and renewed certificates while the platform serves.

use std::time::Duration;

use provisionhook_host::{
    http::{Address, Auth, Tls},
    runtime::local::Hiding,
    webhooks::Webhooks,
};
use tokio::{
    signal::unix::Signal,
    time::{MissedTickBehavior, interval},
};
use tracing::{info, warn};

use crate::{
    commands::with_causes,
    config::{Config, ConfigError, Loaded},
};

/// How often the files are looked at; a HUP has them looked at now.
const EVERY: Duration = Duration::from_secs(10);

/// What can change under a platform that serves. Everything else in the configuration needs a restart.
pub(super) struct Reload<'a> {
    pub(super) load: &'a dyn Fn() -> Result<Loaded, ConfigError>,
    pub(super) address: Address,
    pub(super) auth: Auth,
    pub(super) tls: Option<Tls>,
    pub(super) webhooks: Webhooks,
    /// HUP, which ends a process that has no handler for it: from before the first word of the log.
    pub(super) hangup: Signal,
    pub(super) hiding: Option<Hiding>,
}

impl Reload<'_> {
    /// Looks again and again, for as long as it is polled; what is wrong is told once and changes nothing.
    pub(super) async fn run(mut self) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = [String::new(), String::new(), String::new()];
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = self.hangup.recv() => info!("HUP: reading admin tokens, certificate and the secrets of webhooks again"),
            }
            let [tokens, certificate, webhooks] = &mut told;
            let config = (self.load)().map_err(|error| with_causes(&error));
            let config = config.as_ref().map(|loaded| &loaded.config);
            // Before anybody may use them.
            if let (Some(hiding), Ok(config)) = (&self.hiding, config)
                && let Some(note) = hiding.hide_further(config.places_of_secrets())
            {
                warn!("{note}");
            }
            let secrets = |apply: fn(&Self, &Config) -> Result<bool, ConfigError>| {
                let applied = apply(&self, config.map_err(Clone::clone)?);
                applied.map_err(|error| with_causes(&error))
            };
            tell("admin tokens", secrets(Self::tokens), tokens);
            tell("certificate", self.certificate(), certificate);
            tell("secrets of webhooks", secrets(Self::webhooks), webhooks);
        }
    }

    fn tokens(&self, config: &Config) -> Result<bool, ConfigError> {
        // What the platform started with decides whether it is for development.
        if !config.has_admin_tokens() {
            return Ok(false);
        }
        Ok(self.auth.replace(&config.auth(&self.address)?))
    }

    fn webhooks(&self, config: &Config) -> Result<bool, ConfigError> {
        Ok(self.webhooks.replace_keys(config.webhook_keys()?))
    }

    fn certificate(&self) -> Result<bool, String> {
        let reloaded = self.tls.as_ref().map(Tls::reload).transpose();
        reloaded
            .map(Option::unwrap_or_default)
            .map_err(|error| with_causes(&error))
    }
}

fn tell(what: &str, changed: Result<bool, String>, told: &mut String) {
    match changed {
        Ok(changed) => {
            told.clear();
            if changed {
                info!("{what} replaced");
            }
        }
        Err(error) if error != *told => {
            warn!("{what}: {error}; those from before stay in use");
            *told = error;
        }
        Err(_) => {}
    }
}
