//! KV of both versions: fields, whole secrets, versions, and what is not there.

use provisionhook_plugin_abi::wire::FaultKind;
use serde_json::{Value, json};
use vault_server::VaultServer;

use crate::world::{
    ACME, Platform, Workspace, assert_fault, one, setting, value, variables, vault,
};

async fn read(vault: &VaultServer, path: &str, more: Value) -> String {
    value(&Platform::default().start(vault, one(path, more)))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_field_comes_from_either_version_and_the_engine_is_found_out() {
    let vault = vault().await;
    let field = json!({ "field": "password" });
    assert_eq!(
        read(&vault, "secret/app/db", field.clone()).await,
        "hunter2"
    );
    assert_eq!(read(&vault, "kv/app/db", field).await, "plain");
    assert_eq!(vault.requests_to("sys/internal/ui/mounts/secret/app/db"), 1);
    let before = vault.requests().len();
    let said = json!({ "field": "password", "engine": "kv2" });
    assert_eq!(read(&vault, "secret/app/db", said).await, "hunter2");
    assert_eq!(vault.requests().len(), before + 2, "a login and the secret");
    vault.stop().await;
}

#[tokio::test]
async fn values_come_out_as_they_are() {
    let vault = vault().await;
    let expectations = [
        ("port", "5432"),
        ("on", "true"),
        ("/nested/a/1", "two"),
        ("nested", r#"{"a":[1,"two"]}"#),
    ];
    for (field, expected) in expectations {
        assert_eq!(
            read(&vault, "secret/app/json", json!({ "field": field })).await,
            expected
        );
    }
    let whole = read(&vault, "secret/app/db", json!({})).await;
    assert_eq!(whole, r#"{"password":"hunter2","user":"app"}"#);
    assert_eq!(
        read(
            &vault,
            "secret/app/db",
            json!({ "field": "user", "encoding": "base64" })
        )
        .await,
        "app"
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_whole_secret_becomes_variables_with_a_prefix() {
    let vault = vault().await;
    let config = json!({ "spread": { "DB_*": { "path": "secret/app/db", "names": "upper" } } });
    let found = variables(&Platform::default().start(&vault, config), &ACME)
        .await
        .unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(found, [("DB_PASSWORD", "hunter2"), ("DB_USER", "app")]);
    vault.stop().await;
}

#[tokio::test]
async fn each_tenant_gets_its_own_and_nobody_climbs() {
    let vault = vault().await;
    let plugin = Platform::default().start(
        &vault,
        one("secret/tenants/{tenant}/db", json!({ "field": "password" })),
    );
    for (tenant, expected) in [("acme", "of acme"), ("umbrella", "of umbrella")] {
        let found = variables(&plugin, &Workspace { id: "ws-1", tenant })
            .await
            .unwrap();
        assert_eq!(found["VALUE"], expected);
    }
    for tenant in ["../app", "..", "a/b", ""] {
        let fault = variables(&plugin, &Workspace { id: "ws-1", tenant })
            .await
            .unwrap_err();
        assert_fault(
            &fault,
            FaultKind::DENIED,
            &["secret/tenants/{tenant}/db: expected a tenant"],
        );
    }
    let fault = variables(
        &plugin,
        &Workspace {
            id: "ws-1",
            tenant: "nobody",
        },
    )
    .await
    .unwrap_err();
    assert_fault(&fault, FaultKind::DENIED, &["found none (status 404)"]);
    vault.stop().await;
}

/// The root token does to the secret what `path` says.
async fn change(vault: &VaultServer, path: &str, fields: Value) {
    let url = format!("{}/v1/{path}", vault.base_url());
    let request = provisionhook_provider_kit::outside::Request::post(url)
        .header("x-vault-token", "root")
        .json(&fields)
        .unwrap();
    let world = Platform::default();
    use provisionhook_provider_kit::outside::Outside as _;
    assert!(world.send(request).await.unwrap().is_success());
}

#[tokio::test]
async fn versions_can_be_named_and_gone_ones_are_told_from_missing_ones() {
    let vault = vault().await;
    let data = |text: &str| json!({ "data": { "password": text } });
    change(&vault, "secret/data/app/db", data("second")).await;
    change(&vault, "secret/data/app/db", data("third")).await;
    let version = |version: Value| {
        let mut more = json!({ "field": "password" });
        more["version"] = version;
        Platform::default().start(&vault, one("secret/app/db", more))
    };
    let newest = one("secret/app/db", json!({ "field": "password" }));
    assert_eq!(
        value(&Platform::default().start(&vault, newest))
            .await
            .unwrap(),
        "third"
    );
    assert_eq!(value(&version(json!(1))).await.unwrap(), "hunter2");
    assert_eq!(value(&version(json!(2))).await.unwrap(), "second");
    let missing = value(&version(json!(9))).await.unwrap_err();
    assert_fault(
        &missing,
        FaultKind::CONFIG,
        &["secret/app/db version 9: expected a secret at secret/data/app/db, found none"],
    );

    change(&vault, "secret/delete/app/db", json!({ "versions": [2] })).await;
    let deleted = value(&version(json!(2))).await.unwrap_err();
    assert_fault(
        &deleted,
        FaultKind::CONFIG,
        &["found version 2, which was deleted at 20", "undelete"],
    );
    change(&vault, "secret/destroy/app/db", json!({ "versions": [1] })).await;
    let destroyed = value(&version(json!(1))).await.unwrap_err();
    assert_fault(
        &destroyed,
        FaultKind::CONFIG,
        &["found version 1, which was destroyed"],
    );
    vault.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_path_is_said() {
    let vault = vault().await;
    let expectations = [
        (
            "secret/app/nothing",
            json!({}),
            "put it there, or correct \"path\"",
        ),
        (
            "secret/data/app/db",
            json!({ "engine": "kv2" }),
            "write the path without \"data/\"",
        ),
        (
            "secret/app/db",
            json!({ "engine": "kv1" }),
            "a token with the policies [app, default] (status 403)",
        ),
        ("kv/app/db", json!({ "engine": "kv2" }), "(status 403)"),
        (
            "secret/other",
            json!({}),
            "refuses secret/data/other to a token with the policies [app, default]",
        ),
        ("pki/x", json!({}), "does not say what is mounted there"),
        (
            "secret/app/db",
            json!({ "field": "pass" }),
            "expected the JSON key \"pass\", found the keys password, user",
        ),
        (
            "kv/app/db",
            json!({ "version": 1 }),
            "an engine without versions",
        ),
    ];
    for (path, more, expected) in expectations {
        let plugin = Platform::default().start(&vault, one(path, more));
        let fault = value(&plugin).await.unwrap_err();
        assert_fault(&fault, FaultKind::CONFIG, &[path, expected]);
    }
    vault.stop().await;
}

#[tokio::test]
async fn all_that_is_missing_is_told_at_once() {
    let vault = vault().await;
    let config = json!({ "variables": {
        "A": { "path": "secret/app/gone" }, "B": { "path": "secret/app/db" }, "C": { "path": "secret/tenants/{tenant}/gone" },
    } });
    let fault = variables(&Platform::default().start(&vault, config), &ACME)
        .await
        .unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &[
            "2 problems",
            "secret/app/gone: expected",
            "secret/tenants/{tenant}/gone: expected",
        ],
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_secret_is_fetched_again_when_its_time_is_over() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, one("secret/app/db", json!({ "field": "password" })));
    value(&plugin).await.unwrap();
    change(
        &vault,
        "secret/data/app/db",
        json!({ "data": { "password": "new" } }),
    )
    .await;
    platform.pass(&vault, 299);
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    platform.pass(&vault, 2);
    assert_eq!(value(&plugin).await.unwrap(), "new");
    vault.stop().await;
}

#[tokio::test]
async fn a_namespace_goes_with_every_request() {
    let world = json!({ "namespaces": { "": {}, "team/a": setting() } });
    let vault = VaultServer::builder().world(world).start().await.unwrap();
    let mut config = one("secret/app/db", json!({ "field": "password" }));
    config["namespace"] = json!("/team/a/");
    assert_eq!(
        value(&Platform::default().start(&vault, config.clone()))
            .await
            .unwrap(),
        "hunter2"
    );
    config["namespace"] = json!("team/b");
    let fault = value(&Platform::default().start(&vault, config))
        .await
        .unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["/auth", "in namespace team/b", "/namespace"],
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_proxy_that_wants_to_see_a_header_sees_it() {
    let world = json!({ "require_request_header": true, "namespaces": { "": setting() } });
    let vault = VaultServer::builder().world(world).start().await.unwrap();
    assert_eq!(
        read(&vault, "kv/app/db", json!({ "field": "password" })).await,
        "plain"
    );
    vault.stop().await;
}
