//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use github_app_auth::config::Settings;
use provisionhook_provider_kit_testing::{
    assert_documented, assert_verdicts, changed, with_changes, with_file,
};
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
    with_file(example, "/private_key", KEY)
}

fn without(key: &str) -> Value {
    let mut config = example();
    config.as_object_mut().unwrap().remove(key);
    config
}

#[test]
fn the_examples_are_valid() {
    let examples = [EXAMPLE, TENANTS].map(as_given);
    assert_verdicts(SCHEMA, Settings::from_config, examples, (true, true));
}

#[test]
fn schema_and_plugin_accept_and_refuse_the_same() {
    let lacking = ["private_key", "client_id", "owner"].map(without);
    assert_verdicts(SCHEMA, Settings::from_config, lacking, (false, false));
    let refused = [
        ("/client_id", json!("123")),
        ("/app_id", json!("Iv23")),
        ("/installation_id", json!(42)),
        ("/owner", json!("acme/web")),
        ("/repositories", json!(["acme/web"])),
        ("/permissions", json!({ "contents": "all" })),
        ("/inject", json!(["9"])),
        ("/appid", json!(1)),
    ];
    let refused = changed(example(), refused);
    assert_verdicts(SCHEMA, Settings::from_config, refused, (false, false));
    let accepted = [
        ("/app_id", json!("7")),
        ("/app_id", json!(7)),
        ("/inject", json!([])),
        ("/git_host", json!("g")),
        ("/share_tokens", json!(false)),
        ("/probe", json!(false)),
        ("/check_at_boot", json!(false)),
    ];
    let accepted = changed(example(), accepted);
    assert_verdicts(SCHEMA, Settings::from_config, accepted, (true, true));
}

#[test]
fn several_installations_are_judged_the_same_too() {
    let several = |changes: Value| {
        let mut config = without("owner");
        config.as_object_mut().unwrap().remove("repositories");
        config["installations"] =
            json!(["acme", { "owner": "umbrella", "repositories": ["site"] }]);
        with_changes(config, &changes)
    };
    let chosen = |choose: Value| several(json!({ "choose": choose, "share_tokens": false }));
    let accepted = [
        several(json!({})),
        several(json!({ "repositories": [] })),
        chosen(json!({ "by": "tenant" })),
        chosen(json!({ "by": "label:team", "owners": { "a": "acme" }, "otherwise": "umbrella" })),
    ];
    assert_verdicts(SCHEMA, Settings::from_config, accepted, (true, true));
    let refused = [
        several(json!({ "owner": "acme" })),
        several(json!({ "repositories": ["web"] })),
        several(json!({ "installations": [] })),
        several(json!({ "installations": [{ "repositories": [] }] })),
        several(json!({ "installations": [{ "owner": "acme", "permission": {} }] })),
        several(json!({ "choose": { "by": "tenant" } })),
        with_changes(example(), &json!({ "choose": { "by": "tenant" } })),
        chosen(json!({ "by": "role" })),
        chosen(json!({ "by": "label:" })),
        chosen(json!({})),
        chosen(json!({ "by": "tenant", "otherwise": "a/b" })),
    ];
    assert_verdicts(SCHEMA, Settings::from_config, refused, (false, false));
}

#[test]
fn page_examples_and_schema_agree() {
    for example in [EXAMPLE, TENANTS] {
        assert_documented(SCHEMA, example, PAGE);
    }
}
