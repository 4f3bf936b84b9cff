//! The config as the operator writes it, and the settings that come of it once all of it is checked.

mod id;

use std::collections::BTreeMap;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::service::Service;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    base_url::{self, ApiUrl},
    jwt::Issuer,
    key::AppKey,
    name,
    scope::{self, Bounds, MOST_REPOSITORIES, Permissions},
};

use self::id::Id;

const STATUS_PAGE: &str = "https://www.githubstatus.com";

/// The JSON beside the plugin. `config.schema.json` describes each field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    app_id: Option<Id>,
    client_id: Option<String>,
    installation_id: Option<Id>,
    owner: Option<String>,
    repository: Option<String>,
    private_key: Zeroizing<String>,
    #[serde(default = "cloud")]
    base_url: String,
    git_host: Option<String>,
    #[serde(default)]
    repositories: Vec<String>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default = "usual_variables")]
    inject: Vec<String>,
}

/// Which installation the tokens are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one with this number.
    Id(u64),
    /// The one on this account.
    Owner(String),
    /// The one that reaches this repository.
    Repository {
        /// Its owner.
        owner: String,
        /// Its name.
        name: String,
    },
}

/// Everything that the plugin was told, checked. Made by [`Settings::from_config`] alone.
#[derive(Debug)]
pub struct Settings {
    /// Who the App is.
    pub issuer: Issuer,
    /// Its key.
    pub key: AppKey,
    /// Which installation.
    pub target: Target,
    /// Where GitHub is.
    pub base_url: ApiUrl,
    /// GitHub, for messages.
    pub service: Service,
    /// The host for which a token may be asked.
    pub git_host: String,
    /// The widest token.
    pub bounds: Bounds,
    /// The variables that get the token.
    pub inject: Vec<String>,
}

impl Settings {
    /// Checks all of the config.
    ///
    /// # Errors
    /// A `config` fault with the JSON pointer of the first field that is wrong, what was expected and what was found.
    pub fn from_config(config: Config) -> Result<Self, Fault> {
        let base_url = ApiUrl::parse(&config.base_url)?;
        Ok(Self {
            issuer: issuer(config.app_id, config.client_id)?,
            key: AppKey::parse(&config.private_key)?,
            target: target(config.installation_id, config.owner, config.repository)?,
            git_host: config
                .git_host
                .unwrap_or_else(|| base_url.git_host().to_owned()),
            service: Service::new("GitHub", base_url.to_string()).status_page(STATUS_PAGE),
            base_url,
            bounds: Bounds {
                repositories: repositories(config.repositories)?,
                permissions: permissions(config.permissions)?,
            },
            inject: variables(config.inject)?,
        })
    }

    /// Whether a token may be asked for this host; an empty audience stands for whatever the plugin is for.
    ///
    /// # Errors
    /// A `denied` fault for another host: it must never see a token of this one.
    pub fn check_audience(&self, audience: &str) -> Result<(), Fault> {
        if audience.is_empty() || audience.eq_ignore_ascii_case(&self.git_host) {
            return Ok(());
        }
        Err(Fault::denied(format!(
            "expected the git host {}, found {audience:?}; if both are the same GitHub, set \"git_host\"",
            self.git_host
        )))
    }
}

fn cloud() -> String {
    base_url::CLOUD.to_owned()
}

fn usual_variables() -> Vec<String> {
    ["GITHUB_TOKEN", "GH_TOKEN"].map(str::to_owned).to_vec()
}

/// # Errors
/// Neither of the two, or a client id that is none.
fn issuer(app_id: Option<Id>, client_id: Option<String>) -> Result<Issuer, Fault> {
    match (client_id, app_id) {
        (Some(id), _) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
            if id.bytes().all(|byte| byte.is_ascii_digit()) || !id.bytes().all(plain) {
                return Err(Fault::config(format!(
                    "/client_id: expected the App's client id such as Iv23liExample, found {id:?}; a number goes under \"app_id\""
                )));
            }
            Ok(Issuer::ClientId(id))
        }
        (None, Some(Id(id))) => Ok(Issuer::AppId(id)),
        (None, None) => Err(Fault::config(
            "expected \"client_id\" or \"app_id\", found neither; both stand on the App's settings page on GitHub",
        )),
    }
}

/// # Errors
/// None or several of the three, or a name that cannot be one.
fn target(
    id: Option<Id>,
    owner: Option<String>,
    repository: Option<String>,
) -> Result<Target, Fault> {
    match (id, owner, repository) {
        (Some(Id(id)), None, None) => Ok(Target::Id(id)),
        (None, Some(owner), None) if name::is_github_name(&owner) => Ok(Target::Owner(owner)),
        (None, Some(owner), None) => Err(Fault::config(format!(
            "/owner: expected the name of an organization or user, found {owner:?}"
        ))),
        (None, None, Some(full)) => {
            let (owner, name) = name::owner_and_repository(&full).ok_or_else(|| {
                Fault::config(format!(
                    "/repository: expected \"owner/name\", found {full:?}"
                ))
            })?;
            Ok(Target::Repository {
                owner: owner.to_owned(),
                name: name.to_owned(),
            })
        }
        (None, None, None) => Err(Fault::config(
            "expected \"installation_id\", \"owner\" or \"repository\", found none of them; they say whose installation to use",
        )),
        _ => Err(Fault::config(
            "expected one of \"installation_id\", \"owner\" and \"repository\", found several; keep one",
        )),
    }
}

/// # Errors
/// A name that cannot be one, or too many.
fn repositories(names: Vec<String>) -> Result<Vec<String>, Fault> {
    if names.len() > MOST_REPOSITORIES {
        return Err(Fault::config(format!(
            "/repositories: expected at most {MOST_REPOSITORIES}, found {}; leave the list empty for all that are installed",
            names.len()
        )));
    }
    match names.iter().position(|name| !name::is_github_name(name)) {
        None => Ok(names),
        Some(at) => Err(Fault::config(format!(
            "/repositories/{at}: expected a repository's name without its owner, such as \"web\", found {:?}",
            names[at]
        ))),
    }
}

/// # Errors
/// A name or level that cannot be one.
fn permissions(asked: BTreeMap<String, String>) -> Result<Permissions, Fault> {
    let checked = asked.into_iter().map(|(name, level)| {
        let level = scope::permission(&name, &level)
            .map_err(|problem| Fault::config(format!("/permissions: {problem}")))?;
        Ok((name, level))
    });
    checked.collect()
}

/// # Errors
/// A name that cannot be a variable's.
fn variables(names: Vec<String>) -> Result<Vec<String>, Fault> {
    match names.iter().position(|name| !name::is_variable(name)) {
        None => Ok(names),
        Some(at) => Err(Fault::config(format!(
            "/inject/{at}: expected the name of an environment variable such as \"GITHUB_TOKEN\", found {:?}",
            names[at]
        ))),
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;
    use serde_json::{Value, json};

    use super::*;
    use crate::scope::Level;

    const KEY: &str = include_str!("../../../tests/github-server/keys/app.private-key.pem");

    fn config(changes: Value) -> Value {
        let mut config = json!({ "app_id": 123_456, "installation_id": 42, "private_key": KEY });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        config
    }

    fn settings(changes: Value) -> Settings {
        Settings::from_config(serde_json::from_value(config(changes)).unwrap()).unwrap()
    }

    fn refusal(changes: Value) -> String {
        let fault =
            Settings::from_config(serde_json::from_value(config(changes)).unwrap()).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::CONFIG);
        fault.message().to_owned()
    }

    #[test]
    fn the_smallest_config_has_the_usual_defaults() {
        let settings = settings(json!({}));
        assert_eq!(
            (&settings.issuer, &settings.target),
            (&Issuer::AppId(123_456), &Target::Id(42))
        );
        assert_eq!(
            (
                settings.base_url.to_string().as_str(),
                settings.git_host.as_str()
            ),
            (base_url::CLOUD, "github.com")
        );
        assert_eq!(settings.inject, ["GITHUB_TOKEN", "GH_TOKEN"]);
        assert_eq!(settings.bounds, Bounds::default());
        assert!(!format!("{settings:?}").contains("BEGIN"));
    }

    #[test]
    fn every_field_arrives() {
        let settings = settings(json!({
            "app_id": "123456", "client_id": "Iv23liExample", "installation_id": null, "repository": "acme/web",
            "base_url": "https://git.example.com/api/v3/", "git_host": "git.internal", "repositories": ["web"],
            "permissions": { "pull_requests": "write" }, "inject": [],
        }));
        assert_eq!(
            settings.issuer,
            Issuer::ClientId("Iv23liExample".to_owned())
        );
        assert_eq!(
            settings.target,
            Target::Repository {
                owner: "acme".to_owned(),
                name: "web".to_owned()
            }
        );
        assert_eq!(
            (settings.git_host.as_str(), settings.inject.len()),
            ("git.internal", 0)
        );
        assert_eq!(settings.bounds.permissions["pull_requests"], Level::Write);
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        let expectations = [
            (json!({ "app_id": null }), "\"client_id\" or \"app_id\""),
            (json!({ "client_id": "123456" }), "/client_id"),
            (json!({ "installation_id": null }), "found none of them"),
            (json!({ "owner": "acme" }), "found several"),
            (
                json!({ "installation_id": null, "owner": "acme/web" }),
                "/owner",
            ),
            (
                json!({ "installation_id": null, "repository": "web" }),
                "/repository",
            ),
            (json!({ "private_key": "~/app.pem" }), "/private_key"),
            (json!({ "base_url": "github.com" }), "/base_url"),
            (
                json!({ "repositories": ["web", "acme/api"] }),
                "/repositories/1",
            ),
            (json!({ "repositories": vec!["r"; 501] }), "at most 500"),
            (
                json!({ "permissions": { "pull-requests": "read" } }),
                "\"pull_requests\"",
            ),
            (json!({ "inject": ["GITHUB-TOKEN"] }), "/inject/0"),
        ];
        for (changes, expected) in expectations {
            let message = refusal(changes);
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }

    #[test]
    fn another_host_gets_no_token() {
        let settings = settings(json!({}));
        for audience in ["", "github.com", "GitHub.com"] {
            settings.check_audience(audience).unwrap();
        }
        for audience in [
            "github.com.evil.example",
            "api.github.com",
            "github.com:444",
            "gist.github.com",
        ] {
            let fault = settings.check_audience(audience).unwrap_err();
            assert_eq!(fault.kind(), FaultKind::DENIED);
            assert!(fault.message().contains("github.com, found"), "{fault}");
        }
    }

    #[test]
    fn unknown_fields_and_odd_ids_are_refused() {
        for changes in [
            json!({ "appid": 1 }),
            json!({ "app_id": "Iv23" }),
            json!({ "app_id": 0 }),
            json!({ "app_id": -1 }),
        ] {
            assert!(serde_json::from_value::<Config>(config(changes)).is_err());
        }
    }
}
