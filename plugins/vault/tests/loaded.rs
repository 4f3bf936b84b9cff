//! The real `.so`, loaded by the host from a directory: its manifest, its capabilities, and a login that fails at boot.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use provisionhook_host::{
    call::{Attributes, Call},
    capability::Scope,
    fault::FaultKind,
};
use provisionhook_provider_kit_testing::Directory;
use serde_json::{Value, json};
use vault_server::{Mode, VaultServer};

fn server(directory: &Directory) -> VaultServer {
    let app = json!({ "secret/data/tenants/acme": ["read"], "database/creds/app": ["read"], "sys/leases/revoke": ["update"] });
    let world = json!({ "namespaces": { "": {
        "policies": { "app": app },
        "mounts": {
            "secret": { "kv2": { "tenants/acme": { "key": "of-acme" } } },
            "database": { "database": { "roles": { "app": { "default_ttl": "1h" } } } },
        },
        "auth": { "approle": { "approle": { "app": { "role_id": "role-1", "secret_ids": ["secret-1"], "token": { "policies": ["app"], "ttl": "2h" } } } } },
    } } });
    let builder = VaultServer::builder().world(world);
    directory.runtime().block_on(builder.start()).unwrap()
}

fn config(address: &str) -> Value {
    json!({
        "address": address,
        "auth": { "approle": { "role_id": "role-1", "secret_id": { "$file": "secret-id" } } },
        "variables": {
            "API_KEY": { "path": "secret/tenants/{tenant}", "field": "key" },
            "DB_PASSWORD": { "path": "database/creds/app", "field": "password" },
        },
        "spread": { "APP_*": { "path": "secret/tenants/{tenant}" } },
        "share_tokens": false,
        "tokens": [{ "audience": "db.example", "path": "database/creds/app", "field": "password", "username": "app" }],
    })
}

fn directory(secret_id: &str) -> Directory {
    Directory::of("vault").file("secret-id", secret_id)
}

fn call() -> Call {
    Call {
        attributes: Attributes {
            workspace_id: "ws-1".to_owned(),
            tenant: "acme".to_owned(),
            ..Attributes::default()
        },
        ..Call::default()
    }
}

#[test]
fn the_manifest_says_what_it_does() {
    let directory = directory("secret-1");
    let vault = server(&directory);
    let plugin = directory.load(&config(&vault.base_url())).unwrap();
    let verified = plugin.loaded.verified();
    let manifest = verified.manifest();
    assert_eq!(manifest.name, "vault");
    assert_eq!(
        manifest.capabilities,
        ["env-mutator/1", "token-provider/1", "workspace-lifecycle/1"]
    );
    assert!(!verified.shared_tokens());
    let address = vault.base_url();
    let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(verified.hosts().allows("127.0.0.1", port));
    assert!(!verified.hosts().allows("127.0.0.1", port ^ 1));
    let mut shared = config(&address);
    shared.as_object_mut().unwrap().remove("share_tokens");
    assert!(
        directory
            .load(&shared)
            .unwrap()
            .loaded
            .verified()
            .shared_tokens()
    );
}

#[test]
fn variables_and_tokens_come_from_vault() {
    let directory = directory("secret-1\n");
    let vault = server(&directory);
    let plugin = directory.load(&config(&vault.base_url())).unwrap();
    let values = plugin
        .mutate(&call(), &["API_KEY", "APP_key", "DB_PASSWORD"])
        .unwrap();
    let password = vault.leases()[0].data["password"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        values,
        [
            Some("of-acme".to_owned()),
            Some("of-acme".to_owned()),
            Some(password)
        ]
    );

    let token = plugin.token(&call(), &Scope::default()).unwrap();
    let lease = &vault.leases()[1];
    assert_eq!(
        token.value.expose(),
        lease.data["password"].as_str().unwrap()
    );
    assert_eq!(token.username.as_deref(), Some("app"));
    let ends_at = token.expires_at.unwrap().as_second();
    assert!((ends_at - lease.expires_at.as_second()).abs() <= 1);
    let scope = Scope {
        audience: "github.com".to_owned(),
        ..Scope::default()
    };
    assert_eq!(
        plugin.token(&call(), &scope).unwrap_err().kind,
        FaultKind::Denied
    );
}

#[test]
fn a_wrong_secret_id_fails_at_boot_and_a_sealed_vault_does_not() {
    let wrong = directory("wrong");
    let vault = server(&wrong);
    let refused = wrong.load(&config(&vault.base_url())).err().unwrap();
    assert!(
        refused
            .to_string()
            .contains("does not accept role id role-1"),
        "{refused}"
    );

    let right = directory("secret-1");
    vault.set_mode(Mode::Sealed);
    let plugin = right.load(&config(&vault.base_url())).unwrap();
    let fault = plugin.mutate(&call(), &[]).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    vault.set_mode(Mode::Active);
    plugin.mutate(&call(), &[]).unwrap();
}
