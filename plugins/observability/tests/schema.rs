//! The schema in the manifest, the config type, the example and the page agree.

#![forbid(unsafe_code)]

use observability::Config;
use provisionhook_provider_kit_testing::{Directory, accepts, assert_documented, assert_verdicts};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../config.schema.json");
const EXAMPLE: &str = include_str!("../../../docs/plugins/examples/observability.json");
const PAGE: &str = include_str!("../../../docs/plugins/observability.md");

#[test]
fn the_example_loads() {
    let example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let directory = Directory::of("observability");
    assert!(directory.load(&example).is_ok());
    assert_verdicts(SCHEMA, Ok::<Config, ()>, [example], (true, true));
}

#[test]
fn schema_and_plugin_accept_and_refuse_the_same() {
    let exporter = json!({
        "endpoint": "https://c", "protocol": "grpc", "headers": { "a": "b" }, "compression": "gzip", "timeout_ms": 1, "certificate": "/c",
        "client_key": "/k", "client_certificate": "/c", "insecure": true, "api_key": { "header": "h", "value": "v", "scheme": "s" },
    });
    for (config, fine) in [
        (
            json!({ "otel": { "exporter": exporter, "traces": exporter } }),
            true,
        ),
        (
            json!({ "otel": { "metrics": { "kind": "none" }, "metric_export_interval_ms": 1000, "disabled": true } }),
            true,
        ),
        (
            json!({ "datadog": { "trace_agent_port": 8126, "trace_enabled": true, "propagation_style": ["datadog"] } }),
            true,
        ),
        (json!({ "sentry": { "dsn": "x", "debug": false } }), true),
        (json!({ "otel": { "endpoint": "https://c" } }), false),
        (
            json!({ "otel": { "exporter": { "timeout_ms": "1s" } } }),
            false,
        ),
        (
            json!({ "otel": { "exporter": { "api_key": { "header": "h" } } } }),
            false,
        ),
        (json!({ "datadog": { "trace_agent_port": 99999 } }), false),
        (json!({ "langfuse": {} }), false),
    ] {
        assert_verdicts(SCHEMA, Ok::<Config, ()>, [config], (fine, fine));
    }
    // A wrong word stops at the schema.
    for config in [
        json!({ "otel": { "exporter": { "protocol": "http" } } }),
        json!({ "otel": { "propagators": ["a,b"] } }),
        json!({ "datadog": { "trace_sample_rate": 2 } }),
    ] {
        assert!(!accepts(SCHEMA, &config), "{config}");
    }
}

#[test]
fn page_example_and_schema_agree() {
    assert_documented(SCHEMA, EXAMPLE, PAGE);
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for section in ["otel", "datadog", "sentry"] {
        let fields = &schema["properties"][section]["properties"];
        for (field, described) in fields.as_object().unwrap() {
            assert!(described["description"].is_string(), "{section}.{field}");
            assert!(
                PAGE.contains(&format!("`{section}.{field}`")),
                "{section}.{field} is not on the page"
            );
        }
    }
    for field in schema["$defs"]["exporter"]["properties"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(
            PAGE.contains(&format!("| `{field}`")),
            "{field} is not on the page"
        );
    }
}
