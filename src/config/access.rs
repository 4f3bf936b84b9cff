//! Where the API listens, and who may call it.

use std::{path::PathBuf, str::FromStr};

use provisionhook_host::{
    http::{Address, Auth, SOCKET_MODE, Tls, TlsError},
    secret::Secret,
};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Config, ConfigError, SecretText};

/// What the log calls who has `admin_token`.
const UNNAMED: &str = "admin";

/// `[tls]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsSection {
    certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
}

/// The mode of a Unix socket, written as `0660`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketMode(pub(crate) u32);

impl Default for SocketMode {
    fn default() -> Self {
        Self(SOCKET_MODE)
    }
}

impl<'de> Deserialize<'de> for SocketMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match u32::from_str_radix(&text, 8) {
            Ok(mode) if mode <= 0o777 => Ok(Self(mode)),
            Ok(_) | Err(_) => Err(D::Error::custom(format!(
                "expected the mode of a socket such as `0660`, found `{text}`"
            ))),
        }
    }
}

/// An address, as a string.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    Address::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl Config {
    /// What must hold before the platform serves anybody; commands that serve nobody do not ask.
    pub(crate) fn check_to_serve(&self) -> Result<(), ConfigError> {
        let loopback = |address: &Address| address.tcp().is_none_or(|tcp| tcp.ip().is_loopback());
        if self.dev && !loopback(&self.listen) {
            return Err(ConfigError::Unusable {
                key: "listen",
                problem: format!(
                    "expected a loopback address with `dev = true`, found {}",
                    self.listen
                ),
                remedy: "listen on 127.0.0.1, or set `admin_token` and `dev = false`",
            });
        }
        if !self.has_admin_tokens() && !self.dev {
            return Err(ConfigError::Unusable {
                key: "admin_token",
                problem: "expected a token, found none".to_owned(),
                remedy: "set `admin_token`, or listen on loopback with `dev = true`",
            });
        }
        self.workspace.check_to_serve()?;
        self.check_pods_find_the_platform()
    }

    /// Whether admins are told by tokens; without any, `dev` lets everybody on this machine in.
    pub(crate) fn has_admin_tokens(&self) -> bool {
        self.admin_token.is_some() || !self.admin_tokens.is_empty()
    }

    /// Who may call the admin routes of a platform that listens on `address`, with each token read from where the
    /// configuration says.
    pub(crate) fn auth(&self, address: &Address) -> Result<Auth, ConfigError> {
        let refused = |key: &str| {
            let key = key.to_owned();
            move |error| ConfigError::Access { key, error }
        };
        if !self.has_admin_tokens() {
            return Auth::dev(address).map_err(refused("listen"));
        }
        self.check_names()?;
        let mut tokens: Vec<(&str, Secret)> = Vec::new();
        for (key, name, text) in self.named_tokens() {
            let token = text.resolve(&key)?;
            // One by one first, so that the error says which.
            Auth::bearers([(name, token.expose())]).map_err(refused(&key))?;
            tokens.push((name, token));
        }
        let all = tokens.iter().map(|(name, token)| (*name, token.expose()));
        Auth::bearers(all).map_err(refused("admin_token"))
    }

    /// Two tokens of one name would be one admin in the log.
    fn check_names(&self) -> Result<(), ConfigError> {
        if self.admin_token.is_some() && self.admin_tokens.contains_key(UNNAMED) {
            return Err(ConfigError::Unusable {
                key: "admin_tokens.admin",
                problem: format!(
                    "expected another name, because the log calls who has `admin_token` `{UNNAMED}`, found `{UNNAMED}`"
                ),
                remedy: "rename it, or leave `admin_token` out",
            });
        }
        Ok(())
    }

    /// The key, the name and the text of each admin token.
    fn named_tokens(&self) -> impl Iterator<Item = (String, &str, &SecretText)> {
        let unnamed = self.admin_token.iter();
        let named = self.admin_tokens.iter();
        unnamed
            .map(|text| ("admin_token".to_owned(), UNNAMED, text))
            .chain(named.map(|(name, text)| (format!("admin_tokens.{name}"), name.as_str(), text)))
    }

    /// The certificate to serve with on `address`, if any.
    pub(crate) fn tls(&self, address: &Address) -> Result<Option<Tls>, ConfigError> {
        let missing = |key| ConfigError::Unusable {
            key,
            problem: "expected both `tls.certificate` and `tls.key`, found one of them".to_owned(),
            remedy: "set the other one too, or neither",
        };
        match (&self.tls.certificate, &self.tls.key) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) if address.tcp().is_none() => Err(ConfigError::Unusable {
                key: "tls.certificate",
                problem: format!(
                    "expected an API on TCP, because nobody speaks TLS on a Unix socket, found {address}"
                ),
                remedy: "leave `tls.certificate` and `tls.key` out, or listen on TCP",
            }),
            (Some(certificate), Some(key)) => Tls::read(certificate, key)
                .map(Some)
                .map_err(|error: TlsError| ConfigError::Tls(error)),
            (Some(_), None) => Err(missing("tls.key")),
            (None, Some(_)) => Err(missing("tls.certificate")),
        }
    }
}
