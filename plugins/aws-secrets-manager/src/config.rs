//! The config as the operator writes it, and the settings that come of it once all of it is checked.

mod credentials;
mod place;

use std::{collections::BTreeMap, time::Duration};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    base_url::BaseUrl,
    values::{self, Encoding, Names, Pick, Wanted, all_wanted},
};
use serde::Deserialize;

pub use self::{credentials::CredentialsConfig, place::Place};

use crate::reference::Reference;

/// The JSON beside the plugin. `config.schema.json` describes each field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    region: Option<String>,
    endpoint: Option<String>,
    sts_endpoint: Option<String>,
    credentials: CredentialsConfig,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    spread: BTreeMap<String, Spreading>,
    cache_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    secret: String,
    stage: Option<String>,
    version: Option<String>,
    json_key: Option<String>,
    encoding: Option<Encoding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spreading {
    secret: String,
    stage: Option<String>,
    version: Option<String>,
    #[serde(default)]
    names: Names,
}

/// Everything that the plugin was told, checked. Made by [`Settings::from_config`] alone.
#[derive(Debug)]
pub struct Settings {
    /// Region and endpoints, as far as the config says.
    pub place: Place,
    /// Where credentials come from.
    pub credentials: CredentialsConfig,
    /// What to put into which variable.
    pub wanted: Vec<Wanted<Reference>>,
    /// For how long values are not asked for again.
    pub cache: Duration,
}

impl Settings {
    /// Checks all of the config.
    ///
    /// # Errors
    /// A `config` fault with the JSON pointer of the first field that is wrong, what was expected and what was found.
    pub fn from_config(config: Config) -> Result<Self, Fault> {
        let wanted = wanted(config.variables, config.spread)?;
        let url = |text: Option<String>, field, example| {
            text.map(|text| BaseUrl::parse(&text, field, example))
                .transpose()
        };
        Ok(Self {
            place: Place::new(
                config.region,
                url(
                    config.endpoint,
                    "/endpoint",
                    "https://secretsmanager.REGION.amazonaws.com",
                )?,
                url(
                    config.sts_endpoint,
                    "/sts_endpoint",
                    "https://sts.REGION.amazonaws.com",
                )?,
            )?,
            credentials: config.credentials,
            wanted,
            cache: values::cache(config.cache_seconds)?,
        })
    }
}

/// # Errors
/// A variable, pattern or secret that is none, or nothing at all.
fn wanted(
    variables: BTreeMap<String, Variable>,
    spread: BTreeMap<String, Spreading>,
) -> Result<Vec<Wanted<Reference>>, Fault> {
    let variables = variables.into_iter().map(|(name, of)| {
        let pick = Pick {
            json_key: of.json_key,
            encoding: of.encoding,
        };
        Wanted::one(name, pick, |field| {
            Reference::new(of.secret, of.stage, of.version, field)
        })
    });
    let spread = spread.into_iter().map(|(pattern, of)| {
        Wanted::all(&pattern, of.names, |field| {
            Reference::new(of.secret, of.stage, of.version, field)
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
        let config = json!({ "region": "eu-west-1", "credentials": "chain", "variables": { "A": { "secret": "a" } } });
        let config = with_changes(config, &changes);
        Settings::from_config(serde_json::from_value(config).unwrap())
    }

    #[test]
    fn the_smallest_config_has_the_usual_defaults() {
        let settings = settings(json!({})).unwrap();
        assert_eq!((settings.wanted.len(), settings.cache.as_secs()), (1, 300));
        assert_eq!(settings.wanted[0].secret.to_string(), "a");
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
                json!({ "variables": { "A": { "secret": "" } } }),
                "/variables/A/secret",
            ),
            (
                json!({ "spread": { "A": { "secret": "a" } } }),
                "/spread/A: expected",
            ),
            (
                json!({ "spread": { "A*": { "secret": "a", "stage": "" } } }),
                "/spread/A*/stage",
            ),
            (json!({ "region": "Frankfurt" }), "/region"),
            (json!({ "endpoint": "http://secrets.example" }), "/endpoint"),
            (json!({ "sts_endpoint": "sts" }), "/sts_endpoint"),
            (json!({ "cache_seconds": 86_401 }), "/cache_seconds"),
        ];
        for (changes, expected) in expectations {
            let fault = settings(changes).unwrap_err();
            assert_fault(&fault, FaultKind::CONFIG, &[expected]);
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        for changes in [
            json!({ "regoin": "x" }),
            json!({ "variables": { "A": { "secret": "a", "key": "b" } } }),
            json!({ "credentials": "none" }),
        ] {
            let config = with_changes(json!({ "credentials": "chain" }), &changes);
            assert!(serde_json::from_value::<Config>(config).is_err());
        }
    }
}
