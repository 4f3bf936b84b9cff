//! One variable, and what it gets.

use provisionhook_provider_kit::percent;
use workspace_template::{Facts, Template};
use zeroize::Zeroizing;

use crate::encode;

/// A variable to set.
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// What a variable gets. What of it a workspace has not, is left out: no workspace fails for want of a label in its traces.
pub(crate) enum Value {
    Fixed(Zeroizing<String>),
    Text(Template),
    /// `key=value,…`, percent-encoded.
    Attributes(Vec<(String, Template)>),
    /// `key:value,…`, as Datadog has it.
    Tags(Vec<(String, Template)>),
    /// As attributes.
    Headers(Vec<(String, Header)>),
    /// W3C's, of the provision.
    TraceParent,
    /// The same, as Sentry writes it.
    SentryTrace,
    /// A secret.
    Key(Zeroizing<String>),
}

/// What a header gets.
pub(crate) enum Header {
    Text(Template),
    Key(Zeroizing<String>),
}

/// What is known when a workspace starts.
pub(crate) struct Known {
    pub(crate) facts: Facts,
    pub(crate) traceparent: String,
}

impl Setting {
    /// A variable that is the same for all workspaces.
    pub(crate) fn fixed(name: impl Into<String>, value: impl ToString) -> Self {
        Self {
            name: name.into(),
            value: Value::Fixed(Zeroizing::new(value.to_string())),
        }
    }

    pub(crate) fn is_secret(&self) -> bool {
        match &self.value {
            Value::Key(_) => true,
            Value::Headers(headers) => headers
                .iter()
                .any(|(_, header)| matches!(header, Header::Key(_))),
            Value::Fixed(_)
            | Value::Text(_)
            | Value::Attributes(_)
            | Value::Tags(_)
            | Value::TraceParent
            | Value::SentryTrace => false,
        }
    }

    /// What the variable gets for a workspace; none if nothing is left of it.
    pub(crate) fn rendered(&self, known: &Known) -> Option<Zeroizing<String>> {
        let text = |key: &str, template: &Template| rendered(&self.name, key, template, known);
        match &self.value {
            Value::Fixed(value) | Value::Key(value) => Some(value.clone()),
            Value::Text(template) => text("", template),
            Value::Attributes(attributes) => joined(
                attributes
                    .iter()
                    .filter_map(|(key, template)| Some(attribute(key, &text(key, template)?))),
            ),
            Value::Tags(tags) => joined(
                tags.iter()
                    .filter_map(|(key, template)| Some(encode::tag(key, &text(key, template)?))),
            ),
            Value::Headers(headers) => {
                joined(headers.iter().filter_map(|(key, header)| match header {
                    Header::Text(template) => {
                        let text = text(key, template)?;
                        encode::fits_header(&text).then(|| attribute(key, &text))
                    }
                    Header::Key(value) => Some(attribute(key, value)),
                }))
            }
            Value::TraceParent => Some(&known.traceparent)
                .filter(|traceparent| !traceparent.is_empty())
                .map(|traceparent| Zeroizing::new(traceparent.clone())),
            Value::SentryTrace => sentry_trace(&known.traceparent).map(Zeroizing::new),
        }
    }
}

fn attribute(key: &str, value: &str) -> String {
    format!("{key}={}", percent::encoded(value))
}

fn joined(parts: impl Iterator<Item = String>) -> Option<Zeroizing<String>> {
    let parts: Vec<Zeroizing<String>> = parts.map(Zeroizing::new).collect();
    let texts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
    (!texts.is_empty()).then(|| Zeroizing::new(texts.join(",")))
}

fn rendered(
    name: &str,
    key: &str,
    template: &Template,
    known: &Known,
) -> Option<Zeroizing<String>> {
    match template.render(&known.facts) {
        Ok(text) => Some(text).filter(|text| !text.is_empty()),
        Err(problem) => {
            tracing::debug!(variable = name, key, "left out: {problem}");
            None
        }
    }
}

/// `trace-span-sampled` of `00-trace-span-flags`.
fn sentry_trace(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (_version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    Some(format!("{trace}-{span}-{sampled}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(traceparent: &str) -> Known {
        Known {
            facts: Facts {
                tenant: "a,b".to_owned(),
                ..Facts::default()
            },
            traceparent: traceparent.to_owned(),
        }
    }

    fn template(text: &str) -> Template {
        Template::parse(text, false).unwrap()
    }

    fn rendered(value: Value, traceparent: &str) -> Option<String> {
        let setting = Setting {
            name: "X".to_owned(),
            value,
        };
        setting
            .rendered(&known(traceparent))
            .map(|text| text.to_string())
    }

    #[test]
    fn what_a_workspace_has_not_is_left_out() {
        let pairs = || {
            vec![
                ("tenant".to_owned(), template("{{ tenant }}")),
                ("team".to_owned(), template("{{ labels.team }}")),
            ]
        };
        assert_eq!(
            rendered(Value::Attributes(pairs()), "").as_deref(),
            Some("tenant=a%2Cb")
        );
        assert_eq!(
            rendered(Value::Tags(pairs()), "").as_deref(),
            Some("tenant:a_b")
        );
        assert_eq!(
            rendered(Value::Text(template("{{ labels.team }}")), ""),
            None
        );
        assert_eq!(rendered(Value::Attributes(Vec::new()), ""), None);
    }

    #[test]
    fn the_trace_of_the_provision_in_both_forms() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(
            rendered(Value::TraceParent, parent).as_deref(),
            Some(parent)
        );
        assert_eq!(
            rendered(Value::SentryTrace, parent).as_deref(),
            Some("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1")
        );
        assert_eq!(rendered(Value::TraceParent, ""), None);
        assert_eq!(rendered(Value::SentryTrace, "rubbish"), None);
    }
}
