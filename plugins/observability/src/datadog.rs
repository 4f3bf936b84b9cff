//! Datadog: what its tracers read.

use serde_json::json;

use crate::{
    config::Datadog,
    encode,
    endpoint::Endpoint,
    group::Group,
    problems::Problems,
    setting::{Setting, Value},
};

/// Who brings one of these brings its own agent.
const AGENT: [&str; 4] = [
    "DD_AGENT_HOST",
    "DD_TRACE_AGENT_PORT",
    "DD_TRACE_AGENT_URL",
    "DD_DOGSTATSD_URL",
];

/// A key is good at one site.
const SITE: [&str; 2] = ["DD_SITE", "DD_API_KEY"];

/// The groups of variables.
pub(crate) fn groups(config: &Datadog, problems: &mut Problems) -> Vec<Group> {
    let mut alone = texts(config, problems);
    alone.extend(tags(config, problems));
    alone.extend(flags(config));
    if let Some(rate) = config.trace_sample_rate {
        if !(0.0..=1.0).contains(&rate) {
            problems.push(
                "/datadog/trace_sample_rate",
                "expected a number between 0 and 1, found another; correct it",
            );
        }
        // DD_TRACE_SAMPLE_RATE is gone from newer tracers; all of them read rules.
        let rules = json!([{ "sample_rate": rate }]);
        alone.push(Setting::fixed("DD_TRACE_SAMPLING_RULES", rules));
    }
    if !config.propagation_style.is_empty() {
        let styles = config.propagation_style.join(",");
        alone.push(Setting::fixed("DD_TRACE_PROPAGATION_STYLE", styles));
    }
    let mut groups: Vec<Group> = alone.into_iter().map(Group::alone).collect();
    groups.push(agent(config, problems));
    groups.push(site(config));
    groups
}

fn texts(config: &Datadog, problems: &mut Problems) -> Vec<Setting> {
    let texts = [
        ("DD_SERVICE", "service", &config.service),
        ("DD_ENV", "env", &config.env),
        ("DD_VERSION", "version", &config.version),
        ("DD_LLMOBS_ML_APP", "llmobs_ml_app", &config.llmobs_ml_app),
    ];
    let setting = |(name, field, text): (&str, &str, &Option<String>)| {
        let template = problems.template(&format!("/datadog/{field}"), text.as_ref()?)?;
        Some(Setting {
            name: name.to_owned(),
            value: Value::Text(template),
        })
    };
    texts.into_iter().filter_map(setting).collect()
}

fn tags(config: &Datadog, problems: &mut Problems) -> Option<Setting> {
    let mut tags = Vec::new();
    for (key, text) in &config.tags {
        if !encode::is_plain_key(key) {
            problems.push(
                "/datadog/tags",
                "expected keys of letters, digits, `.`, `_`, `/` and `-`, found another; Datadog keeps no others",
            );
        } else if let Some(template) = problems.template(&format!("/datadog/tags/{key}"), text) {
            tags.push((key.clone(), template));
        }
    }
    (!tags.is_empty()).then(|| Setting {
        name: "DD_TAGS".to_owned(),
        value: Value::Tags(tags),
    })
}

fn flags(config: &Datadog) -> impl Iterator<Item = Setting> {
    let flags = [
        ("DD_TRACE_ENABLED", config.trace_enabled),
        ("DD_LOGS_INJECTION", config.logs_injection),
        ("DD_LLMOBS_ENABLED", config.llmobs_enabled),
        ("DD_TRACE_OTEL_ENABLED", config.trace_otel_enabled),
        ("DD_METRICS_OTEL_ENABLED", config.metrics_otel_enabled),
        ("DD_LOGS_OTEL_ENABLED", config.logs_otel_enabled),
    ];
    flags
        .into_iter()
        .filter_map(|(name, flag)| Some(Setting::fixed(name, flag?)))
}

fn agent(config: &Datadog, problems: &mut Problems) -> Group {
    let is_unix = |url: &str| url.starts_with("unix://");
    if let Some(url) = config.trace_agent_url.as_deref()
        && !is_unix(url)
        && let Err(problem) = Endpoint::parse(url)
    {
        problems.push("/datadog/trace_agent_url", problem);
    }
    if let Some(url) = config.dogstatsd_url.as_deref()
        && !is_unix(url)
        && !url.starts_with("udp://")
    {
        problems.push(
            "/datadog/dogstatsd_url",
            "expected udp://HOST:PORT or unix://PATH, found something else; correct it",
        );
    }
    let port = config.trace_agent_port.map(|port| port.to_string());
    let values = [
        &config.agent_host,
        &port,
        &config.trace_agent_url,
        &config.dogstatsd_url,
    ];
    Group {
        settings: AGENT
            .iter()
            .zip(values)
            .filter_map(|(name, value)| Some(Setting::fixed(*name, value.as_ref()?)))
            .collect(),
        yields_to: AGENT.map(str::to_owned).to_vec(),
    }
}

fn site(config: &Datadog) -> Group {
    let site = config
        .site
        .as_ref()
        .map(|site| Setting::fixed(SITE[0], site));
    let key = config.api_key.as_ref().map(|key| Setting {
        name: SITE[1].to_owned(),
        value: Value::Key(key.clone()),
    });
    Group {
        settings: site.into_iter().chain(key).collect(),
        yields_to: SITE.map(str::to_owned).to_vec(),
    }
}
