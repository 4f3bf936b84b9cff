//! The plugin's configuration, as the operator writes it. Texts that may be templates are still texts.

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

/// Each section is optional; an absent one sets nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Set variables that are set already, too.
    #[serde(default, rename = "override")]
    pub(crate) overrides: bool,
    pub(crate) otel: Option<Otel>,
    pub(crate) datadog: Option<Datadog>,
    pub(crate) sentry: Option<Sentry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Otel {
    #[serde(default)]
    pub(crate) disabled: bool,
    pub(crate) service_name: Option<String>,
    #[serde(default)]
    pub(crate) resource_attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) propagators: Vec<String>,
    pub(crate) sampler: Option<String>,
    pub(crate) sampler_arg: Option<String>,
    pub(crate) exporter: Option<Exporter>,
    pub(crate) traces: Option<Exporter>,
    pub(crate) metrics: Option<Exporter>,
    pub(crate) logs: Option<Exporter>,
    pub(crate) metric_export_interval_ms: Option<u64>,
    #[serde(default)]
    pub(crate) trace_context: bool,
}

/// How all signals are exported, or how one is where that differs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exporter {
    /// `otlp`, `console`, `none`, …; of a signal only.
    pub(crate) kind: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) protocol: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) api_key: Option<ApiKey>,
    pub(crate) compression: Option<String>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) certificate: Option<String>,
    pub(crate) client_key: Option<String>,
    pub(crate) client_certificate: Option<String>,
    pub(crate) insecure: Option<bool>,
}

/// A header that carries a key, which every process in the workspace can then read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKey {
    pub(crate) header: String,
    /// Such as `Bearer`; stands before the value.
    pub(crate) scheme: Option<String>,
    pub(crate) value: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Datadog {
    pub(crate) service: Option<String>,
    pub(crate) env: Option<String>,
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) agent_host: Option<String>,
    pub(crate) trace_agent_port: Option<u16>,
    pub(crate) trace_agent_url: Option<String>,
    pub(crate) dogstatsd_url: Option<String>,
    pub(crate) trace_enabled: Option<bool>,
    pub(crate) logs_injection: Option<bool>,
    pub(crate) trace_sample_rate: Option<f64>,
    #[serde(default)]
    pub(crate) propagation_style: Vec<String>,
    pub(crate) llmobs_enabled: Option<bool>,
    pub(crate) llmobs_ml_app: Option<String>,
    pub(crate) trace_otel_enabled: Option<bool>,
    pub(crate) metrics_otel_enabled: Option<bool>,
    pub(crate) logs_otel_enabled: Option<bool>,
    pub(crate) site: Option<String>,
    pub(crate) api_key: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sentry {
    pub(crate) dsn: Option<Zeroizing<String>>,
    pub(crate) environment: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) debug: Option<bool>,
    #[serde(default)]
    pub(crate) trace_context: bool,
}
