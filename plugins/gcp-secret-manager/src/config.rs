//! The config as the operator writes it, and the settings that come of it once all of it is checked.

use std::{collections::BTreeMap, fmt, time::Duration};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    base_url::BaseUrl,
    values::{self, Encoding, Names, Pick, Wanted, all_wanted},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::reference::{Named, is_project};

/// The JSON beside the plugin. `config.schema.json` describes each field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    project: Option<String>,
    location: Option<String>,
    credentials: CredentialsConfig,
    quota_project: Option<String>,
    endpoint: Option<String>,
    metadata_endpoint: Option<String>,
    #[serde(default, rename = "token_urls")]
    _token_urls: Vec<String>,
    #[serde(default)]
    allow_executables: bool,
    #[serde(default)]
    latest_enabled: bool,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    spread: BTreeMap<String, Spreading>,
    cache_seconds: Option<u64>,
}

/// Where access tokens come from.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsConfig {
    /// Look where Google's own tools look.
    ApplicationDefault,
    /// The text of a credentials file.
    Json(Zeroizing<String>),
    /// The metadata server of the machine.
    Metadata,
    /// No token at all, for an emulator on this machine.
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    secret: String,
    version: Option<String>,
    json_key: Option<String>,
    encoding: Option<Encoding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spreading {
    secret: String,
    version: Option<String>,
    #[serde(default)]
    names: Names,
}

/// Everything that the plugin was told, checked. Made by [`Settings::from_config`] alone.
#[derive(Debug)]
pub struct Settings {
    /// The project of secrets that do not name theirs.
    pub project: Option<String>,
    /// Where access tokens come from.
    pub credentials: CredentialsConfig,
    /// The project that pays for the requests, if not that of the credentials.
    pub quota_project: Option<String>,
    /// Where Secret Manager is, if not where Google has it.
    pub endpoint: Option<BaseUrl>,
    /// Where the metadata server is, if not where Google has it.
    pub metadata_endpoint: Option<String>,
    /// Whether a credentials file may have a command run.
    pub allow_executables: bool,
    /// Take the newest enabled version where the latest is disabled.
    pub latest_enabled: bool,
    /// What to put into which variable.
    pub wanted: Vec<Wanted<Named>>,
    /// For how long values are not asked for again.
    pub cache: Duration,
}

impl Settings {
    /// Checks all of the config.
    ///
    /// # Errors
    /// A `config` fault with the JSON pointer of the first field that is wrong, what was expected and what was found.
    pub fn from_config(config: Config) -> Result<Self, Fault> {
        for (field, project) in [
            ("/project", &config.project),
            ("/quota_project", &config.quota_project),
        ] {
            if let Some(project) = project.as_deref().filter(|project| !is_project(project)) {
                return Err(Fault::config(format!(
                    "{field}: expected a project's id or number, found {project:?}"
                )));
            }
        }
        let endpoint = config
            .endpoint
            .as_deref()
            .map(|text| BaseUrl::parse(text, "/endpoint", "https://secretmanager.googleapis.com"));
        let endpoint = endpoint.transpose()?;
        if matches!(config.credentials, CredentialsConfig::None)
            && !endpoint.as_ref().is_some_and(BaseUrl::is_loopback)
        {
            return Err(Fault::config(
                "/credentials: expected credentials, found \"none\", which is for an endpoint on this machine alone",
            ));
        }
        let defaults = (config.project.as_deref(), config.location.as_deref());
        let wanted = wanted(config.variables, config.spread, defaults)?;
        Ok(Self {
            project: config.project,
            credentials: config.credentials,
            quota_project: config.quota_project,
            endpoint,
            metadata_endpoint: config.metadata_endpoint,
            allow_executables: config.allow_executables,
            latest_enabled: config.latest_enabled,
            wanted,
            cache: values::cache(config.cache_seconds)?,
        })
    }
}

/// Shows no key.
impl fmt::Debug for CredentialsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsConfig")
    }
}

/// # Errors
/// A variable, pattern or secret that is none, or nothing at all.
fn wanted(
    variables: BTreeMap<String, Variable>,
    spread: BTreeMap<String, Spreading>,
    (project, location): (Option<&str>, Option<&str>),
) -> Result<Vec<Wanted<Named>>, Fault> {
    let variables = variables.into_iter().map(|(name, of)| {
        let pick = Pick {
            json_key: of.json_key,
            encoding: of.encoding,
        };
        Wanted::one(name, pick, |field| {
            Named::new(&of.secret, of.version, project, location, field)
        })
    });
    let spread = spread.into_iter().map(|(pattern, of)| {
        Wanted::all(&pattern, of.names, |field| {
            Named::new(&of.secret, of.version, project, location, field)
        })
    });
    all_wanted(variables, spread)
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;
    use provisionhook_provider_kit_testing::{assert_fault, with_changes};
    use serde_json::{Value, json};

    use super::*;

    /// # Errors
    /// As `Settings::from_config`.
    fn settings(changes: Value) -> Result<Settings, Fault> {
        let config = json!({ "project": "p", "credentials": "application_default", "variables": { "A": { "secret": "a" } } });
        let config = with_changes(config, &changes);
        Settings::from_config(serde_json::from_value(config).unwrap())
    }

    #[test]
    fn the_smallest_config_has_the_usual_defaults() {
        let settings = settings(json!({})).unwrap();
        assert_eq!(
            (
                settings.wanted.len(),
                settings.cache.as_secs(),
                settings.latest_enabled
            ),
            (1, 300, false)
        );
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        let expectations = [
            (json!({ "variables": {} }), "found none"),
            (
                json!({ "variables": { "A-B": { "secret": "a" } } }),
                "/variables: expected names",
            ),
            (
                json!({ "variables": { "A": { "secret": "a/b" } } }),
                "/variables/A/secret",
            ),
            (
                json!({ "spread": { "A": { "secret": "a" } } }),
                "/spread/A: expected",
            ),
            (json!({ "project": "p/q" }), "/project"),
            (json!({ "quota_project": "" }), "/quota_project"),
            (json!({ "location": "a b" }), "/variables/A/secret"),
            (json!({ "endpoint": "http://secrets.example" }), "/endpoint"),
            (json!({ "credentials": "none" }), "on this machine alone"),
            (
                json!({ "credentials": "none", "endpoint": "https://x.example" }),
                "on this machine alone",
            ),
            (json!({ "cache_seconds": 86_401 }), "/cache_seconds"),
        ];
        for (changes, expected) in expectations {
            let fault = settings(changes).unwrap_err();
            assert_fault(&fault, FaultKind::CONFIG, &[expected]);
        }
        settings(json!({ "credentials": "none", "endpoint": "http://127.0.0.1:1" })).unwrap();
    }
}
