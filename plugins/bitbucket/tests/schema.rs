//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitbucket::config::{Config, Settings};
use provisionhook_provider_kit_testing::assert_documented;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/bitbucket.json");
const PAGE: &str = include_str!("../../../docs/plugins/bitbucket.md");
const TOKEN: &str = "ATATT3xFfGF0abcdefghijklmnopqrstuvwxyz=1A2B3C4D";

/// The example as the plugin gets it: the host has read the token's file.
fn example() -> Value {
    let mut example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let token = &mut example["credential"]["api_token"]["token"];
    assert!(token["$file"].is_string());
    *token = json!(TOKEN);
    example
}

fn changed(key: &str, value: Value) -> Value {
    let mut config = example();
    config[key] = value;
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
    let oauth = json!({ "oauth": { "key": "key", "secret": "secret" } });
    for (key, value) in [
        ("workspace", json!("acme/web")),
        ("credential", json!({ "token": TOKEN })),
        ("credential", json!({ "oauth": { "key": "key" } })),
        (
            "credential",
            json!({ "access_token": { "token": TOKEN, "scope": "everything" } }),
        ),
        ("inject", json!({ "token": ["9"] })),
        ("inject", json!({ "tokens": [] })),
        ("recheck_seconds", json!(0)),
        ("username", json!("ada")),
    ] {
        assert_eq!(
            verdicts(&changed(key, value.clone())),
            (false, false),
            "{key}: {value}"
        );
    }
    for (key, value) in [
        ("credential", oauth),
        (
            "inject",
            json!({ "token": [], "username": [], "email": [], "workspace": [] }),
        ),
        ("recheck_seconds", json!(60)),
        ("base_url", json!("https://api.bitbucket.org/2.0")),
    ] {
        assert_eq!(
            verdicts(&changed(key, value.clone())),
            (true, true),
            "{key}: {value}"
        );
    }
}

/// The schema lets through what the plugin has something to say about.
#[test]
fn what_deserves_a_sentence_of_its_own_reaches_the_plugin() {
    for (key, value) in [
        ("app_password", json!("ATBBsomething")),
        (
            "credential",
            json!({ "app_password": { "username": "ada", "password": "x" } }),
        ),
        ("credential", json!({})),
        ("credential", json!({ "access_token": { "token": TOKEN } })),
        (
            "credential",
            json!({ "access_token": { "token": "ATCTTabc", "email": "ada@example.com" } }),
        ),
    ] {
        assert_eq!(
            verdicts(&changed(key, value.clone())),
            (true, false),
            "{key}: {value}"
        );
    }
}

#[test]
fn page_example_and_schema_agree() {
    assert_documented(SCHEMA, EXAMPLE, PAGE);
}
