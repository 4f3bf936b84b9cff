//! The headers of exporters. A signal's variable takes the place of the base's, and a signal with an endpoint of its own but no headers of
//! its own would send the base's there, keys included. So each signal's headers are worked out, and a key goes into the base variable only if all
//! signals go to the base endpoint.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::exporter::Place;
use crate::{
    config::{ApiKey, Exporter},
    encode,
    problems::Problems,
    setting::{Header, Setting, Value},
};

/// Parts of names of headers that carry a credential.
const CREDENTIALS: [&str; 9] = [
    "authorization",
    "api-key",
    "api_key",
    "apikey",
    "cookie",
    "honeycomb-team",
    "password",
    "secret",
    "token",
];

/// What each header gets: the text of a template, or a key.
#[derive(Clone, Copy, PartialEq)]
enum Text<'c> {
    Template(&'c str),
    Key(&'c ApiKey),
}

type Headers<'c> = BTreeMap<String, Text<'c>>;

/// The variables for headers, of the base and of signals that differ from it.
pub(super) fn settings(
    base: &Place<'_>,
    signals: &[Place<'_>],
    problems: &mut Problems,
) -> Vec<Setting> {
    for place in [base].into_iter().chain(signals) {
        if let Some(exporter) = place.exporter {
            check(place.field, exporter, problems);
        }
    }
    let key_of_base = base.exporter.and_then(|base| base.api_key.as_ref());
    let plain = with(Headers::new(), base.exporter, None);
    let of_signals: Vec<Headers<'_>> = signals
        .iter()
        .map(|signal| {
            let own = signal
                .exporter
                .and_then(|exporter| exporter.api_key.as_ref());
            let key = own.or(key_of_base.filter(|_| signal.endpoint().is_none()));
            with(plain.clone(), signal.exporter, key)
        })
        .collect();
    let mut settings = Vec::new();
    let all_alike = of_signals.windows(2).all(|pair| pair[0] == pair[1]);
    let in_base = match of_signals.first() {
        Some(first) if all_alike => first.clone(),
        Some(_) | None => plain,
    };
    settings.extend(setting(base, &in_base, problems));
    for (signal, headers) in signals.iter().zip(&of_signals) {
        if *headers != in_base {
            settings.extend(setting(signal, headers, problems));
        }
    }
    settings
}

fn with<'c>(
    mut headers: Headers<'c>,
    exporter: Option<&'c Exporter>,
    key: Option<&'c ApiKey>,
) -> Headers<'c> {
    let own = exporter.iter().flat_map(|exporter| &exporter.headers);
    headers.extend(own.map(|(name, text)| (name.to_ascii_lowercase(), Text::Template(text))));
    headers.extend(key.map(|key| (key.header.to_ascii_lowercase(), Text::Key(key))));
    headers
}

fn check(field: &str, exporter: &Exporter, problems: &mut Problems) {
    let named = exporter.headers.keys().map(|name| (name, "headers"));
    let key = exporter.api_key.iter().map(|key| (&key.header, "api_key"));
    if exporter
        .api_key
        .as_ref()
        .is_some_and(|key| !encode::fits_header(&key.value))
    {
        problems.push(
            &format!("{field}/api_key/value"),
            "expected a key of visible ASCII characters, found others; a line break in the middle of the file, perhaps",
        );
    }
    for (name, what) in named.chain(key) {
        let lower = name.to_ascii_lowercase();
        if !encode::is_plain_key(name) {
            problems.push(
                &format!("{field}/{what}"),
                "expected a header's name of letters, digits and `-`, found another; correct it",
            );
        } else if what == "headers" && CREDENTIALS.iter().any(|word| lower.contains(word)) {
            problems.push(
                &format!("{field}/headers/{name}"),
                "expected headers without credentials, found the name of one; write it under api_key, if all that runs in workspaces may \
                 have it",
            );
        }
    }
}

fn setting(place: &Place<'_>, headers: &Headers<'_>, problems: &mut Problems) -> Option<Setting> {
    let mut value = Vec::new();
    for (name, text) in headers {
        let header = match text {
            Text::Template(text) => {
                Header::Text(problems.template(&format!("{}/headers/{name}", place.field), text)?)
            }
            Text::Key(key) => Header::Key(whole(key)),
        };
        value.push((name.clone(), header));
    }
    (!value.is_empty()).then(|| Setting {
        name: place.variable("HEADERS"),
        value: Value::Headers(value),
    })
}

fn whole(key: &ApiKey) -> Zeroizing<String> {
    match &key.scheme {
        Some(scheme) => Zeroizing::new(format!("{scheme} {}", *key.value)),
        None => key.value.clone(),
    }
}

impl PartialEq for ApiKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.header, &self.scheme, &self.value) == (&other.header, &other.scheme, &other.value)
    }
}
