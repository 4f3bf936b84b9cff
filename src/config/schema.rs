//! The configuration as types, with its defaults. The keys are explained in the table in [`keys`](super::keys).

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use provisionhook_host::{http::Address, policy::Policy, secret::Secret};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    access::{self, SocketMode, TlsSection},
    events::EventsSection,
    kubernetes::KubernetesSection,
    local::LocalSection,
    plugins::{PluginSection, PluginsSection},
    runtime::{DockerSection, RuntimeKind},
    webhooks::WebhookSection,
    workspace::WorkspaceSection,
};

/// The whole configuration.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The file that it was read from, if any.
    #[serde(skip)]
    pub(super) file: Option<PathBuf>,
    /// The files that hold its secrets: those of all `{ "$file" = … }` in it.
    #[serde(skip)]
    pub(super) secret_files: Vec<PathBuf>,
    #[serde(deserialize_with = "access::address")]
    pub(crate) listen: Address,
    pub(crate) socket_mode: SocketMode,
    pub(crate) dev: bool,
    pub(crate) state_dir: PathBuf,
    pub(crate) public_url: Option<String>,
    pub(super) admin_token: Option<SecretText>,
    pub(super) admin_tokens: BTreeMap<String, SecretText>,
    pub(crate) tls: TlsSection,
    pub(crate) runtime: RuntimeKind,
    pub(super) local: LocalSection,
    pub(super) docker: DockerSection,
    pub(super) kubernetes: KubernetesSection,
    pub(crate) plugins: PluginsSection,
    plugin: BTreeMap<String, PluginSection>,
    pub(crate) provision: Provision,
    pub(crate) workspace: WorkspaceSection,
    pub(crate) git: Git,
    pub(crate) http_client: HttpClientSection,
    pub(crate) server: Server,
    pub(crate) events: EventsSection,
    pub(super) webhook: BTreeMap<String, WebhookSection>,
    pub(crate) log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            secret_files: Vec::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7878)).into(),
            socket_mode: SocketMode::default(),
            dev: false,
            state_dir: PathBuf::from("/var/lib/provisionhook"),
            public_url: None,
            admin_token: None,
            admin_tokens: BTreeMap::new(),
            tls: TlsSection::default(),
            runtime: RuntimeKind::default(),
            local: LocalSection::default(),
            docker: DockerSection::default(),
            kubernetes: KubernetesSection::default(),
            plugins: PluginsSection::default(),
            plugin: BTreeMap::new(),
            provision: Provision::default(),
            workspace: WorkspaceSection::default(),
            git: Git::default(),
            http_client: HttpClientSection::default(),
            server: Server::default(),
            events: EventsSection::default(),
            webhook: BTreeMap::new(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// What the operator says about plugins, as the host takes it.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            plugins: self
                .plugin
                .iter()
                .map(|(name, section)| (name.clone(), section.policy()))
                .collect(),
            require_pin: self.plugins.require_pin,
            require_grants: self.plugins.require_grants,
            denied_keys: self.plugins.denied_keys.clone(),
            allow_panic_abort: self.plugins.allow_panic_abort,
        }
    }
}

/// `[provision]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Provision {
    #[serde(deserialize_with = "duration")]
    pub(crate) budget: Duration,
    pub(crate) at_once: usize,
    pub(crate) queue: usize,
}

impl Default for Provision {
    fn default() -> Self {
        Self {
            budget: Duration::from_secs(30),
            at_once: 64,
            queue: 1024,
        }
    }
}

/// `[git]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Git {
    pub(crate) hosts: Vec<String>,
    pub(crate) provider: Option<String>,
    /// By host.
    pub(crate) providers: BTreeMap<String, String>,
    pub(crate) rewrite_ssh: bool,
}

impl Default for Git {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            provider: None,
            providers: BTreeMap::new(),
            rewrite_ssh: true,
        }
    }
}

/// `[http_client]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpClientSection {
    pub(crate) proxy: Option<SecretText>,
    pub(crate) no_proxy: Vec<String>,
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "duration")]
    pub(crate) connect_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) timeout: Duration,
}

impl Default for HttpClientSection {
    fn default() -> Self {
        Self {
            proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
        }
    }
}

/// `[server]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) max_body_bytes: usize,
    #[serde(deserialize_with = "duration")]
    pub(crate) request_timeout: Duration,
    pub(crate) max_concurrent: usize,
    pub(crate) max_streams: usize,
    pub(crate) invalid_tokens_per_minute: u32,
    #[serde(deserialize_with = "duration")]
    pub(crate) drain: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            max_body_bytes: 1024 * 1024,
            request_timeout: Duration::from_mins(1),
            max_concurrent: 2048,
            max_streams: 64,
            invalid_tokens_per_minute: 30,
            drain: Duration::from_secs(20),
        }
    }
}

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// `log.format`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A secret: the text itself, or where to find it.
#[derive(Debug)]
pub(crate) enum SecretText {
    Plain(Secret),
    File(PathBuf),
    Environment(String),
}

impl<'de> Deserialize<'de> for SecretText {
    /// By hand: a derived error would repeat what it found, and that is the secret.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "expected a string, or { \"$file\" = \"path\" }, or { \"$env\" = \"NAME\" }";
        let only = |mut table: toml::Table| match (
            table.len(),
            table.remove("$file"),
            table.remove("$env"),
        ) {
            (1, Some(toml::Value::String(path)), None) => Some(Self::File(path.into())),
            (1, None, Some(toml::Value::String(name))) => Some(Self::Environment(name)),
            _ => None,
        };
        let expected = || D::Error::custom(EXPECTED);
        let value = toml::Value::deserialize(deserializer)?;
        if let toml::Value::String(text) = value {
            return Ok(Self::Plain(Secret::new(text)));
        }
        let table = value.try_into::<toml::Table>().map_err(|_| expected())?;
        only(table).ok_or_else(expected)
    }
}

/// A duration written as `2s` or `1h 30m`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|_| {
        D::Error::custom(format!(
            "expected a duration such as `2s` or `500ms`, found `{text}`"
        ))
    })
}
