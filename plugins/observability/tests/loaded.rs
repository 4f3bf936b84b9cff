//! The real `.so`: what it sets, what it leaves to the workspace, and which configs it refuses.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use provisionhook_host::{
    call::{Attributes, Call},
    env::Resolved,
};
use provisionhook_provider_kit_testing::Directory;
use serde_json::{Value, json};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// `NAME=value`, with `*` in front of secrets.
fn shown(resolved: &Resolved) -> Vec<String> {
    let env = resolved.env.iter();
    env.map(|(name, found)| {
        let star = if found.secret { "*" } else { "" };
        format!("{star}{name}={}", found.value.expose())
    })
    .collect()
}

fn set(config: &Value, asked: &[(&str, &str)]) -> Vec<String> {
    let directory = Directory::of("observability");
    let plugin = directory.load(config).unwrap();
    let call = Call {
        attributes: Attributes {
            role: "qa".to_owned(),
            ..Attributes::default()
        },
        traceparent: PARENT.to_owned(),
        ..Call::default()
    };
    shown(&plugin.over(asked, &call).unwrap())
}

fn refusal(config: &Value) -> String {
    let directory = Directory::of("observability");
    let refused = directory.load(config).err();
    refused.map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn nothing_is_set_that_was_not_asked_for() {
    assert!(set(&json!({}), &[]).is_empty());
    let all_empty = json!({ "otel": {}, "datadog": {}, "sentry": {} });
    assert!(set(&all_empty, &[]).is_empty());
}

#[test]
fn the_trace_of_the_provision_only_if_asked_for() {
    let name = json!({ "otel": { "service_name": "a-{{ workspace.role }}" } });
    assert_eq!(set(&name, &[]), ["OTEL_SERVICE_NAME=a-qa"]);
    let both = json!({ "otel": { "trace_context": true }, "sentry": { "trace_context": true } });
    let sentry = "SENTRY_TRACE=0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1".to_owned();
    assert_eq!(set(&both, &[]), [sentry, format!("TRACEPARENT={PARENT}")]);
}

fn everything() -> Value {
    json!({
        "otel": {
            "service_name": "ours",
            "sampler": "always_on",
            "exporter": {
                "endpoint": "https://otlp.example", "protocol": "http/protobuf", "timeout_ms": 1000,
                "api_key": { "header": "x-honeycomb-team", "value": "hunter2" },
            },
            "logs": { "kind": "none" },
        },
        "datadog": { "service": "ours", "agent_host": "ours", "site": "ours.example", "api_key": "hunter2" },
    })
}

#[test]
fn what_the_workspace_brings_is_left_alone_and_keys_with_it() {
    let ours = [
        "*DD_API_KEY=hunter2",
        "DD_AGENT_HOST=ours",
        "DD_SERVICE=ours",
        "DD_SITE=ours.example",
        "OTEL_EXPORTER_OTLP_ENDPOINT=https://otlp.example",
        "*OTEL_EXPORTER_OTLP_HEADERS=x-honeycomb-team=hunter2",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT=1000",
        "OTEL_LOGS_EXPORTER=none",
        "OTEL_SERVICE_NAME=ours",
        "OTEL_TRACES_SAMPLER=always_on",
    ];
    let mut all = set(&everything(), &[]);
    all.sort_by_key(|line| line.trim_start_matches('*').to_owned());
    let mut expected = ours.to_vec();
    expected.sort_by_key(|line| line.trim_start_matches('*').to_owned());
    assert_eq!(all, expected);

    let brought = [
        ("DD_TRACE_AGENT_URL", "http://mine:8126"),
        ("DD_SITE", "mine.example"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://mine:4318/v1/traces",
        ),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=mine"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ];
    assert_eq!(
        set(&everything(), &brought),
        [
            "DD_SERVICE=ours",
            "DD_SITE=mine.example",
            "DD_TRACE_AGENT_URL=http://mine:8126",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://mine:4318/v1/traces",
            "OTEL_LOGS_EXPORTER=none",
            "OTEL_RESOURCE_ATTRIBUTES=a=b,service.name=mine",
            "OTEL_TRACES_SAMPLER_ARG=0.5",
        ]
    );
    let some = set(&everything(), &[("OTEL_EXPORTER_OTLP_TIMEOUT", "9")]);
    assert!(
        some.contains(&"OTEL_EXPORTER_OTLP_TIMEOUT=9".to_owned()),
        "{some:?}"
    );
    let mut config = everything();
    config["override"] = json!(true);
    let over = set(
        &config,
        &[("DD_SITE", "mine.example"), ("DD_SERVICE", "mine")],
    );
    assert!(
        over.contains(&"DD_SITE=ours.example".to_owned()),
        "{over:?}"
    );
    assert!(over.contains(&"DD_SERVICE=ours".to_owned()), "{over:?}");
}

/// Panics unless the config is refused with these words and without its secret.
fn assert_refused(config: &Value, words: &str) {
    let refused = refusal(config);
    assert!(refused.contains(words), "{config}: {refused:?}");
    assert!(!refused.contains("hunter2"), "{refused}");
}

#[test]
fn an_exporter_that_cannot_work_is_refused_with_its_place() {
    let otel = |exporter: Value| json!({ "otel": { "exporter": exporter } });
    let key = json!({ "header": "x-key", "value": "hunter2" });
    for (config, words) in [
        (
            otel(json!({ "endpoint": "http://c:4318/v1/traces" })),
            "/otel/exporter/endpoint: expected the base URL",
        ),
        (
            otel(json!({ "endpoint": "collector:4318" })),
            "expected http://HOST:PORT",
        ),
        (
            otel(json!({ "endpoint": "https://u:hunter2@c" })),
            "without user and password",
        ),
        (
            otel(json!({ "headers": { "Authorization": "Bearer hunter2" } })),
            "write it under api_key",
        ),
        (
            otel(json!({ "headers": { "a b": "x" } })),
            "expected a header's name",
        ),
        (
            otel(json!({ "api_key": key })),
            "expected an endpoint that the key is for",
        ),
        (
            otel(json!({ "endpoint": "http://c:4318", "api_key": key })),
            "must not travel unencrypted",
        ),
        (
            otel(json!({ "kind": "none" })),
            "under traces, metrics or logs",
        ),
    ] {
        assert_refused(&config, words);
    }
}

#[test]
fn other_settings_that_cannot_work_are_refused_with_their_place() {
    for (config, words) in [
        (
            json!({ "otel": { "service_name": "{{ workspace.rol }}" } }),
            "/otel/service_name: expected workspace.id",
        ),
        (
            json!({ "otel": { "resource_attributes": { "a=b": "x" } } }),
            "/otel/resource_attributes: expected keys",
        ),
        (
            json!({ "otel": { "service_name": "a", "resource_attributes": { "service.name": "b" } } }),
            "service.name only once",
        ),
        (
            json!({ "otel": { "sampler_arg": "1" } }),
            "expected a sampler beside it",
        ),
        (
            json!({ "datadog": { "tags": { "a:b": "x" } } }),
            "/datadog/tags: expected keys",
        ),
        (
            json!({ "datadog": { "dogstatsd_url": "http://x" } }),
            "/datadog/dogstatsd_url: expected udp://",
        ),
        (
            json!({ "sentry": { "dsn": "https://o1.example/1" } }),
            "/sentry/dsn: expected https://KEY@HOST/PROJECT",
        ),
        (
            json!({ "sentry": { "dsn": "https://hunter2@o1.example" } }),
            "/sentry/dsn: expected",
        ),
    ] {
        assert_refused(&config, words);
    }
    let many = refusal(&json!({ "sentry": { "dsn": "x" }, "otel": { "sampler_arg": "1" } }));
    assert!(
        many.contains("/sentry/dsn") && many.contains("/otel/sampler_arg"),
        "{many}"
    );
}

#[test]
fn an_older_dsn_has_a_secret_half() {
    let dsn = |text: &str| set(&json!({ "sentry": { "dsn": text } }), &[]);
    assert_eq!(
        dsn("https://key@o1.example/1"),
        ["SENTRY_DSN=https://key@o1.example/1"]
    );
    assert_eq!(
        dsn("https://key:half@o1.example/1"),
        ["*SENTRY_DSN=https://key:half@o1.example/1"]
    );
}
