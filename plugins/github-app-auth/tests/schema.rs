//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use github_app_auth::config::{Config, Settings};
use provisionhook_provider_kit_testing::assert_documented;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/github-app-auth.json");
const TENANTS: &str = include_str!("../../../docs/plugins/examples/github-app-auth-tenants.json");
const PAGE: &str = include_str!("../../../docs/plugins/github-app-auth.md");
const KEY: &str = include_str!("../../../tests/github-server/keys/app.private-key.pem");

fn example() -> Value {
    as_given(EXAMPLE)
}

/// An example as the plugin gets it: the host has read the key's file.
fn as_given(example: &str) -> Value {
    let mut example: Value = serde_json::from_str(example).unwrap();
    assert!(example["private_key"]["$file"].is_string());
    example["private_key"] = json!(KEY);
    example
}

fn changed(key: &str, value: Value) -> Value {
    let mut config = example();
    config[key] = value;
    config
}

fn without(key: &str) -> Value {
    let mut config = example();
    config.as_object_mut().unwrap().remove(key);
    config
}

/// What the schema says, and what the plugin says.
fn verdicts(config: &Value) -> (bool, bool) {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let by_schema = jsonschema::validator_for(&schema).unwrap().is_valid(config);
    let by_plugin = serde_json::from_value::<Config>(config.clone())
        .is_ok_and(|config| Settings::from_config(config).is_ok());
    (by_schema, by_plugin)
}

#[test]
fn the_examples_are_valid() {
    for example in [EXAMPLE, TENANTS] {
        assert_eq!(verdicts(&as_given(example)), (true, true), "{example}");
    }
}

#[test]
fn schema_and_plugin_accept_and_refuse_the_same() {
    for config in [
        changed("client_id", json!("123")),
        without("private_key"),
        without("client_id"),
        without("owner"),
    ] {
        assert_eq!(verdicts(&config), (false, false), "{config}");
    }
    let refused = [
        ("app_id", json!("Iv23")),
        ("installation_id", json!(42)),
        ("owner", json!("acme/web")),
        ("repositories", json!(["acme/web"])),
        ("permissions", json!({ "contents": "all" })),
        ("inject", json!(["9"])),
        ("appid", json!(1)),
    ];
    for (key, value) in refused {
        assert_eq!(verdicts(&changed(key, value)), (false, false), "{key}");
    }
    for (key, value) in [
        ("app_id", json!("7")),
        ("app_id", json!(7)),
        ("inject", json!([])),
        ("git_host", json!("g")),
        ("share_tokens", json!(false)),
        ("probe", json!(false)),
        ("check_at_boot", json!(false)),
    ] {
        assert_eq!(verdicts(&changed(key, value)), (true, true), "{key}");
    }
}

#[test]
fn several_installations_are_judged_the_same_too() {
    let several = |changes: Value| {
        let mut config = without("owner");
        config.as_object_mut().unwrap().remove("repositories");
        config["installations"] =
            json!(["acme", { "owner": "umbrella", "repositories": ["site"] }]);
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
    };
    let chosen = |choose: Value| several(json!({ "choose": choose, "share_tokens": false }));
    for config in [
        several(json!({})),
        several(json!({ "repositories": [] })),
        chosen(json!({ "by": "tenant" })),
        chosen(json!({ "by": "label:team", "owners": { "a": "acme" }, "otherwise": "umbrella" })),
    ] {
        assert_eq!(verdicts(&config), (true, true), "{config}");
    }
    for config in [
        several(json!({ "owner": "acme" })),
        several(json!({ "repositories": ["web"] })),
        several(json!({ "installations": [] })),
        several(json!({ "installations": [{ "repositories": [] }] })),
        several(json!({ "installations": [{ "owner": "acme", "permission": {} }] })),
        several(json!({ "choose": { "by": "tenant" } })),
        changed("choose", json!({ "by": "tenant" })),
        chosen(json!({ "by": "role" })),
        chosen(json!({ "by": "label:" })),
        chosen(json!({})),
        chosen(json!({ "by": "tenant", "otherwise": "a/b" })),
    ] {
        assert_eq!(verdicts(&config), (false, false), "{config}");
    }
}

#[test]
fn page_examples_and_schema_agree() {
    for example in [EXAMPLE, TENANTS] {
        assert_documented(SCHEMA, example, PAGE);
    }
}
