//! OpenTelemetry: what every SDK reads. Where it is sent is in [`exporter`].

mod exporter;
mod headers;

use workspace_template::Template;

use crate::{
    config::Otel,
    encode,
    group::Group,
    problems::Problems,
    setting::{Setting, Value},
};

/// The groups of variables.
pub(crate) fn groups(config: &Otel, problems: &mut Problems) -> Vec<Group> {
    let mut groups = exporter::groups(config, problems);
    groups.push(sampler(config, problems));
    let mut alone = Vec::new();
    if config.disabled {
        alone.push(Setting::fixed("OTEL_SDK_DISABLED", "true"));
    }
    if !config.propagators.is_empty() {
        alone.push(Setting::fixed(
            "OTEL_PROPAGATORS",
            config.propagators.join(","),
        ));
    }
    if let Some(interval) = config.metric_export_interval_ms {
        alone.push(Setting::fixed("OTEL_METRIC_EXPORT_INTERVAL", interval));
    }
    alone.extend(service_name(config, problems));
    alone.extend(attributes(config, problems));
    if config.trace_context {
        alone.push(Setting {
            name: "TRACEPARENT".to_owned(),
            value: Value::TraceParent,
        });
    }
    groups.extend(alone.into_iter().map(Group::alone));
    groups
}

fn service_name(config: &Otel, problems: &mut Problems) -> Option<Setting> {
    let template = problems.template("/otel/service_name", config.service_name.as_ref()?)?;
    Some(Setting {
        name: "OTEL_SERVICE_NAME".to_owned(),
        value: Value::Text(template),
    })
}

fn attributes(config: &Otel, problems: &mut Problems) -> Option<Setting> {
    const FIELD: &str = "/otel/resource_attributes";
    let mut attributes: Vec<(String, Template)> = Vec::new();
    for (key, text) in &config.resource_attributes {
        let field = format!("{FIELD}/{key}");
        if !encode::is_plain_key(key) {
            problems.push(
                FIELD,
                "expected keys of letters, digits, `.`, `_`, `/` and `-`, found another; SDKs do not read others alike",
            );
        } else if key == "service.name" && config.service_name.is_some() {
            problems.push(
                &field,
                "expected service.name only once, found it beside service_name, which wins; leave one out",
            );
        } else if let Some(template) = problems.template(&field, text) {
            attributes.push((key.clone(), template));
        }
    }
    (!attributes.is_empty()).then(|| Setting {
        name: "OTEL_RESOURCE_ATTRIBUTES".to_owned(),
        value: Value::Attributes(attributes),
    })
}

/// An argument means something to its own sampler alone.
fn sampler(config: &Otel, problems: &mut Problems) -> Group {
    const NAMES: [&str; 2] = ["OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"];
    if config.sampler.is_none() && config.sampler_arg.is_some() {
        problems.push(
            "/otel/sampler_arg",
            "expected a sampler beside it, found none; name the sampler",
        );
    }
    let values = [&config.sampler, &config.sampler_arg];
    let settings = NAMES.iter().zip(values);
    Group {
        settings: settings
            .filter_map(|(name, value)| Some(Setting::fixed(*name, value.as_ref()?)))
            .collect(),
        yields_to: NAMES.map(str::to_owned).to_vec(),
    }
}
