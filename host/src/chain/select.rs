//! Which workspaces a plugin applies to.

use crate::{call::Attributes, policy::Selector};

/// Whether the plugin with this selector applies to the workspace with these attributes.
#[inline]
pub(crate) fn selects(selector: &Selector, workspace: &Attributes) -> bool {
    one_of(&selector.tenants, &workspace.tenant)
        && one_of(&selector.runtimes, &workspace.runtime)
        && selector
            .labels
            .iter()
            .all(|(label, value)| workspace.labels.get(label) == Some(value))
}

#[inline]
fn one_of(wanted: &[String], found: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_conditions_must_hold() {
        let workspace = Attributes {
            tenant: "acme".into(),
            runtime: "local".into(),
            labels: [("team".into(), "a".into()), ("tier".into(), "1".into())].into(),
            ..Attributes::default()
        };
        let selector = |tenants: &[&str], runtimes: &[&str], labels: &[(&str, &str)]| Selector {
            tenants: tenants.iter().map(ToString::to_string).collect(),
            runtimes: runtimes.iter().map(ToString::to_string).collect(),
            labels: labels
                .iter()
                .map(|(label, value)| (label.to_string(), value.to_string()))
                .collect(),
        };
        for yes in [
            selector(&[], &[], &[]),
            selector(&["other", "acme"], &["local"], &[("team", "a")]),
            selector(&[], &[], &[("team", "a"), ("tier", "1")]),
        ] {
            assert!(selects(&yes, &workspace), "{yes:?}");
        }
        for no in [
            selector(&["other"], &[], &[]),
            selector(&["acme"], &["docker"], &[]),
            selector(&[], &[], &[("team", "a"), ("tier", "2")]),
            selector(&[], &[], &[("missing", "")]),
        ] {
            assert!(!selects(&no, &workspace), "{no:?}");
        }
    }
}
