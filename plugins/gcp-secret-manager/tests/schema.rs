//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gcp_secret_manager::config::Settings;
use provisionhook_provider_kit_testing::{assert_documented, assert_verdicts, changed};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/gcp-secret-manager.json");
const PAGE: &str = include_str!("../../../docs/plugins/gcp-secret-manager.md");

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
        ("/projcet", json!("p")),
        ("/project", json!("a/b")),
        ("/location", json!("")),
        ("/endpoint", json!("")),
        ("/credentials", json!("chain")),
        ("/credentials", json!({ "file": "/x" })),
        ("/variables", json!({ "A-B": { "secret": "s" } })),
        ("/variables", json!({ "A": { "secret": "a b" } })),
        (
            "/variables",
            json!({ "A": { "secret": "projects/p/secrets" } }),
        ),
        (
            "/variables",
            json!({ "A": { "secret": "s", "version": "1/2" } }),
        ),
        (
            "/variables",
            json!({ "A": { "secret": "s", "encoding": "hex" } }),
        ),
        ("/spread", json!({ "A": { "secret": "s" } })),
        ("/latest_enabled", json!("yes")),
        ("/cache_seconds", json!(86_401)),
    ];
    let refused = changed(example(), refused);
    assert_verdicts(SCHEMA, Settings::from_config, refused, (false, false));
}

#[test]
fn schema_and_plugin_accept_the_same() {
    let taken = [
        ("/credentials", json!("metadata")),
        ("/credentials", json!({ "json": "{}" })),
        ("/project", json!("example.com:p")),
        ("/location", json!("europe-west3")),
        ("/variables", json!({})),
        (
            "/variables",
            json!({ "A": { "secret": "projects/p/locations/l/secrets/s", "version": "7" } }),
        ),
        ("/token_urls", json!(["https://idp.example"])),
        (
            "/spread",
            json!({ "*": { "secret": "s", "names": "keep" } }),
        ),
        ("/cache_seconds", json!(0)),
    ];
    let taken = changed(example(), taken);
    assert_verdicts(SCHEMA, Settings::from_config, taken, (true, true));
}
