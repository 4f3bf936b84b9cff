//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]

use bitbucket::config::Settings;
use provisionhook_provider_kit_testing::{assert_documented, assert_verdicts, changed, with_file};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/bitbucket.json");
const PAGE: &str = include_str!("../../../docs/plugins/bitbucket.md");
const TOKEN: &str = "ATATT3xFfGF0abcdefghijklmnopqrstuvwxyz=1A2B3C4D";

/// The example as the plugin gets it: the host has read the token's file.
fn example() -> Value {
    with_file(EXAMPLE, "/credential/api_token/token", TOKEN)
}

#[test]
fn the_example_is_valid() {
    assert_verdicts(SCHEMA, Settings::from_config, [example()], (true, true));
}

#[test]
fn schema_and_plugin_accept_and_refuse_the_same() {
    let oauth = json!({ "oauth": { "key": "key", "secret": "secret" } });
    let refused = [
        ("/workspace", json!("acme/web")),
        ("/credential", json!({ "token": TOKEN })),
        ("/credential", json!({ "oauth": { "key": "key" } })),
        (
            "/credential",
            json!({ "access_token": { "token": TOKEN, "scope": "everything" } }),
        ),
        ("/inject", json!({ "token": ["9"] })),
        ("/inject", json!({ "tokens": [] })),
        ("/recheck_seconds", json!(0)),
        ("/username", json!("ada")),
    ];
    let refused = changed(example(), refused);
    assert_verdicts(SCHEMA, Settings::from_config, refused, (false, false));
    let accepted = [
        ("/credential", oauth),
        (
            "/inject",
            json!({ "token": [], "username": [], "email": [], "workspace": [] }),
        ),
        ("/recheck_seconds", json!(60)),
        ("/base_url", json!("https://api.bitbucket.org/2.0")),
    ];
    let accepted = changed(example(), accepted);
    assert_verdicts(SCHEMA, Settings::from_config, accepted, (true, true));
}

/// The schema lets through what the plugin has something to say about.
#[test]
fn what_deserves_a_sentence_of_its_own_reaches_the_plugin() {
    let told = [
        ("/app_password", json!("ATBBsomething")),
        (
            "/credential",
            json!({ "app_password": { "username": "ada", "password": "x" } }),
        ),
        ("/credential", json!({})),
        ("/credential", json!({ "access_token": { "token": TOKEN } })),
        (
            "/credential",
            json!({ "access_token": { "token": "ATCTTabc", "email": "ada@example.com" } }),
        ),
    ];
    let told = changed(example(), told);
    assert_verdicts(SCHEMA, Settings::from_config, told, (true, false));
}

#[test]
fn page_example_and_schema_agree() {
    assert_documented(SCHEMA, EXAMPLE, PAGE);
}
