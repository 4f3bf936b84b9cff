//! The plugin: what the host calls.

use provisionhook_plugin_abi::prelude::*;
use workspace_template::Facts;

use crate::{
    config::Config,
    datadog,
    group::Group,
    otel,
    problems::Problems,
    sentry,
    setting::{Known, Setting},
};

/// Tells OpenTelemetry, Datadog and Sentry SDKs where to report and what the workspace is.
pub struct Observability {
    groups: Vec<Group>,
    overrides: bool,
}

impl Plugin for Observability {
    type Config = Config;

    fn create(config: Config, _: &Host) -> Result<Self, Fault> {
        let mut problems = Problems::default();
        let mut groups = Vec::new();
        if let Some(section) = &config.otel {
            groups.extend(otel::groups(section, &mut problems));
        }
        if let Some(section) = &config.datadog {
            groups.extend(datadog::groups(section, &mut problems));
        }
        if let Some(section) = &config.sentry {
            groups.extend(sentry::groups(section, &mut problems));
        }
        problems.none()?;
        Ok(Self {
            groups,
            overrides: config.overrides,
        })
    }
}

impl EnvMutator for Observability {
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let known = Known {
            facts: Facts::of(call),
            traceparent: call.traceparent().to_owned(),
        };
        for setting in self.settings(env)? {
            let Some(value) = setting.rendered(&known) else {
                continue;
            };
            if setting.is_secret() {
                env.set_secret(&setting.name, &value)?;
            } else {
                env.set(&setting.name, &value)?;
            }
        }
        Ok(())
    }
}

impl Observability {
    /// What is to be set over what the workspace brings. Made before anything is set, so that nothing yields to what is ours.
    ///
    /// # Errors
    /// See [`is_brought`].
    fn settings(&self, env: &Env<'_>) -> Result<Vec<&Setting>, Fault> {
        let mut settings = Vec::new();
        for group in &self.groups {
            if !self.overrides && is_brought(group, env)? {
                continue;
            }
            for setting in &group.settings {
                if self.overrides || env.get(&setting.name)?.is_none() {
                    settings.push(setting);
                }
            }
        }
        Ok(settings)
    }
}

/// Whether the workspace brings something that the group yields to.
///
/// # Errors
/// The host does not let it look, which is a defect of the manifest below.
fn is_brought(group: &Group, env: &Env<'_>) -> Result<bool, Fault> {
    for name in &group.yields_to {
        if env.get(name)?.is_some() {
            return Ok(true);
        }
    }
    Ok(group.is_service_name() && names_a_service(env)?)
}

/// A name among the attributes is a name too, and `OTEL_SERVICE_NAME` would go over it.
///
/// # Errors
/// As above.
fn names_a_service(env: &Env<'_>) -> Result<bool, Fault> {
    let attributes = env.get("OTEL_RESOURCE_ATTRIBUTES")?.unwrap_or_default();
    let mut keys = attributes
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    Ok(keys.any(|(key, _)| key.trim() == "service.name"))
}

export_plugin! {
    Observability {
        capabilities: [env_mutator],
        execution: inline,
        writes: [
            "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER",
            "OTEL_TRACES_SAMPLER_ARG", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER",
            "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_EXPORTER_OTLP_*", "TRACEPARENT",
            "DD_SERVICE", "DD_ENV", "DD_VERSION", "DD_TAGS", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", "DD_TRACE_AGENT_URL",
            "DD_DOGSTATSD_URL", "DD_TRACE_ENABLED", "DD_LOGS_INJECTION", "DD_TRACE_SAMPLING_RULES", "DD_TRACE_PROPAGATION_STYLE",
            "DD_LLMOBS_ENABLED", "DD_LLMOBS_ML_APP", "DD_TRACE_OTEL_ENABLED", "DD_METRICS_OTEL_ENABLED", "DD_LOGS_OTEL_ENABLED",
            "DD_SITE", "DD_API_KEY",
            "SENTRY_DSN", "SENTRY_ENVIRONMENT", "SENTRY_RELEASE", "SENTRY_DEBUG", "SENTRY_TRACE",
        ],
        secrets: ["DD_API_KEY"],
        config_schema: include_str!("../config.schema.json"),
    }
}
