//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]

use provisionhook_provider_kit_testing::{assert_verdicts, changed, with_file};
use serde_json::{Value, json};
use vault::config::Settings;

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/vault.json");
const PAGE: &str = include_str!("../../../docs/plugins/vault.md");

/// The example as the plugin gets it: the host has read the secret id's file.
fn example() -> Value {
    with_file(EXAMPLE, "/auth/approle/secret_id", "secret")
}

#[test]
fn the_example_is_valid_and_stands_on_the_page() {
    assert_verdicts(SCHEMA, Settings::from_config, [example()], (true, true));
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
    let refused = changed(example(), refused);
    assert_verdicts(SCHEMA, Settings::from_config, refused, (false, false));
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
    let accepted = changed(example(), accepted);
    assert_verdicts(SCHEMA, Settings::from_config, accepted, (true, true));
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
