//! Reads what a configuration refers to instead of holding it.

use std::{fs, path::Path};

use provisionhook_host::{secret::Secret, verify::ConfigSource};
use zeroize::Zeroizing;

use super::{ConfigError, Environment, ProcessEnvironment, SecretText};

/// The environment of this machine, for the host to resolve `$env` in plugin configs.
pub(crate) struct OperatorEnvironment;

impl ConfigSource for OperatorEnvironment {
    fn read_env(&self, name: &str) -> Option<Zeroizing<String>> {
        ProcessEnvironment.get(name).map(Zeroizing::new)
    }
}

impl SecretText {
    /// The secret itself, without the newline that editors put at the end of a file.
    pub(crate) fn resolve(&self, key: &str) -> Result<Secret, ConfigError> {
        match self {
            Self::Plain(secret) => Ok(secret.clone()),
            Self::File(path) => read(path).map_err(|source| ConfigError::NoSecret {
                key: key.to_owned(),
                problem: format!("cannot read {}: {source}", path.display()),
                remedy: "create the file, readable by the platform alone (mode 0600)",
            }),
            Self::Environment(name) => {
                ProcessEnvironment
                    .get(name)
                    .map(Secret::new)
                    .ok_or_else(|| ConfigError::NoSecret {
                        key: key.to_owned(),
                        problem: format!("the environment variable {name} is not set"),
                        remedy: "set it, or name another with { \"$env\" = \"NAME\" }",
                    })
            }
        }
    }
}

fn read(path: &Path) -> std::io::Result<Secret> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}
