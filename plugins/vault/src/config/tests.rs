//! What the config may say.

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, with_changes};
use serde_json::{Value, json};

use super::*;

/// # Errors
/// As `Settings::from_config`.
fn settings(changes: Value) -> Result<Settings, Fault> {
    let config = json!({
        "address": "https://vault.example.com:8200",
        "auth": { "token": "hvs.example" },
        "variables": { "A": { "path": "secret/a", "field": "b" } },
    });
    let config = with_changes(config, &changes);
    Settings::from_config(serde_json::from_value(config).unwrap())
}

#[test]
fn the_smallest_config_has_the_usual_defaults() {
    let settings = settings(json!({})).unwrap();
    assert_eq!(
        (settings.namespace.as_str(), settings.cache.as_secs()),
        ("", 300)
    );
    let secret = &settings.wanted[0].secret;
    assert_eq!(
        (secret.to_string().as_str(), secret.engine),
        ("secret/a", Engine::Auto)
    );
    assert!(!format!("{settings:?}").contains("hvs.example"));
}

#[test]
fn each_login_has_its_usual_mount() {
    let file = json!({ "role": "r", "jwt_file": "/run/jwt" });
    for (auth, expected) in [
        (json!({ "token": "hvs.example\n" }), "token"),
        (
            json!({ "approle": { "role_id": "r" } }),
            "auth/approle role id r",
        ),
        (
            json!({ "approle": { "role_id": "r", "secret_id": "s", "mount": "/ci/" } }),
            "auth/ci role id r",
        ),
        (json!({ "kubernetes": file }), "auth/kubernetes role r"),
        (json!({ "jwt": file }), "auth/jwt role r"),
    ] {
        let settings = settings(json!({ "auth": auth })).unwrap();
        assert_eq!(settings.method.identity(), expected);
    }
}

#[track_caller]
fn assert_refused(field: &str, value: Value, expected: &str) {
    let fault = settings(json!({ field: value })).unwrap_err();
    assert_fault(&fault, FaultKind::CONFIG, &[expected]);
}

#[test]
fn each_mistake_is_named_with_its_place() {
    for (field, value, expected) in [
        ("address", "vault.example.com", "/address"),
        ("address", "http://vault.example.com", "/address"),
        ("address", "https://vault.example.com/v1/", "leave out /v1"),
        ("namespace", "a b", "/namespace"),
    ] {
        assert_refused(field, json!(value), expected);
    }
    assert_refused("cache_seconds", json!(86_401), "/cache_seconds");
    assert_refused("variables", json!({}), "found none");
    let name = json!({ "A-B": { "path": "a/b" } });
    assert_refused("variables", name, "/variables: expected names");
    for (variable, expected) in [
        (json!({ "path": "/a" }), "/variables/A/path"),
        (
            json!({ "path": "a/b", "version": 0 }),
            "/variables/A/version",
        ),
        (
            json!({ "path": "a/b", "version": 1, "engine": "kv1" }),
            "/variables/A/version",
        ),
        (json!({ "path": "a/b", "mount": "c" }), "/variables/A/mount"),
    ] {
        assert_refused("variables", json!({ "A": variable }), expected);
    }
    assert_refused(
        "spread",
        json!({ "A": { "path": "a/b" } }),
        "/spread/A: expected",
    );
    assert_refused(
        "spread",
        json!({ "A*": { "path": "a//b" } }),
        "/spread/A*/path",
    );
}

#[test]
fn each_mistake_about_tokens_is_named_with_its_place() {
    let token = |audience: &str, path: &str| json!({ "audience": audience, "path": path });
    let github = token("github.com", "github/token");
    assert_refused(
        "tokens",
        json!([token("", "github/token")]),
        "/tokens/0/audience",
    );
    assert_refused("tokens", json!([github, github]), "/tokens/1/audience");
    let templated = json!([token("github.com", "github/{tenant}")]);
    assert_refused("tokens", templated, "write \"share_tokens\": false");
}

#[test]
fn each_mistake_about_the_login_is_named_with_its_place() {
    for (auth, expected) in [
        (
            json!({ "token": " \n" }),
            "/auth/token: expected Vault's token, found nothing",
        ),
        (
            json!({ "approle": { "role_id": "" } }),
            "/auth/approle/role_id",
        ),
        (
            json!({ "approle": { "role_id": "r", "secret_id": "a b" } }),
            "/auth/approle/secret_id",
        ),
        (
            json!({ "approle": { "role_id": "r", "secret_id": "a", "wrapped_secret_id": "b" } }),
            "keep one",
        ),
        (
            json!({ "approle": { "role_id": "r", "mount": "auth/x" } }),
            "/auth/approle/mount",
        ),
        (
            json!({ "jwt": { "role": "", "jwt_file": "/a" } }),
            "/auth/jwt/role",
        ),
        (
            json!({ "kubernetes": { "role": "r", "jwt_file": "a" } }),
            "/auth/kubernetes/jwt_file",
        ),
    ] {
        assert_refused("auth", auth, expected);
    }
}
