//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_secrets_manager::config::{Config, Settings};
use provisionhook_provider_kit_testing::assert_documented;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/aws-secrets-manager.json");
const PAGE: &str = include_str!("../../../docs/plugins/aws-secrets-manager.md");

fn changed(pointer: &str, value: Value) -> Value {
    let mut config: Value = serde_json::from_str(EXAMPLE).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[key] = value;
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
fn the_example_is_valid_and_stands_on_the_page() {
    assert_eq!(
        verdicts(&serde_json::from_str(EXAMPLE).unwrap()),
        (true, true)
    );
    assert_documented(SCHEMA, EXAMPLE, PAGE);
}

#[test]
fn schema_and_plugin_refuse_the_same() {
    let refused = [
        ("/regoin", json!("eu-central-1")),
        ("/region", json!("Frankfurt!")),
        ("/endpoint", json!("")),
        ("/credentials", json!("none")),
        (
            "/credentials",
            json!({ "static": { "access_key_id": "A" } }),
        ),
        ("/credentials", json!({ "instance": { "role": "r" } })),
        ("/variables", json!({ "A-B": { "secret": "s" } })),
        ("/variables", json!({ "A": { "secret": "a b" } })),
        (
            "/variables",
            json!({ "A": { "secret": "s", "encoding": "hex" } }),
        ),
        (
            "/variables",
            json!({ "A": { "secret": "s", "version": "short" } }),
        ),
        ("/variables", json!({ "A": { "secret": "s", "stage": "" } })),
        ("/spread", json!({ "A": { "secret": "s" } })),
        (
            "/spread",
            json!({ "A*": { "secret": "s", "names": "lower" } }),
        ),
        ("/cache_seconds", json!(86_401)),
        ("/cache_seconds", json!(-1)),
    ];
    for (pointer, value) in refused {
        assert_eq!(
            verdicts(&changed(pointer, value.clone())),
            (false, false),
            "{pointer} {value}"
        );
    }
}

#[test]
fn schema_and_plugin_accept_the_same() {
    let taken = [
        (
            "/credentials",
            json!({ "static": { "access_key_id": "A", "secret_access_key": "s" } }),
        ),
        ("/credentials", json!({ "profile": { "name": "p" } })),
        (
            "/credentials",
            json!({ "web_identity": { "role_arn": "r", "token_file": "/t" } }),
        ),
        ("/credentials", json!({ "process": { "command": "c" } })),
        (
            "/credentials",
            json!({ "container": { "uri": "http://169.254.170.23/v1/credentials" } }),
        ),
        ("/credentials", json!({ "instance": {} })),
        ("/variables", json!({})),
        (
            "/spread",
            json!({ "*": { "secret": "s", "names": "keep" } }),
        ),
        ("/cache_seconds", json!(0)),
    ];
    for (pointer, value) in taken {
        assert_eq!(
            verdicts(&changed(pointer, value.clone())),
            (true, true),
            "{pointer} {value}"
        );
    }
}
