//! The token provider: audiences, expiry from the lease, narrowing, sharing, and revocation with the workspace.

use std::time::Duration;

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit::outside::Outside as _;
use provisionhook_provider_kit_testing::with_changes;
use serde_json::{Value, json};
use vault::provider::{Issued, Provider, TokenWish};
use vault_server::{Ended, Fault, Times};

use crate::world::{ACME, Platform, assert_fault, setting, started, vault};

fn github(more: Value) -> Value {
    let token =
        json!({ "audience": "github.com", "path": "github/token", "username": "x-access-token" });
    let token = with_changes(token, &more);
    json!({ "share_tokens": false, "tokens": [token, { "audience": "db.example", "path": "kv/app/db", "field": "password" }] })
}

/// # Errors
/// The plugin's.
async fn token(
    plugin: &Provider<Platform>,
    audience: &str,
) -> Result<Issued, provisionhook_plugin_abi::sdk::Fault> {
    let wish = TokenWish {
        audience,
        ..TokenWish::default()
    };
    plugin.token(Some(ACME.id), &ACME, &wish).await
}

#[tokio::test]
async fn a_token_ends_with_its_lease_and_each_ask_makes_a_new_one() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, github(json!({})));
    let first = token(&plugin, "github.com").await.unwrap();
    let left = first
        .ends_at
        .unwrap()
        .duration_since(platform.now())
        .as_secs();
    assert!((3590..=3600).contains(&left), "{left}");
    assert_eq!(first.username.as_deref(), Some("x-access-token"));
    assert_eq!(
        first.value.as_str(),
        vault.leases()[0].data["token"].as_str().unwrap()
    );
    let second = token(&plugin, "GitHub.com").await.unwrap();
    assert_ne!(first.value, second.value);
    let default = token(&plugin, "").await.unwrap();
    assert!(default.value.starts_with("ghs_"));
    let password = token(&plugin, "db.example").await.unwrap();
    assert_eq!((password.value.as_str(), password.ends_at), ("plain", None));

    plugin.ended(ACME.id).await.unwrap();
    assert!(
        vault
            .leases()
            .iter()
            .all(|lease| lease.ended == Some(Ended::Revoked))
    );
    vault.stop().await;
}

#[tokio::test]
async fn another_audience_gets_none() {
    let vault = vault().await;
    let plugin = Platform::default().start(&vault, github(json!({})));
    for audience in ["gitlab.com", "github.com.evil.example", "api.github.com"] {
        let fault = token(&plugin, audience).await.err().unwrap();
        assert_fault(
            &fault,
            FaultKind::DENIED,
            &["github.com, db.example", audience, "git.provider"],
        );
    }
    assert!(vault.requests().is_empty());
    vault.stop().await;
}

#[tokio::test]
async fn a_token_that_dies_with_the_login_says_so() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["token"] =
        json!({ "policies": ["app"], "ttl": "20m", "max_ttl": "40m" });
    let vault = started(root).await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, github(json!({})));
    let issued = token(&plugin, "github.com").await.unwrap();
    let left = issued
        .ends_at
        .unwrap()
        .duration_since(platform.now())
        .as_secs();
    assert!(
        (2390..=2400).contains(&left),
        "the login is renewed as far as it goes: {left}"
    );
    vault.advance_clock(Duration::from_secs(2401));
    assert_eq!(vault.leases()[0].ended, Some(Ended::WithToken));
    vault.stop().await;
}

#[tokio::test]
async fn the_login_lives_as_long_as_the_token_while_the_workspace_runs() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["token"] =
        json!({ "policies": ["app"], "period": "20m" });
    let vault = started(root).await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, github(json!({})));
    let issued = token(&plugin, "github.com").await.unwrap();
    let left = issued
        .ends_at
        .unwrap()
        .duration_since(platform.now())
        .as_secs();
    assert!(
        (1190..=1200).contains(&left),
        "no more than the login's period is promised: {left}"
    );
    for _ in 0..4 {
        let wait = plugin.tend(ACME.id).await.unwrap().delay().unwrap();
        platform.pass(&vault, wait.as_secs() + 1);
    }
    plugin.tend(ACME.id).await.unwrap();
    assert_eq!(vault.leases()[0].ended, None);
    vault.stop().await;
}

#[tokio::test]
async fn what_is_asked_for_is_passed_on_if_the_operator_says_so() {
    let vault = vault().await;
    let wish = || TokenWish {
        audience: "github.com",
        repositories: vec!["acme/web"],
        permissions: vec![("contents", "read")],
    };
    let method = |vault: &vault_server::VaultServer| {
        let mut requests = vault.requests();
        requests.retain(|request| request.path == "github/token");
        requests.pop().unwrap().method
    };
    let plugin = Platform::default().start(&vault, github(json!({ "narrow": true })));
    plugin.token(Some(ACME.id), &ACME, &wish()).await.unwrap();
    assert_eq!(method(&vault), "POST");
    let plugin = Platform::default().start(&vault, github(json!({})));
    plugin.token(Some(ACME.id), &ACME, &wish()).await.unwrap();
    assert_eq!(method(&vault), "GET");
    vault.stop().await;
}

#[tokio::test]
async fn shared_tokens_belong_to_nobody() {
    let vault = vault().await;
    let platform = Platform::default();
    let mut config = github(json!({}));
    config["share_tokens"] = json!(true);
    let plugin = platform.start(&vault, config);
    plugin
        .token(None, &ACME, &TokenWish::default())
        .await
        .unwrap();
    assert_eq!(platform.keys(), ["sessions"]);
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(vault.leases()[0].ended, None);
    vault.stop().await;
}

#[tokio::test]
async fn a_field_that_is_not_there_is_named() {
    let vault = vault().await;
    let plugin = Platform::default().start(&vault, github(json!({ "field": "tokn" })));
    let fault = token(&plugin, "").await.err().unwrap();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["github/token: expected the JSON key \"tokn\", found the keys"],
    );
    vault.set_fault_at("github/", Fault::NotJson, Times::Next(1));
    let fault = token(&plugin, "").await.err().unwrap();
    assert_fault(
        &fault,
        FaultKind::TRANSIENT,
        &["github/token: expected JSON from Vault"],
    );
    vault.stop().await;
}
