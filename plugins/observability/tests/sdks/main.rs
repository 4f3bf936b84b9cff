//! The real SDKs of OpenTelemetry, Datadog and Sentry read what the real `.so` sets, and export over HTTP to a recorder.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod recorder;

use std::{path::PathBuf, process::Command};

use provisionhook_host::{
    call::{Attributes, Call},
    env::Resolved,
};
use provisionhook_provider_kit_testing::Directory;
use serde_json::{Value, json};

use self::recorder::{Recorded, Recorder};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A workspace whose words have everything in them that lists are made of.
fn workspace() -> Call {
    Call {
        attributes: Attributes {
            workspace_id: "ws-1".to_owned(),
            name: "a,b=c%20d".to_owned(),
            tenant: "Zürich & Söhne".to_owned(),
            role: "reviewer".to_owned(),
            labels: [("team".to_owned(), "R&D; \"x\" +1".to_owned())].into(),
            ..Attributes::default()
        },
        traceparent: format!("00-{TRACE}-b7ad6b7169203331-01"),
        ..Call::default()
    }
}

fn variables(config: &Value) -> Resolved {
    let directory = Directory::of("observability");
    let plugin = directory.load(config).unwrap();
    plugin.over(&[], &workspace()).unwrap()
}

/// What the SDKs say.
fn read_back(resolved: &Resolved) -> Value {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/python/bin/python");
    assert!(
        python.exists(),
        "expected {}; run `cargo xtask python`",
        python.display()
    );
    let env = resolved.env.iter();
    let ran = Command::new(python)
        .arg(root.join("plugins/observability/tests/read-back.py"))
        .env_clear()
        .envs(env.map(|(name, found)| (name, found.value.expose().to_owned())))
        .env("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&ran.stdout);
    serde_json::from_str(printed.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{printed}{}", String::from_utf8_lossy(&ran.stderr)))
}

#[test]
fn every_attribute_arrives_as_it_was() {
    let recorder = Recorder::start();
    let resolved = variables(&json!({ "otel": {
        "service_name": "agent-{{ workspace.role }}",
        "resource_attributes": {
            "workspace.name": "{{ workspace.name }}",
            "tenant.id": "{{ tenant }}",
            "team": "{{ labels.team }}",
            "missing": "{{ labels.nobody }}",
            "deployment.environment.name": "prod",
        },
        "propagators": ["tracecontext", "baggage"],
        "sampler": "parentbased_traceidratio",
        "sampler_arg": "0.25",
        "exporter": { "endpoint": recorder.url("") },
    }}));
    let said = read_back(&resolved);
    let attributes = &said["attributes"];
    for (key, value) in [
        ("service.name", "agent-reviewer"),
        ("workspace.name", "a,b=c%20d"),
        ("tenant.id", "Zürich & Söhne"),
        ("team", "R&D; \"x\" +1"),
        ("deployment.environment.name", "prod"),
    ] {
        assert_eq!(attributes[key], value, "{key}: {said}");
    }
    assert_eq!(attributes["missing"], Value::Null);
    assert!(said["sampler"].as_str().unwrap().contains("0.25"), "{said}");
    assert_eq!(
        said["propagators"],
        json!(["baggage", "traceparent", "tracestate"])
    );
}

fn paths(recorded: &[Recorded]) -> Vec<&str> {
    let mut paths: Vec<&str> = recorded.iter().map(|one| one.path.as_str()).collect();
    paths.sort_unstable();
    paths
}

#[test]
fn sdks_put_paths_behind_the_base_and_take_a_signals_endpoint_as_it_is() {
    let (base, own) = (Recorder::start(), Recorder::start());
    let key = |value| json!({ "header": "Authorization", "scheme": "Bearer", "value": value });
    let resolved = variables(&json!({ "otel": {
        "exporter": {
            "endpoint": base.url("/otlp"),
            "headers": { "X-Scope-OrgID": "{{ workspace.name }}", "x-tenant": "{{ tenant }}" },
            "api_key": key("base key, 100%"),
            "timeout_ms": 5000,
        },
        "logs": { "endpoint": own.url("/my/logs"), "headers": { "x-more": "1" } },
    }}));
    read_back(&resolved);
    let (at_base, at_own) = (base.recorded(), own.recorded());
    assert_eq!(paths(&at_base), ["/otlp/v1/metrics", "/otlp/v1/traces"]);
    assert_eq!(paths(&at_own), ["/my/logs"]);
    for one in &at_base {
        assert_eq!(
            one.header("authorization"),
            Some("Bearer base key, 100%"),
            "{}",
            one.path
        );
    }
    assert_eq!(
        at_own[0].header("authorization"),
        None,
        "a key stays with its endpoint"
    );
    for one in at_base.iter().chain(&at_own) {
        assert_eq!(one.header("x-scope-orgid"), Some("a,b=c%20d"));
        assert_eq!(one.header("x-tenant"), None, "HTTP cannot carry it");
    }
    assert_eq!(at_own[0].header("x-more"), Some("1"));
    let secret: Vec<&str> = resolved
        .env
        .iter()
        .filter(|(_, found)| found.secret)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        secret,
        [
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
        ]
    );
}

#[test]
fn datadog_and_sentry_read_what_was_meant() {
    let recorder = Recorder::start();
    let resolved = variables(&json!({
        "otel": { "exporter": { "endpoint": recorder.url("") } },
        "datadog": {
            "service": "agent-{{ workspace.role }}", "env": "prod", "version": "{{ labels.version | default('0') }}",
            "tags": { "team": "{{ labels.team }}", "tenant": "{{ tenant }}", "none": "{{ labels.none }}" },
            "trace_agent_url": "unix:///var/run/datadog/apm.socket", "dogstatsd_url": "udp://10.0.0.1:8125",
            "trace_sample_rate": 0.25,
        },
        "sentry": {
            "dsn": "https://public@o1.ingest.example.com/42", "environment": "{{ tenant }}", "release": "r-1", "trace_context": true,
        },
    }));
    let said = read_back(&resolved);
    assert_eq!(
        said["datadog"],
        json!({
            "service": "agent-reviewer", "env": "prod", "version": "0",
            "tags": { "team": "R_D___x___1", "tenant": "Zürich___Söhne" },
            "agent": "unix:///var/run/datadog/apm.socket", "statsd": "udp://10.0.0.1:8125",
            "rules": "[{\"sample_rate\":0.25}]",
        })
    );
    assert_eq!(
        said["sentry"],
        json!({
            "dsn": "https://public@o1.ingest.example.com/42", "environment": "Zürich & Söhne", "release": "r-1", "trace": TRACE,
        })
    );
}
