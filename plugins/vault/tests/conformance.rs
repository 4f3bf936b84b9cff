//! The conformance suite for providers, run for this plugin against a server that enforces Vault's contract: stored secrets and served tokens, and
//! dynamic secrets by themselves.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use provider_conformance::{Case, Exception, Given, How, Life, Refusal, Subject, Way, secret_file};
use provisionhook_host::{capability::Scope, fault::FaultKind};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use vault_server::VaultServer;

const PASSWORD: &str = "a-password-that-nobody-guesses-4711";
const ANOTHER: &str = "another-password-nobody-guesses-0815";
const SECRET_ID: &str = "0f6c1d3e-5a7b-4c9d-8e2f-1a3b5c7d9e0f";
const CACHE_SECONDS: u64 = 5;

fn policy() -> Value {
    json!({ "secret/data/app": ["read"], "github/token": ["read"], "database/creds/app": ["read"], "sys/leases/revoke": ["update"] })
}

async fn server(lifetime: Duration) -> VaultServer {
    let ttl = lifetime.as_secs();
    let token = json!({ "policies": ["app"], "ttl": "24h" });
    let world = json!({ "namespaces": { "": {
        "policies": { "app": policy() },
        "mounts": {
            "secret": { "kv2": { "app": { "password": PASSWORD } } },
            "github": { "github": { "ttl": ttl } },
            "database": { "database": { "roles": { "app": { "default_ttl": ttl, "max_ttl": ttl } } } },
        },
        "auth": { "approle": { "approle": { "app": { "role_id": "role-1", "secret_ids": [SECRET_ID], "token": token } } } },
    } } });
    VaultServer::builder().world(world).start().await.unwrap()
}

/// The plugin's config, but for what is wanted.
fn config(base_url: &str, directory: &Path) -> Value {
    let secret_id = secret_file(directory, "secret-id", SECRET_ID);
    json!({
        "address": base_url,
        "auth": { "approle": { "role_id": "role-1", "secret_id": secret_id } },
        "cache_seconds": CACHE_SECONDS,
    })
}

/// What the server gave out, and what the config holds.
fn secrets(server: &VaultServer) -> Vec<String> {
    let leases = server.leases().into_iter();
    let made = leases.flat_map(|lease| {
        ["token", "password"]
            .map(|field| lease.data[field].as_str().map(str::to_owned))
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    });
    let tokens = server.tokens().into_iter().map(|token| token.id);
    let fixed = [PASSWORD, ANOTHER, SECRET_ID].map(str::to_owned);
    made.chain(tokens).chain(fixed).collect()
}

fn refusals(what_path: &'static str) -> Vec<Refusal> {
    vec![
        Refusal {
            what: "no policy for it",
            how: How::Server,
            kind: FaultKind::Config,
            says: what_path,
        },
        Refusal {
            what: "the login is not accepted, nor anything else",
            how: How::json(403, r#"{"errors":["permission denied"]}"#),
            kind: FaultKind::Config,
            says: "(status 403)",
        },
    ]
}

struct Stored {
    server: VaultServer,
    lifetime: Duration,
}

impl Subject for Stored {
    const PLUGIN: &'static str = "vault";

    fn start(runtime: &Handle, lifetime: Duration) -> Self {
        Self {
            server: runtime.block_on(server(lifetime)),
            lifetime,
        }
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        let mut config = config(base_url, directory);
        config["variables"] =
            json!({ "DB_PASSWORD": { "path": "secret/app", "field": "password" } });
        config["tokens"] = json!([{ "audience": "github.com", "path": "github/token", "username": "x-access-token" }]);
        config
    }

    fn check(&self, given: &Given) {
        match given {
            Given::Token(_) => {
                let value = given.token();
                let leases = self.server.leases();
                assert!(leases.iter().any(|lease| lease.data["token"] == value));
            }
            Given::Variables(_) => {
                assert_eq!(
                    given.variable("DB_PASSWORD"),
                    self.server.kv2("secret/", "app")["password"]
                );
            }
        }
    }

    fn secrets(&self) -> Vec<String> {
        secrets(&self.server)
    }

    fn life(&self, way: Way) -> Life {
        match way {
            Way::Tokens => Life::Ends(self.lifetime),
            Way::Variables => Life::Unknown(Duration::from_secs(CACHE_SECONDS)),
        }
    }

    fn refusals(&self) -> Vec<Refusal> {
        refusals("(status 403)")
    }

    fn set_refusing(&self, _: &str, on: bool) {
        refuse(&self.server, on);
    }

    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::default()]
    }

    fn replace(&self) {
        self.server
            .write_kv2("secret/", "app", json!({ "password": ANOTHER }));
    }
}

/// Takes the policies' rules away, or gives them back. The token stays good.
fn refuse(server: &VaultServer, on: bool) {
    let rules = if on { json!({}) } else { policy() };
    server.set_policy("app", serde_json::from_value(rules).unwrap());
}

provider_conformance::suite!(tokens: Stored);
provider_conformance::suite!(variables: Stored);

mod dynamic {
    use super::*;

    pub(crate) struct Dynamic {
        server: VaultServer,
        lifetime: Duration,
    }

    impl Subject for Dynamic {
        const PLUGIN: &'static str = "vault";

        fn start(runtime: &Handle, lifetime: Duration) -> Self {
            Self {
                server: runtime.block_on(server(lifetime)),
                lifetime,
            }
        }

        fn upstream(&self) -> String {
            self.server.base_url()
        }

        fn config(&self, base_url: &str, directory: &Path) -> Value {
            let mut config = config(base_url, directory);
            let of = |field: &str| json!({ "path": "database/creds/app", "engine": "dynamic", "field": field });
            config["variables"] =
                json!({ "DB_USER": of("username"), "DB_PASSWORD": of("password") });
            config
        }

        fn check(&self, given: &Given) {
            let (user, password) = (given.variable("DB_USER"), given.variable("DB_PASSWORD"));
            let leases = self.server.leases();
            let known = leases
                .iter()
                .any(|lease| lease.data["username"] == user && lease.data["password"] == password);
            assert!(known);
        }

        fn secrets(&self) -> Vec<String> {
            secrets(&self.server)
        }

        fn life(&self, _: Way) -> Life {
            Life::Ends(self.lifetime)
        }

        fn refusals(&self) -> Vec<Refusal> {
            refusals("(status 403)")
        }

        fn set_refusing(&self, _: &str, on: bool) {
            refuse(&self.server, on);
        }

        fn exceptions() -> Vec<Exception> {
            let sentence = "A dynamic secret is made for each workspace, so it is never served from a cache, and a thousand workspaces cause a \
                            thousand requests.";
            Exception::of(
                Some(Way::Variables),
                &[Case::Cached, Case::ThousandAtOnce],
                sentence,
            )
        }
    }

    provider_conformance::suite!(variables: Dynamic);
}
