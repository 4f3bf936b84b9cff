//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_secrets_manager::config::Settings;
use provisionhook_provider_kit_testing::{assert_documented, assert_verdicts, changed};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/aws-secrets-manager.json");
const PAGE: &str = include_str!("../../../docs/plugins/aws-secrets-manager.md");

fn example() -> Value {
    serde_json::from_str(EXAMPLE).unwrap()
}

#[test]
fn the_example_is_valid_and_stands_on_the_page() {
    assert_verdicts(SCHEMA, Settings::from_config, [example()], (true, true));
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
    let refused = changed(example(), refused);
    assert_verdicts(SCHEMA, Settings::from_config, refused, (false, false));
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
    let taken = changed(example(), taken);
    assert_verdicts(SCHEMA, Settings::from_config, taken, (true, true));
}
