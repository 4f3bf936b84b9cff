//! The schema in the manifest, the config type and the example in the documentation agree.

#![forbid(unsafe_code)]

use gitlab::config::Settings;
use provisionhook_provider_kit_testing::{assert_documented, assert_verdicts, changed, with_file};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/gitlab.json");
const PAGE: &str = include_str!("../../../docs/plugins/gitlab.md");

/// The example as the plugin gets it: the host has read the token's file.
fn example() -> Value {
    with_file(EXAMPLE, "/token", "glpat-0123456789abcdefghij")
}

#[test]
fn the_example_is_valid() {
    assert_verdicts(SCHEMA, Settings::from_config, [example()], (true, true));
}

#[test]
fn schema_and_plugin_refuse_the_same() {
    let account = json!({ "group": "acme", "user_id": 7 });
    let refused = [
        ("/token", json!("short")),
        ("/token", json!(7)),
        ("/kind", json!("deploy")),
        ("/rotate", json!({ "days_before": 0 })),
        ("/rotate", json!({ "lifetime_days": 366 })),
        ("/rotate", json!({ "every": 7 })),
        ("/create", json!({ "scopes": ["api"] })),
        (
            "/create",
            json!({ "scopes": ["api"], "projects": ["acme/web"], "service_account": account }),
        ),
        (
            "/create",
            json!({ "scopes": [], "service_account": account }),
        ),
        (
            "/create",
            json!({ "scopes": ["Read API"], "service_account": account }),
        ),
        ("/create", json!({ "scopes": ["api"], "projects": ["web"] })),
        (
            "/create",
            json!({ "scopes": ["api"], "projects": ["acme/web"], "access_level": 35 }),
        ),
        (
            "/create",
            json!({ "scopes": ["api"], "projects": ["acme/web"], "lifetime_days": 365 }),
        ),
        (
            "/create",
            json!({ "scopes": ["api"], "service_account": { "group": "acme", "user_id": 0 } }),
        ),
        ("/inject", json!({ "token": ["9"] })),
        ("/inject", json!({ "tokens": [] })),
        ("/recheck_seconds", json!(0)),
        ("/host", json!("gitlab.com")),
    ];
    let refused = changed(example(), refused);
    assert_verdicts(SCHEMA, Settings::from_config, refused, (false, false));
}

#[test]
fn schema_and_plugin_accept_the_same() {
    let account = json!({ "group": "acme", "user_id": 7 });
    let accepted = [
        ("/kind", json!("service_account")),
        ("/rotate", json!({})),
        ("/rotate", json!({ "days_before": 10, "lifetime_days": 90 })),
        (
            "/create",
            json!({ "scopes": ["api"], "service_account": account }),
        ),
        (
            "/create",
            json!({ "scopes": ["api"], "projects": ["acme/web", "acme/sub/api"], "access_level": 30, "name": "a" }),
        ),
        ("/inject", json!({ "token": [], "host": [] })),
        ("/recheck_seconds", json!(60)),
    ];
    let accepted = changed(example(), accepted);
    assert_verdicts(SCHEMA, Settings::from_config, accepted, (true, true));
}

#[test]
fn page_example_and_schema_agree() {
    assert_documented(SCHEMA, EXAMPLE, PAGE);
}
