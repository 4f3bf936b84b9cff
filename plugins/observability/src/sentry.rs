//! Sentry: what its SDKs read.

use zeroize::Zeroizing;

use crate::{
    config::Sentry,
    endpoint::Endpoint,
    group::Group,
    problems::Problems,
    setting::{Setting, Value},
};

/// The groups of variables.
pub(crate) fn groups(config: &Sentry, problems: &mut Problems) -> Vec<Group> {
    let texts = [
        ("SENTRY_ENVIRONMENT", "environment", &config.environment),
        ("SENTRY_RELEASE", "release", &config.release),
    ];
    let mut alone: Vec<Setting> = Vec::new();
    for (name, field, text) in texts {
        let template = text
            .as_ref()
            .and_then(|text| problems.template(&format!("/sentry/{field}"), text));
        alone.extend(template.map(|template| Setting {
            name: name.to_owned(),
            value: Value::Text(template),
        }));
    }
    alone.extend(
        config
            .debug
            .map(|debug| Setting::fixed("SENTRY_DEBUG", debug)),
    );
    if let Some(dsn) = &config.dsn {
        alone.extend(data_source(dsn, problems));
    }
    if config.trace_context {
        alone.push(Setting {
            name: "SENTRY_TRACE".to_owned(),
            value: Value::SentryTrace,
        });
    }
    alone.into_iter().map(Group::alone).collect()
}

/// `https://PUBLIC@HOST/PROJECT`. Its key only lets events in and is made to be public; older ones had a secret half as well.
fn data_source(dsn: &Zeroizing<String>, problems: &mut Problems) -> Option<Setting> {
    let parts = dsn.split_once("://").and_then(|(scheme, rest)| {
        let (key, place) = rest.split_once('@')?;
        Some((key, format!("{scheme}://{place}")))
    });
    let is_dsn = |place: &str| Endpoint::parse(place).is_ok_and(|endpoint| endpoint.has_path());
    let Some((key, _)) = parts.filter(|(key, place)| !key.is_empty() && is_dsn(place)) else {
        problems.push(
            "/sentry/dsn",
            "expected https://KEY@HOST/PROJECT, found something else; copy it from the project's settings, Client Keys",
        );
        return None;
    };
    let value = if key.contains(':') {
        Value::Key(dsn.clone())
    } else {
        Value::Fixed(dsn.clone())
    };
    Some(Setting {
        name: "SENTRY_DSN".to_owned(),
        value,
    })
}
