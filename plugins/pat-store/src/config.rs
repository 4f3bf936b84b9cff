//! The plugin's configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use provisionhook_plugin_abi::sdk::Fault;
use serde::Deserialize;
use zeroize::Zeroizing;

/// How long what was fetched is handed out before it is asked for again, unless the configuration says otherwise.
const USUAL_CACHE_SECONDS: u64 = 30;

/// Where the secrets are, and who gets which. Exactly one of the sources is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub(crate) file: Option<PathBuf>,
    /// Opens an `.age` file.
    pub(crate) identity: Option<Zeroizing<String>>,
    pub(crate) http: Option<Http>,
    pub(crate) doppler: Option<Doppler>,
    pub(crate) infisical: Option<Infisical>,
    pub(crate) onepassword_connect: Option<Connect>,
    pub(crate) command: Option<Command>,
    /// Variable to secret name.
    #[serde(default)]
    pub(crate) inject: BTreeMap<String, String>,
    /// Secret to serve when no other is for the host that is asked for.
    pub(crate) token: Option<String>,
    /// Secrets to serve, by host.
    #[serde(default)]
    pub(crate) tokens: BTreeMap<String, HostToken>,
    pub(crate) cache_seconds: Option<u64>,
}

/// The secret for a host.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostToken {
    pub(crate) secret: String,
    pub(crate) username: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) base_url: String,
    pub(crate) token: Zeroizing<String>,
    #[serde(default)]
    pub(crate) scope: ScopeOf,
}

/// What of a workspace the store is told, and so for whom one answer is good.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScopeOf {
    All,
    #[default]
    Tenant,
    Workspace,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Doppler {
    pub(crate) base_url: Option<String>,
    pub(crate) token: Zeroizing<String>,
    pub(crate) project: Option<String>,
    pub(crate) config: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Infisical {
    pub(crate) base_url: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_secret: Zeroizing<String>,
    pub(crate) project_id: String,
    pub(crate) environment: String,
    pub(crate) secret_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connect {
    pub(crate) base_url: String,
    pub(crate) token: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    pub(crate) kind: Kind,
    /// Where the tool is; found in the usual directories without it.
    pub(crate) program: Option<PathBuf>,
    /// The tool's whole environment beside `PATH` and `LANG`.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, Zeroizing<String>>,
    pub(crate) timeout_ms: Option<u64>,
    /// `bws` only: lists this project alone.
    pub(crate) project_id: Option<String>,
}

/// The tools that we know how to ask.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Pass,
    Gopass,
    Op,
    Bws,
}

impl Config {
    /// The names of all secrets that anybody may get, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let of_hosts = self.tokens.values().map(|token| &token.secret);
        let names: BTreeSet<&String> = self
            .inject
            .values()
            .chain(&self.token)
            .chain(of_hosts)
            .collect();
        names.into_iter().cloned().collect()
    }

    pub(crate) fn cache(&self) -> Duration {
        Duration::from_secs(self.cache_seconds.unwrap_or(USUAL_CACHE_SECONDS))
    }

    /// # Errors
    /// There is not exactly one source.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let sources = [
            ("file", self.file.is_some()),
            ("http", self.http.is_some()),
            ("doppler", self.doppler.is_some()),
            ("infisical", self.infisical.is_some()),
            ("onepassword_connect", self.onepassword_connect.is_some()),
            ("command", self.command.is_some()),
        ];
        let found: Vec<&str> = sources
            .iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| *name)
            .collect();
        if found.len() == 1 {
            return Ok(());
        }
        let names: Vec<&str> = sources.iter().map(|(name, _)| *name).collect();
        Err(Fault::config(format!(
            "expected one source of secrets ({}), found {}; keep one",
            names.join(", "),
            if found.is_empty() {
                "none".to_owned()
            } else {
                found.join(", ")
            }
        )))
    }
}
