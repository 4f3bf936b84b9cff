//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use vault::config::{Config, Settings};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/vault.json");
const PAGE: &str = include_str!("../../../docs/plugins/vault.md");

/// The example as the plugin gets it: the host has read the secret id's file.
fn example() -> Value {
    let mut example: Value = serde_json::from_str(EXAMPLE).unwrap();
    assert!(example["auth"]["approle"]["secret_id"]["$file"].is_string());
    example["auth"]["approle"]["secret_id"] = json!("secret");
    example
}

fn changed(pointer: &str, value: &Value) -> Value {
    let mut config = example();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[key] = value.clone();
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
    assert_eq!(verdicts(&example()), (true, true));
    assert!(
        PAGE.contains(EXAMPLE.trim()),
        "the page shows another example than the file"
    );
}

#[test]
fn schema_and_plugin_accept_and_refuse_the_same() {
    let signed = json!({ "role": "app", "jwt_file": "/run/token" });
    let refused = [
        ("/address", json!(7)),
        ("/namespace", json!("a b")),
        ("/auth", json!({ "userpass": {} })),
        ("/auth/kubernetes", signed.clone()),
        ("/auth/approle/wrapped_secret_id", json!("w")),
        ("/auth/approle/role_id", json!("")),
        (
            "/auth",
            json!({ "jwt": { "role": "app", "jwt_file": "token" } }),
        ),
        ("/auth", json!({ "token": "" })),
        ("/variables", json!({ "A-B": { "path": "secret/a" } })),
        ("/variables/API_KEY/path", json!("")),
        ("/variables/API_KEY/engine", json!("kv3")),
        ("/variables/API_KEY/version", json!(0)),
        ("/variables/API_KEY/key", json!("k")),
        ("/spread", json!({ "APP": { "path": "secret/a" } })),
        ("/tokens/0/audience", json!("")),
        ("/tokens/0/narrow", json!("yes")),
        ("/cache_seconds", json!(86_401)),
        ("/adress", json!("https://vault.example.com")),
    ];
    for (pointer, value) in refused {
        assert_eq!(
            verdicts(&changed(pointer, &value)),
            (false, false),
            "{pointer} {value}"
        );
    }
    let accepted = [
        ("/namespace", json!("team/a/")),
        ("/auth", json!({ "token": "hvs.x" })),
        ("/auth", json!({ "kubernetes": signed })),
        ("/auth", json!({ "jwt": signed })),
        (
            "/auth",
            json!({ "approle": { "role_id": "r", "wrapped_secret_id": "w" } }),
        ),
        ("/variables/API_KEY/version", json!(3)),
        ("/variables/API_KEY/engine", json!("kv2")),
        ("/share_tokens", json!(false)),
        ("/cache_seconds", json!(0)),
    ];
    for (pointer, value) in accepted {
        assert_eq!(
            verdicts(&changed(pointer, &value)),
            (true, true),
            "{pointer} {value}"
        );
    }
}

#[test]
fn every_field_is_described_in_schema_and_page() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let objects = [
        schema.pointer("/properties"),
        schema.pointer("/properties/variables/additionalProperties/properties"),
        schema.pointer("/properties/spread/additionalProperties/properties"),
        schema.pointer("/properties/tokens/items/properties"),
        schema.pointer("/$defs/approle/properties/approle/properties"),
        schema.pointer("/$defs/signed/properties"),
    ];
    for (field, description) in objects
        .into_iter()
        .flat_map(|object| object.unwrap().as_object().unwrap())
    {
        let described = description["description"].is_string() || description["$ref"].is_string();
        assert!(described, "{field} has no description");
        assert!(
            PAGE.contains(&format!("`{field}`")),
            "{field} is not on the page"
        );
    }
}
