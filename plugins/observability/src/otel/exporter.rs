//! Where telemetry is sent, and how: the base exporter, and what differs for a signal.
//!
//! Over HTTP an SDK puts `/v1/traces` and the like behind the base endpoint; a signal's own endpoint it takes as it is.

use super::headers;
use crate::{
    config::{Exporter, Otel},
    endpoint::Endpoint,
    group::Group,
    problems::Problems,
    setting::Setting,
};

/// What SDKs take when nothing is said.
const USUAL_PROTOCOL: &str = "http/protobuf";

const PROTOCOLS: [&str; 3] = ["grpc", "http/protobuf", "http/json"];

/// One signal as the config has it: the word in its variables, and in the config.
pub(super) struct Place<'c> {
    /// `TRACES_`, …; empty for the base.
    pub(super) infix: &'static str,
    pub(super) field: &'static str,
    pub(super) exporter: Option<&'c Exporter>,
}

impl Place<'_> {
    pub(super) fn variable(&self, what: &str) -> String {
        format!("OTEL_EXPORTER_OTLP_{}{what}", self.infix)
    }

    pub(super) fn endpoint(&self) -> Option<&str> {
        self.exporter?.endpoint.as_deref()
    }
}

/// All variables of all exporters yield together: a workspace with an endpoint of its own gets none of them. Which exporters there are
/// is another matter.
pub(super) fn groups(config: &Otel, problems: &mut Problems) -> Vec<Group> {
    let base = Place {
        infix: "",
        field: "/otel/exporter",
        exporter: config.exporter.as_ref(),
    };
    let signals = [
        ("TRACES_", "/otel/traces", &config.traces),
        ("METRICS_", "/otel/metrics", &config.metrics),
        ("LOGS_", "/otel/logs", &config.logs),
    ]
    .map(|(infix, field, exporter)| Place {
        infix,
        field,
        exporter: exporter.as_ref(),
    });
    let mut group = Group::default();
    let mut groups = Vec::new();
    for place in [&base].into_iter().chain(&signals) {
        group.yields_to.push(place.variable("ENDPOINT"));
        if let Some(exporter) = place.exporter {
            check(place, exporter, &base, problems);
            group.settings.extend(plain(place, exporter));
            groups.extend(exporter.kind.as_ref().map(|kind| {
                Group::alone(Setting::fixed(
                    format!("OTEL_{}EXPORTER", place.infix),
                    kind,
                ))
            }));
        }
    }
    group
        .settings
        .extend(headers::settings(&base, &signals, problems));
    groups.push(group);
    groups
}

/// The variables that stand for themselves.
fn plain(place: &Place<'_>, exporter: &Exporter) -> Vec<Setting> {
    let texts = [
        ("ENDPOINT", &exporter.endpoint),
        ("PROTOCOL", &exporter.protocol),
        ("COMPRESSION", &exporter.compression),
        ("CERTIFICATE", &exporter.certificate),
        ("CLIENT_KEY", &exporter.client_key),
        ("CLIENT_CERTIFICATE", &exporter.client_certificate),
        ("TIMEOUT", &exporter.timeout_ms.map(|ms| ms.to_string())),
        ("INSECURE", &exporter.insecure.map(|flag| flag.to_string())),
    ];
    texts
        .into_iter()
        .filter_map(|(what, text)| Some(Setting::fixed(place.variable(what), text.as_ref()?)))
        .collect()
}

fn check(place: &Place<'_>, exporter: &Exporter, base: &Place<'_>, problems: &mut Problems) {
    let of_base = base.exporter.and_then(|base| base.protocol.as_deref());
    let protocol = exporter
        .protocol
        .as_deref()
        .or(of_base)
        .unwrap_or(USUAL_PROTOCOL);
    if !PROTOCOLS.contains(&protocol) {
        problems.push(
            &format!("{}/protocol", place.field),
            "expected grpc, http/protobuf or http/json, found another; correct it",
        );
    }
    if place.infix.is_empty() && exporter.kind.is_some() {
        problems.push(
            "/otel/exporter/kind",
            "expected it under traces, metrics or logs, found it for all of them; there is no such variable",
        );
    }
    let field = format!("{}/endpoint", place.field);
    if let Some(text) = &exporter.endpoint {
        match Endpoint::parse(text) {
            Ok(endpoint) => check_endpoint(place, &field, &endpoint, protocol, problems),
            Err(problem) => problems.push(&field, problem),
        }
    }
    if exporter.api_key.is_some() {
        check_key(place, base, problems);
    }
}

fn check_endpoint(
    place: &Place<'_>,
    field: &str,
    endpoint: &Endpoint<'_>,
    protocol: &str,
    problems: &mut Problems,
) {
    let is_base = place.infix.is_empty();
    let over_http = protocol != "grpc";
    if is_base && over_http && endpoint.has_signal_path() {
        problems.push(
            field,
            "expected the base URL, behind which SDKs put /v1/traces and the like, found one that has it already; take the path off, or \
             give it as the endpoint of that signal",
        );
    }
    if !is_base && over_http && !endpoint.has_path() {
        tracing::warn!(
            "{field}: SDKs take a signal's endpoint as it is, so this one sends to the path `/`; most collectors expect /v1/traces and \
             the like"
        );
    }
    if let Some(odd) = endpoint.odd_port(protocol) {
        tracing::warn!("{field}: {odd}; the protocol is {protocol}");
    }
}

fn check_key(place: &Place<'_>, base: &Place<'_>, problems: &mut Problems) {
    let field = format!("{}/api_key", place.field);
    let Some(text) = place.endpoint().or(base.endpoint()) else {
        problems.push(
            &field,
            "expected an endpoint that the key is for, found none; give the endpoint too",
        );
        return;
    };
    if Endpoint::parse(text).is_ok_and(|endpoint| !endpoint.may_carry_key()) {
        problems.push(
            &field,
            "expected an https endpoint for a key, found http; a key must not travel unencrypted",
        );
    }
}
