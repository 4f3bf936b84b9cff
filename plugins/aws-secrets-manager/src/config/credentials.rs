//! How the operator names a source of credentials.

use std::{fmt, path::PathBuf, sync::Arc};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::environment::Environment;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::credentials::{
    AssumedRole, Container, Credentials, Instance, Profile, Source, WebIdentity, session_name,
};

/// `"chain"`, or an object with one key that names the source.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsConfig {
    /// Look where AWS's own tools look.
    Chain,
    /// Keys in the config.
    Static(Keys),
    /// A profile of AWS's files.
    Profile(ProfileConfig),
    /// A token in a file.
    WebIdentity(WebIdentityConfig),
    /// A command.
    Process(ProcessConfig),
    /// An endpoint beside the container.
    Container(ContainerConfig),
    /// The instance's metadata service.
    Instance(InstanceConfig),
}

/// Keys in the config.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
}

/// A profile of AWS's files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileConfig {
    name: String,
    config_file: Option<PathBuf>,
    credentials_file: Option<PathBuf>,
}

/// A token in a file, for a role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebIdentityConfig {
    role_arn: String,
    token_file: PathBuf,
    #[serde(default = "session_name")]
    session_name: String,
}

/// A command that prints credentials.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessConfig {
    command: String,
}

/// An endpoint beside the container.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerConfig {
    uri: String,
    token: Option<Zeroizing<String>>,
    token_file: Option<PathBuf>,
}

/// The instance's metadata service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceConfig {
    endpoint: Option<String>,
}

impl CredentialsConfig {
    /// Whether AWS's variables are to be read.
    pub(crate) fn is_chain(&self) -> bool {
        matches!(self, Self::Chain)
    }

    /// The source that it names. Nobody is asked for credentials yet.
    ///
    /// # Errors
    /// A `config` fault for what cannot be one.
    pub(crate) async fn source(self, environment: &Arc<Environment>) -> Result<Source, Fault> {
        Ok(match self {
            Self::Chain => Source::of_the_chain(environment).await?,
            Self::Static(keys) => Source::Given(keys.checked()?),
            Self::Profile(of) => Source::Profile(Profile::new(
                &of.name,
                of.config_file,
                of.credentials_file,
                Arc::clone(environment),
            )),
            Self::WebIdentity(of) => Source::WebIdentity(WebIdentity {
                token_file: of.token_file,
                role: AssumedRole {
                    role_arn: of.role_arn,
                    session_name: of.session_name,
                    external_id: None,
                },
            }),
            Self::Process(of) => Source::Process(of.command),
            Self::Container(of) => {
                Source::Container(Container::new(of.uri, of.token, of.token_file)?)
            }
            Self::Instance(of) => Source::Instance(Instance::new(of.endpoint.as_deref())?),
        })
    }
}

impl Keys {
    /// # Errors
    /// A `config` fault for keys that cannot be some, without repeating them.
    fn checked(self) -> Result<Credentials, Fault> {
        let expected = |field: &str, what: &str| {
            Fault::config(format!(
                "/credentials/static/{field}: expected {what}, found an empty text or one with spaces"
            ))
        };
        let bad = |text: &str| {
            text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        if bad(&self.access_key_id) {
            return Err(expected(
                "access_key_id",
                "an access key id such as AKIAIOSFODNN7EXAMPLE",
            ));
        }
        if bad(&self.secret_access_key) {
            return Err(expected("secret_access_key", "a secret access key"));
        }
        if self.access_key_id.starts_with("ASIA") && self.session_token.is_none() {
            return Err(Fault::config(
                "/credentials/static/session_token: expected a session token, as keys that begin with ASIA have one, found none",
            ));
        }
        Ok(Credentials {
            access_key_id: self.access_key_id,
            secret_access_key: self.secret_access_key,
            session_token: self.session_token,
            expires_at: None,
        })
    }
}

/// Shows no key.
impl fmt::Debug for CredentialsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsConfig")
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::sdk::block_on;
    use serde_json::{Value, json};

    use super::*;

    /// # Errors
    /// As `CredentialsConfig::source`.
    fn source(config: Value) -> Result<Source, Fault> {
        let config: CredentialsConfig = serde_json::from_value(config).unwrap();
        block_on(config.source(&Arc::new(Environment::from_fn(|_| None))))
    }

    #[test]
    fn each_source_can_be_named() {
        let expectations = [
            (
                json!({ "static": { "access_key_id": "A", "secret_access_key": "s" } }),
                "static keys",
            ),
            (json!({ "profile": { "name": "p" } }), "profile"),
            (
                json!({ "web_identity": { "role_arn": "a", "token_file": "/t" } }),
                "web identity",
            ),
            (
                json!({ "process": { "command": "x" } }),
                "credential process",
            ),
            (
                json!({ "container": { "uri": "http://169.254.170.23/v1/credentials", "token_file": "/t" } }),
                "container",
            ),
            (json!({ "instance": {} }), "instance metadata"),
            (json!("chain"), "instance metadata"),
        ];
        for (config, name) in expectations {
            assert_eq!(source(config).map(|source| source.name()), Ok(name));
        }
    }

    #[test]
    fn keys_that_cannot_be_some_are_not_repeated() {
        for keys in [
            json!({ "access_key_id": "", "secret_access_key": "hunter2" }),
            json!({ "access_key_id": "A", "secret_access_key": "hunter2\n" }),
            json!({ "access_key_id": "ASIAhunter2", "secret_access_key": "s" }),
        ] {
            let fault = source(json!({ "static": keys })).unwrap_err();
            assert!(
                fault.message().starts_with("/credentials/static/"),
                "{fault}"
            );
            assert!(!fault.message().contains("hunter2"), "{fault}");
        }
    }
}
