//! The config as the operator writes it, and the settings that come of it once all of it is checked.

mod credential;

use std::time::Duration;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{base_url::BaseUrl, service::Service, values::is_variable};
use serde::{Deserialize, de::IgnoredAny};

pub use self::credential::Credential;

use self::credential::CredentialConfig;

const API: &str = "https://api.bitbucket.org";
const SITE: &str = "https://bitbucket.org";
const STATUS_PAGE: &str = "https://bitbucket.status.atlassian.com";

/// The JSON beside the plugin. `config.schema.json` describes each field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    workspace: String,
    credential: Option<CredentialConfig>,
    app_password: Option<IgnoredAny>,
    #[serde(default = "api")]
    base_url: String,
    #[serde(default = "site")]
    site_url: String,
    #[serde(default)]
    inject: Inject,
    #[serde(default = "five_minutes")]
    recheck_seconds: u32,
}

/// The variables that are set.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inject {
    /// To the token.
    pub token: Vec<String>,
    /// To the user name that goes with it in git.
    pub username: Vec<String>,
    /// To the one that goes with it in the API, if there is one.
    pub email: Vec<String>,
    /// To the Bitbucket workspace.
    pub workspace: Vec<String>,
}

impl Default for Inject {
    fn default() -> Self {
        let one = |name: &str| vec![name.to_owned()];
        Self {
            token: one("BITBUCKET_TOKEN"),
            username: one("BITBUCKET_USERNAME"),
            email: one("BITBUCKET_EMAIL"),
            workspace: one("BITBUCKET_WORKSPACE"),
        }
    }
}

/// Everything that the plugin was told, checked. Made by [`Settings::from_config`] alone.
#[derive(Debug)]
pub struct Settings {
    /// The Bitbucket workspace.
    pub workspace: String,
    /// What opens it.
    pub credential: Credential,
    /// Where the API is.
    pub base_url: BaseUrl,
    /// Where git and OAuth are.
    pub site_url: BaseUrl,
    /// Bitbucket, for messages.
    pub service: Service,
    /// The variables.
    pub inject: Inject,
    /// For how long what Bitbucket said of the token is believed.
    pub recheck: Duration,
}

impl Settings {
    /// Checks all of the config.
    ///
    /// # Errors
    /// A `config` fault with the JSON pointer of the first field that is wrong, what was expected and what was found.
    pub fn from_config(config: Config) -> Result<Self, Fault> {
        if config.app_password.is_some() {
            return Err(credential::app_passwords_are_gone("/app_password"));
        }
        let credential = config.credential.ok_or_else(|| {
            Fault::config("/credential: expected one of \"api_token\", \"access_token\" and \"oauth\", found none")
        })?;
        if !is_name(&config.workspace) {
            return Err(Fault::config(format!(
                "/workspace: expected the workspace's name as in {SITE}/WORKSPACE/, found {:?}",
                config.workspace
            )));
        }
        let base_url = BaseUrl::parse(config.base_url.trim_end_matches("/2.0"), "/base_url", API)?;
        Ok(Self {
            workspace: config.workspace,
            credential: credential.checked()?,
            service: Service::new("Bitbucket", base_url.as_str()).status_page(STATUS_PAGE),
            base_url,
            site_url: BaseUrl::parse(&config.site_url, "/site_url", SITE)?,
            inject: inject(config.inject)?,
            recheck: seconds(config.recheck_seconds)?,
        })
    }

    /// Whether a token may be asked for this host; an empty audience stands for whatever the plugin is for.
    ///
    /// # Errors
    /// A `denied` fault for another host: it must never see a token of this one.
    pub fn check_audience(&self, audience: &str) -> Result<(), Fault> {
        let host = self.site_url.host();
        if audience.is_empty() || audience.eq_ignore_ascii_case(host) {
            return Ok(());
        }
        Err(Fault::denied(format!(
            "expected the git host {host}, found {audience:?}; this plugin has tokens for no other"
        )))
    }

    /// Whether the token reaches what a workspace wants it for.
    ///
    /// # Errors
    /// A `denied` fault for a repository that it does not reach.
    pub fn check_repository(&self, wished: &str) -> Result<(), Fault> {
        let workspace = &self.workspace;
        let (owner, name) = wished.split_once('/').unwrap_or((wished, ""));
        let reached = self.credential.only_repository();
        let reached = reached.is_none_or(|only| only.eq_ignore_ascii_case(name));
        if reached && owner.eq_ignore_ascii_case(workspace) {
            return Ok(());
        }
        Err(Fault::denied(format!(
            "expected a repository of the workspace {workspace} that the token in the config is for, found {wished:?}"
        )))
    }
}

fn api() -> String {
    API.to_owned()
}

fn site() -> String {
    SITE.to_owned()
}

fn five_minutes() -> u32 {
    300
}

/// # Errors
/// A name that cannot be a variable's.
fn inject(inject: Inject) -> Result<Inject, Fault> {
    let fields = [
        ("token", &inject.token),
        ("username", &inject.username),
        ("email", &inject.email),
        ("workspace", &inject.workspace),
    ];
    for (field, names) in fields {
        if let Some(at) = names.iter().position(|name| !is_variable(name)) {
            return Err(Fault::config(format!(
                "/inject/{field}/{at}: expected the name of an environment variable such as \"BITBUCKET_TOKEN\", found {:?}",
                names[at]
            )));
        }
    }
    Ok(inject)
}

/// # Errors
/// A time that is none, or longer than a day.
fn seconds(seconds: u32) -> Result<Duration, Fault> {
    if (1..=86_400).contains(&seconds) {
        return Ok(Duration::from_secs(seconds.into()));
    }
    Err(Fault::config(format!(
        "/recheck_seconds: expected 1 to 86400, found {seconds}"
    )))
}

/// Of a workspace, a repository or a user.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=100).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(plain)
}

#[cfg(test)]
mod tests;
