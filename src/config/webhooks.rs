//! `[webhook.NAME]`: who is told of what happens to workspaces.

use std::{collections::BTreeMap, time::Duration};

use provisionhook_host::{
    events::Filter,
    webhooks::{SigningKey, Target, Webhook},
};
use serde::Deserialize;

use super::{Config, ConfigError, SecretText};

/// `[webhook.NAME]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WebhookSection {
    url: Option<SecretText>,
    secret: Option<SecretText>,
    old_secret: Option<SecretText>,
    types: Vec<String>,
    tenants: Vec<String>,
    #[serde(deserialize_with = "super::schema::duration")]
    give_up_after: Duration,
}

impl Default for WebhookSection {
    fn default() -> Self {
        Self {
            url: None,
            secret: None,
            old_secret: None,
            types: Vec::new(),
            tenants: Vec::new(),
            give_up_after: Duration::from_hours(3 * 24),
        }
    }
}

impl Config {
    /// All webhooks, with each secret read from where the configuration says.
    pub(crate) fn webhooks(&self) -> Result<Vec<Webhook>, ConfigError> {
        let sections = self.webhook.iter();
        sections
            .map(|(name, section)| section.webhook(name))
            .collect()
    }

    /// The keys of all webhooks, by name.
    pub(crate) fn webhook_keys(&self) -> Result<BTreeMap<String, Vec<SigningKey>>, ConfigError> {
        let sections = self.webhook.iter();
        sections
            .map(|(name, section)| Ok((name.clone(), section.keys(name)?)))
            .collect()
    }
}

impl WebhookSection {
    fn webhook(&self, name: &str) -> Result<Webhook, ConfigError> {
        let key = |part: &str| format!("webhook.{name}.{part}");
        let url = self.url.as_ref();
        let url = url.ok_or_else(|| unusable(key("url"), "expected a URL, found none"))?;
        let target = Target::parse(url.resolve(&key("url"))?);
        let filter = Filter::default().of_kinds(self.types.iter().map(String::as_str));
        Ok(Webhook {
            name: name.to_owned(),
            target: target.map_err(|error| unusable(key("url"), error.to_string()))?,
            keys: self.keys(name)?,
            filter: filter
                .map_err(|error| unusable(key("types"), error.to_string()))?
                .of_tenants(self.tenants.iter().cloned()),
            give_up_after: self.give_up_after,
        })
    }

    /// What to sign with, the new key first.
    fn keys(&self, name: &str) -> Result<Vec<SigningKey>, ConfigError> {
        let required = format!("webhook.{name}.secret");
        if self.secret.is_none() {
            let problem = "expected what to sign with, found nothing: make it with `echo whsec_$(openssl rand -base64 32)`";
            return Err(unusable(required, problem));
        }
        let old = format!("webhook.{name}.old_secret");
        let secrets = [(&required, &self.secret), (&old, &self.old_secret)];
        let given = secrets
            .into_iter()
            .filter_map(|(key, text)| text.as_ref().map(|text| (key, text)));
        given
            .map(|(key, text)| {
                let secret = text.resolve(key)?;
                SigningKey::parse(secret.expose())
                    .map_err(|error| unusable(key.clone(), error.to_string()))
            })
            .collect()
    }
}

fn unusable(key: String, problem: impl Into<String>) -> ConfigError {
    ConfigError::Webhook {
        key,
        problem: problem.into(),
    }
}
