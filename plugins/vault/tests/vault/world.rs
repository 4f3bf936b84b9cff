//! The server, the plugin in front of it, a state that outlives the plugin, and the log.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use provisionhook_plugin_abi::{
    sdk::{Fault, Response},
    wire::FaultKind,
};
use provisionhook_provider_kit::{
    memory::Memory,
    outside::{Outside, Request},
};
use provisionhook_provider_kit_testing::{Wire, with_changes};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;
use vault::{
    config::Settings,
    path::Attributes,
    provider::{Provider, Start},
};
use vault_server::VaultServer;
use zeroize::Zeroizing;

pub(crate) const PUBLIC: &str =
    include_str!("../../../../tests/vault-server/keys/issuer.public.pem");
pub(crate) const KEY: &str =
    include_str!("../../../../tests/vault-server/keys/issuer.private-key.pem");

/// What the tests' Vault has in it, changed by a test: a merge, in which null takes away.
pub(crate) fn setting() -> Value {
    json!({
        "policies": { "app": {
            "secret/data/app/*": ["read"], "secret/data/tenants/*": ["read"], "kv/app/*": ["read"],
            "database/creds/*": ["read"], "database/static-creds/app": ["read"],
            "github/token": ["read", "update"], "sys/leases/revoke": ["update"],
        } },
        "tokens": { "root": { "policies": ["root"] } },
        "mounts": {
            "secret": { "kv2": {
                "app/db": { "password": "hunter2", "user": "app" },
                "app/json": { "nested": { "a": [1, "two"] }, "port": 5432, "on": true },
                "tenants/acme/db": { "password": "of acme" },
                "tenants/umbrella/db": { "password": "of umbrella" },
                "other": { "password": "not for the app" },
            } },
            "kv": { "kv1": { "app/db": { "password": "plain" } } },
            "database": { "database": {
                "roles": {
                    "app": { "default_ttl": "10m", "max_ttl": "25m" },
                    "long": { "default_ttl": "10m", "max_ttl": "24h" },
                    "fixed": { "default_ttl": "1h", "not_renewable": true },
                },
                "static_roles": { "app": { "username": "fixed", "rotation_seconds": 3600 } },
            } },
            "github": { "github": {} },
        },
        "auth": {
            "approle": { "approle": { "app": {
                "role_id": "role-1", "secret_ids": ["secret-1"], "secret_id_num_uses": 0,
                "token": { "policies": ["app"], "ttl": "1h", "max_ttl": "24h" },
            } } },
        },
    })
}

pub(crate) async fn vault() -> VaultServer {
    started(setting()).await
}

pub(crate) async fn started(root: Value) -> VaultServer {
    let world = json!({ "namespaces": { "": root } });
    VaultServer::builder().world(world).start().await.unwrap()
}

/// The world of the plugin: real HTTP, a clock, and a state that is shared by all runs of one platform.
#[derive(Clone, Default)]
pub(crate) struct Platform {
    wire: Arc<Wire>,
    state: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// Nothing can be written, as in a dry run.
    read_only: bool,
}

impl Platform {
    /// A platform in a dry run, with what another has kept.
    pub(crate) fn dry(&self) -> Self {
        Self {
            read_only: true,
            ..self.clone()
        }
    }

    /// The plugin, started on this platform; `changes` to the smallest config.
    pub(crate) fn start(&self, vault: &VaultServer, changes: Value) -> Provider<Self> {
        let config = json!({
            "address": vault.base_url(),
            "auth": { "approle": { "role_id": "role-1", "secret_id": "secret-1" } },
        });
        let config = with_changes(config, &changes);
        let settings = Settings::from_config(serde_json::from_value(config).unwrap()).unwrap();
        Provider::new(settings, self.clone())
    }

    /// Time passes, here and at Vault.
    pub(crate) fn pass(&self, vault: &VaultServer, seconds: u64) {
        vault.advance_clock(Duration::from_secs(seconds));
        let ahead = self.wire.now().duration_since(Timestamp::now()).as_secs();
        // A clock that is read twice is a moment late; the second is rounded up.
        let ahead = ahead + i64::from(ahead > 0);
        self.wire.set_clock(ahead + i64::try_from(seconds).unwrap());
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().keys().cloned().collect()
    }

    /// How long the plugin slept, each time.
    pub(crate) fn naps(&self) -> Vec<Duration> {
        self.wire.naps()
    }
}

impl Outside for Platform {
    fn now(&self) -> Timestamp {
        self.wire.now()
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Fault> {
        self.wire.sleep(duration).await
    }

    async fn send(&self, request: Request) -> Result<Response, Fault> {
        self.wire.send(request).await
    }
}

impl Memory for Platform {
    async fn read(&self, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let found = self.state.lock().unwrap().get(key).cloned();
        Ok(found.map(Zeroizing::new))
    }

    async fn write(&self, key: &str, value: &[u8]) -> Result<(), Fault> {
        if self.read_only {
            return Err(Fault::denied("a dry run keeps no state"));
        }
        let fit =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        assert!(key.bytes().all(fit), "no key for the host: {key}");
        self.state
            .lock()
            .unwrap()
            .insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), Fault> {
        self.state.lock().unwrap().remove(key);
        Ok(())
    }
}

/// A workspace.
pub(crate) struct Workspace {
    pub(crate) id: &'static str,
    pub(crate) tenant: &'static str,
}

impl Attributes for Workspace {
    fn tenant(&self) -> &str {
        self.tenant
    }

    fn role(&self) -> &str {
        "builder"
    }

    fn label(&self, _: &str) -> Option<&str> {
        None
    }
}

pub(crate) const ACME: Workspace = Workspace {
    id: "ws-acme",
    tenant: "acme",
};

/// The variables of a workspace, as pairs.
///
/// # Errors
/// The plugin's.
pub(crate) async fn variables(
    plugin: &Provider<Platform>,
    workspace: &Workspace,
) -> Result<BTreeMap<String, String>, Fault> {
    let start = Start {
        id: workspace.id,
        attributes: workspace,
        dry_run: false,
    };
    let variables = plugin.variables(&start).await?;
    Ok(variables
        .into_iter()
        .map(|(name, value)| (name, value.to_string()))
        .collect())
}

/// One variable with this much of a config.
pub(crate) fn one(path: &str, more: Value) -> Value {
    let variable = with_changes(json!({ "path": path }), &more);
    json!({ "variables": { "VALUE": variable } })
}

/// The value of that variable, for the workspace of acme.
///
/// # Errors
/// The plugin's.
pub(crate) async fn value(plugin: &Provider<Platform>) -> Result<String, Fault> {
    Ok(variables(plugin, &ACME).await?.remove("VALUE").unwrap())
}

#[track_caller]
pub(crate) fn assert_fault(fault: &Fault, kind: FaultKind, words: &[&str]) {
    provisionhook_provider_kit_testing::assert_fault(fault, kind, words);
    for secret in ["hunter2", "secret-1", "hvs.", "of acme"] {
        assert!(!fault.message().contains(secret), "{fault}");
    }
}

/// What was logged on this thread while it is there.
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub(crate) fn start() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(Writer(Arc::clone(&text)))
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines of this level, since the last time somebody asked; the rest is dropped.
    pub(crate) fn take(&self, level: &str) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.text.lock().unwrap())).unwrap();
        for secret in ["hunter2", "secret-1", "hvs.", "hvb.", "ghs_"] {
            assert!(!text.contains(secret), "{secret} in the log: {text}");
        }
        text.lines()
            .filter(|line| line.contains(&format!("{level} vault")))
            .map(str::to_owned)
            .collect()
    }
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Writer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// As long as the host would wait.
pub(crate) fn seconds(again: provisionhook_plugin_abi::sdk::Again) -> Option<u64> {
    again.delay().map(|delay| delay.as_secs())
}
