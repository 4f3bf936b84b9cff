//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use github_app_auth::config::{Config, Settings};
use provisionhook_provider_kit_testing::assert_documented;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/github-app-auth.json");
const PAGE: &str = include_str!("../../../docs/plugins/github-app-auth.md");
const KEY: &str = include_str!("../../../tests/github-server/keys/app.private-key.pem");

/// The example as the plugin gets it: the host has read the key's file.
fn example() -> Value {
    let mut example: Value = serde_json::from_str(EXAMPLE).unwrap();
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
fn the_example_is_valid() {
    assert_eq!(verdicts(&example()), (true, true));
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
    ] {
        assert_eq!(verdicts(&changed(key, value)), (true, true), "{key}");
    }
}

#[test]
fn page_example_and_schema_agree() {
    assert_documented(SCHEMA, EXAMPLE, PAGE);
}
