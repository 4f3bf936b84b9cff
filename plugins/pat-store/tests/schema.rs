//! The schema in the manifest, the config type, the examples and the page agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pat_store::Config;
use provisionhook_provider_kit_testing::{accepts, assert_documented, assert_verdicts};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/pat-store.json");
const PAGE: &str = include_str!("../../../docs/plugins/pat-store.md");

/// The configs that the page shows.
fn examples() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1);
    let texts = blocks.map(|rest| rest.split("```").next().unwrap());
    texts
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}

/// As the host hands it over: each `{"$file": …}` is a text.
fn resolved(config: Value) -> Value {
    match config {
        Value::Object(ref fields) if fields.contains_key("$file") => json!("from a file"),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, resolved(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            config
        }
    }
}

#[test]
fn every_example_on_the_page_is_valid() {
    let examples = examples();
    assert_eq!(examples.len(), 6, "one for each source");
    let examples = examples.into_iter().map(resolved);
    assert_verdicts(SCHEMA, Ok::<Config, ()>, examples, (true, true));
}

#[test]
fn page_example_and_schema_agree() {
    assert_documented(SCHEMA, EXAMPLE, PAGE);
}

#[test]
fn schema_and_plugin_refuse_the_same() {
    let refused = [
        json!({ "file": "/s.toml", "files": [] }),
        json!({ "file": "/s.toml", "cache_seconds": "30" }),
        json!({ "http": { "base_url": "https://s" } }),
        json!({ "command": { "kind": "keepass" } }),
        json!({ "file": "/s.toml", "tokens": { "h": "name" } }),
    ];
    assert_verdicts(SCHEMA, Ok::<Config, ()>, refused, (false, false));
    // How many sources there are, the schema says first.
    for config in [
        json!({}),
        json!({ "file": "/s.toml", "doppler": { "token": "t" } }),
    ] {
        assert!(!accepts(SCHEMA, &config), "{config}");
    }
}
