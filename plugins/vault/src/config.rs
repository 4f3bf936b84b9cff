//! The config as the operator writes it, and the settings that come of it once all of it is checked.

mod auth;
mod wanted;

use std::{collections::BTreeMap, time::Duration};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{base_url::BaseUrl, values::Wanted};
use serde::Deserialize;

use self::{
    auth::AuthConfig,
    wanted::{Spreading, TokenConfig, Variable},
};

pub use self::{
    auth::{Method, SecretId},
    wanted::{Engine, Reference, Served},
};

const EXAMPLE: &str = "https://vault.example.com:8200";
/// Longer, and nobody would notice that a secret was changed.
const MOST_CACHE_SECONDS: u64 = 86_400;

/// The JSON beside the plugin. `config.schema.json` describes each field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    address: String,
    namespace: Option<String>,
    auth: AuthConfig,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    spread: BTreeMap<String, Spreading>,
    #[serde(default)]
    tokens: Vec<TokenConfig>,
    #[serde(default = "usual_sharing")]
    share_tokens: bool,
    #[serde(default = "usual_cache_seconds")]
    cache_seconds: u64,
}

/// Everything that the plugin was told, checked. Made by [`Settings::from_config`] alone.
#[derive(Debug)]
pub struct Settings {
    /// Where Vault is.
    pub address: BaseUrl,
    /// The namespace, without slashes at its ends; empty for the root.
    pub namespace: String,
    /// How to log in.
    pub method: Method,
    /// What to put into which variable.
    pub wanted: Vec<Wanted<Reference>>,
    /// What the token provider serves.
    pub served: Vec<Served>,
    /// For how long what is the same for many is not asked for again.
    pub cache: Duration,
}

impl Settings {
    /// Checks all of the config.
    ///
    /// # Errors
    /// A `config` fault with the JSON pointer of the first field that is wrong, what was expected and what was found.
    pub fn from_config(config: Config) -> Result<Self, Fault> {
        if config.cache_seconds > MOST_CACHE_SECONDS {
            return Err(Fault::config(format!(
                "/cache_seconds: expected at most {MOST_CACHE_SECONDS}, found {}",
                config.cache_seconds
            )));
        }
        let wanted = wanted::wanted(config.variables, config.spread)?;
        let served = wanted::served(config.tokens, config.share_tokens)?;
        if wanted.is_empty() && served.is_empty() {
            return Err(Fault::config(
                "expected \"variables\", \"spread\" or \"tokens\" with a secret, found none; say what goes where",
            ));
        }
        Ok(Self {
            address: address(&config.address)?,
            namespace: namespace(config.namespace.as_deref().unwrap_or_default())?,
            method: config.auth.checked()?,
            wanted,
            served,
            cache: Duration::from_secs(config.cache_seconds),
        })
    }
}

/// What the host takes for granted when the config says nothing.
fn usual_sharing() -> bool {
    true
}

fn usual_cache_seconds() -> u64 {
    300
}

/// # Errors
/// No URL, or more than Vault's address.
fn address(text: &str) -> Result<BaseUrl, Fault> {
    let base = BaseUrl::parse(text, "/address", EXAMPLE)?;
    if base.path().ends_with("/v1") || base.path().ends_with("/ui") {
        return Err(Fault::config(format!(
            "/address: expected {EXAMPLE}, found a URL with a path behind it; leave out {}",
            base.path()
        )));
    }
    Ok(base)
}

/// # Errors
/// A name that no namespace has.
fn namespace(text: &str) -> Result<String, Fault> {
    let name = text.trim_matches('/');
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if name.bytes().all(fit) {
        return Ok(name.to_owned());
    }
    Err(Fault::config(format!(
        "/namespace: expected a namespace such as \"team\" or \"team/project\", found {text:?}"
    )))
}

#[cfg(test)]
mod tests;
