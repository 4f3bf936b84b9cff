//! The schema in the manifest, the config type, the example and the page agree.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use provisionhook_provider_kit_testing::{Directory, accepts, assert_documented, assert_verdicts};
use serde_json::{Value, json};
use tenant_config::Config;

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/tenant-config.json");
const PAGE: &str = include_str!("../../../docs/plugins/tenant-config.md");

#[test]
fn the_example_is_valid() {
    let example = serde_json::from_str(EXAMPLE).unwrap();
    assert_verdicts(SCHEMA, Ok::<Config, ()>, [example], (true, true));
}

#[test]
fn schema_and_plugin_accept_and_refuse_the_same() {
    for (config, fine) in [
        (json!({ "directory": "/d" }), true),
        (
            json!({ "directory": "/d", "keys": ["A", "B_*"], "reads": [], "require_tenant": true }),
            true,
        ),
        (json!({}), false),
        (json!({ "directory": "/d", "keys": "A" }), false),
        (json!({ "directory": "/d", "dir": "/d" }), false),
    ] {
        assert_verdicts(SCHEMA, Ok::<Config, ()>, [config], (fine, fine));
    }
    // A wrong pattern stops at the schema.
    for config in [
        json!({ "directory": "d" }),
        json!({ "directory": "/d", "keys": ["9"] }),
        json!({ "directory": "/d", "reads": ["*A"] }),
    ] {
        assert!(!accepts(SCHEMA, &config), "{config}");
    }
}

#[test]
fn page_example_and_schema_agree() {
    assert_documented(SCHEMA, EXAMPLE, PAGE);
}

/// The files that the page shows, in its order.
fn blocks() -> Vec<&'static str> {
    let blocks = PAGE.split("```toml\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn the_pages_files_load_with_the_pages_example() {
    let files = tempfile::tempdir().unwrap();
    let [global, tenant] = blocks()[..] else {
        panic!("the page shows two files")
    };
    std::fs::create_dir(files.path().join("tenants")).unwrap();
    for (name, text) in [("global.toml", global), ("tenants/acme.toml", tenant)] {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path, mode).unwrap();
    }
    let mut config: Value = serde_json::from_str(EXAMPLE).unwrap();
    config["directory"] = json!(files.path());
    let directory = Directory::of("tenant-config");
    assert!(directory.load(&config).is_ok());
}
